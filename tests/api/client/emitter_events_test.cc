#include "api/client/emitter_events.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace auditledger {
namespace {

constexpr uint64_t kNow = 1'700'000'000'123'456;

v1::Source SourceOf() {
  v1::Source source;
  source.mutable_observer()->set_reference("Device/ehr");
  source.set_software("ehr");
  return source;
}

std::string Codes(const v1::AuditEvent& event) {
  std::string out;
  for (const auto& one : event.category()) absl::StrAppend(&out, one.coding(0).code(), " ");
  for (const auto& one : event.code()) absl::StrAppend(&out, one.coding(0).code(), " ");
  return out;
}

TEST(EmitterEventsTest, SayWhatTheFieldSaysAndComplete) {
  const v1::Source source = SourceOf();
  EXPECT_EQ(Codes(RecordingStartedEvent(source, kNow)), "110113 110134 ");
  EXPECT_EQ(Codes(RecordingStoppedEvent(source, kNow)), "110113 110133 ");
  EXPECT_EQ(Codes(HeartbeatEvent(source, kNow)), "110100 heartbeat ");
  EXPECT_EQ(Codes(OutageEvent(source, kNow, {})), "110113 110133 outage ");
  const v1::AuditEvent event = HeartbeatEvent(source, kNow);
  EXPECT_EQ(event.schema_version(), 1u);
  EXPECT_EQ(event.recorded().at().seconds(), 1'700'000'000);
  EXPECT_EQ(event.recorded().at().nanos(), 123'456'000);
  EXPECT_EQ(event.recorded().utc_offset_minutes(), 0);
  EXPECT_EQ(event.outcome().indicator(), v1::Outcome::INDICATOR_SUCCESS);
  EXPECT_EQ(event.agent(0).who().reference(), "Device/ehr");
  EXPECT_TRUE(event.agent(0).requestor());
  EXPECT_EQ(event.source().software(), "ehr");
}

TEST(EmitterEventsTest, AnOutageSaysFromWhenToWhenHowManyAndWhy) {
  v1::AuditEvent event = OutageEvent(SourceOf(), kNow, {kNow - 5'000'000, kNow, 12, "full"});
  EXPECT_EQ(event.occurred_start().at().seconds(), 1'699'999'995);
  EXPECT_EQ(event.occurred_end().at().seconds(), 1'700'000'000);
  EXPECT_EQ(event.entity(0).record_count(), 12u);
  EXPECT_EQ(event.outcome().description(), "full");
  EXPECT_EQ(event.outcome().indicator(), v1::Outcome::INDICATOR_SERIOUS_FAILURE);
  // A clock that was set back meanwhile.
  event = OutageEvent(SourceOf(), kNow, {kNow, kNow - 5'000'000, 1, ""});
  EXPECT_LT(event.occurred_start().at().seconds(), event.occurred_end().at().seconds());
}

TEST(EmitterEventsTest, AReasonIsCutBetweenCharacters) {
  const auto reason = [](const std::string& text) {
    return OutageEvent(SourceOf(), kNow, {1, 1, 1, text}).outcome().description();
  };
  EXPECT_EQ(reason(std::string(256, 'x')), std::string(256, 'x'));
  EXPECT_EQ(reason(std::string(257, 'x')), std::string(256, 'x'));
  EXPECT_EQ(reason(std::string(255, 'x') + "\xc3\xa4"), std::string(255, 'x'));
  EXPECT_EQ(reason(std::string(254, 'x') + "\xc3\xa4" + "z"), std::string(254, 'x') + "\xc3\xa4");
}

}  // namespace
}  // namespace auditledger
