#include "tools/event_reader.h"

#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/sha256.h"
#include "tests/testing/status_matchers.h"
#include "tools/json_event.h"
#include "tools/strict_json.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kFhir[] =
    R"({"resourceType":"AuditEvent","id":"f1","recorded":"2024-05-06T07:08:09Z"})";

absl::StatusOr<std::vector<std::string>> Ids(const std::string& text,
                                             EventFormat format = EventFormat::kAuto) {
  std::istringstream input(text);
  EventReader reader(input, "in.json", format);
  std::vector<std::string> ids;
  while (true) {
    auto event = reader.Next();
    if (!event.ok()) return event.status();
    if (!event->has_value()) return ids;
    ids.push_back((*event)->event_id());
  }
}

TEST(EventReaderTest, TellsTheSpellingsApart) {
  EXPECT_THAT(Ids("").value(), ElementsAre());
  EXPECT_THAT(Ids("\n \n").value(), ElementsAre());
  EXPECT_THAT(Ids(R"({"eventId":"a"})").value(), ElementsAre("a"));
  EXPECT_THAT(Ids(R"({"event_id":"a"})").value(), ElementsAre("a"));
  EXPECT_THAT(Ids("{\n\"eventId\":\n\"a\"}\n").value(), ElementsAre("a"));
  EXPECT_THAT(Ids(absl::StrCat("{\"eventId\":\"a\"}\n\n", kFhir, "\n{\"eventId\":\"b\"}")).value(),
              ElementsAre("a", "f1", "b"));
  EXPECT_THAT(Ids("\n{\"eventId\":\"a\"}\n", EventFormat::kJsonLines).value(), ElementsAre("a"));
  EXPECT_THAT(Ids(kFhir, EventFormat::kFhirR4).value(), ElementsAre("f1"));
}

TEST(EventReaderTest, ErrorsSayWhere) {
  const auto is = [](const std::string& prefix, const std::string& why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, AllOf(StartsWith(prefix), HasSubstr(why)));
  };
  EXPECT_THAT(Ids("{\"eventId\":\"a\"}\n{\"eventId\":\"b\",}\n"),
              is("in.json:2: ", "not valid JSON"));
  EXPECT_THAT(Ids("{\"eventId\":\"a\"}\n\n{\"agent\":[{\"colour\":\"red\"}]}"),
              is("in.json:3: ", "colour"));
  EXPECT_THAT(Ids("{\n  \"eventId\": 1 2\n}"), is("in.json:1: ", "line 2"));
  EXPECT_THAT(Ids("{\"eventId\":\"a\",\"eventId\":\"b\"}"), is("in.json:1: ", "twice"));
  EXPECT_THAT(Ids("[]"), is("in.json:1: ", "an event is a JSON object"));
  EXPECT_THAT(Ids("{\"action\":\"PEEK\"}"), is("in.json:1: ", "action"));
  EXPECT_THAT(Ids(kFhir, EventFormat::kEventJson),
              AllOf(is("in.json:1: ", "(recorded)"), Not(is("in.json:1: ", "2024"))));
  EXPECT_THAT(ParseEventFormat("xml"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("auto")));
}

TEST(EventReaderTest, GoesOnBehindABadLine) {
  std::istringstream input("{\"eventId\":\"a\"}\nnot json\n{\"eventId\":\"c\"}\n");
  EventReader reader(input, "in", EventFormat::kJsonLines);
  EXPECT_EQ(reader.Next().value()->event_id(), "a");
  EXPECT_THAT(reader.Next(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(reader.Next().value()->event_id(), "c");
  EXPECT_EQ(reader.line(), 3u);
}

TEST(EventReaderTest, DigestIsThatOfTheFile) {
  for (const std::string& file : {absl::StrCat(kFhir, "\n"), std::string(kFhir),
                                  std::string("{\n\"resourceType\":\"AuditEvent\",\n"
                                              "\"recorded\":\"2024-05-06T07:08:09Z\"}\n\n")}) {
    std::istringstream input(file);
    EventReader reader(input, "in", EventFormat::kAuto);
    ASSERT_OK_AND_ASSIGN(const auto event, reader.Next());
    EXPECT_EQ(event->original().sha256(), std::string(Sha256({file}).view())) << file;
    EXPECT_EQ(event->original().size(), file.size());
  }
}

TEST(EventReaderTest, AnEndlessLineIsRefusedWithoutBeingKept) {
  const size_t limit = JsonLimits{}.max_bytes;
  const std::string padded = "{\"eventId\":\"a\"" + std::string(limit - 15, ' ') + "}";
  ASSERT_EQ(padded.size(), limit);
  EXPECT_OK(Ids(padded));
  EXPECT_THAT(Ids(padded + " "),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most")));
  EXPECT_THAT(Ids("{\"eventId\":\"a\"}\n" + std::string(4 * limit, ' ') + "x\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("in.json:2: ")));
}

TEST(JsonEventTest, SaysAnEventAgain) {
  ASSERT_OK_AND_ASSIGN(
      const v1::AuditEvent event,
      AuditEventFromJson(R"({"eventId":"e","recorded":{"at":"2024-05-06T07:08:09.5Z",
                         "utcOffsetMinutes":0},
                         "source":{"streamSequence":"18446744073709551615"}})"));
  EXPECT_EQ(event.source().stream_sequence(), UINT64_MAX);
  EXPECT_TRUE(event.recorded().has_utc_offset_minutes());
  ASSERT_OK_AND_ASSIGN(const std::string line, JsonFromAuditEvent(event, false));
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  ASSERT_OK_AND_ASSIGN(const v1::AuditEvent again, AuditEventFromJson(line));
  EXPECT_EQ(again.SerializeAsString(), event.SerializeAsString());
}

}  // namespace
}  // namespace auditledger
