#include "tools/monitor_config.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::StatusIs;

std::string Key(const std::string& origin, uint8_t type = kNoteEd25519) {
  return NoteVerifier::FromEd25519(origin, testing::TestPublicKey(1), type)->ToVkey();
}

TEST(MonitorConfigTest, NamesLogsPlacesAndWitnesses) {
  ASSERT_OK_AND_ASSIGN(const auto logs,
                       ParseMonitorConfig(absl::StrCat(
                           "# ours\n\nlog a ", Key("x.example/a"), "  /srv/a\thttp://b/\n",
                           "witness ", Key("w.example", kNoteEd25519Cosignature), "\n", "log b ",
                           Key("x.example/b"), " https://x.example/b")));
  ASSERT_EQ(logs.size(), 2u);
  EXPECT_EQ(logs[0].name, "a");
  EXPECT_EQ(logs[0].key.name(), "x.example/a");
  EXPECT_THAT(logs[0].places, ElementsAre("/srv/a", "http://b/"));
  EXPECT_EQ(logs[1].witnesses.size(), 1u);
}

TEST(MonitorConfigTest, FaultsNameTheLine) {
  const std::string good = absl::StrCat("log a ", Key("x.example/a"), " /srv/a\n");
  const std::string witness = absl::StrCat("witness ", Key("w", kNoteEd25519Cosignature), "\n");
  for (const std::string& line :
       {std::string("log a"), absl::StrCat("log A ", Key("x.example/b"), " /b"),
        std::string("log b not-a-key /b"), absl::StrCat("log a ", Key("x.example/b"), " /b"),
        absl::StrCat("log b ", Key("x.example/a"), " /b"),
        absl::StrCat("log b ", Key("x.example/b"), " /b /b"),
        absl::StrCat("log b ", Key("x.example/b"), " ftp://b"),
        absl::StrCat("log b ", Key("x.example/b"), " http://me@b"),
        absl::StrCat("log b ", Key("w", kNoteEd25519Cosignature), " /b"),
        absl::StrCat("witness ", Key("w")), std::string("witness"), witness, std::string("logs")}) {
    EXPECT_THAT(ParseMonitorConfig(good + witness + line),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 3: ")))
        << line;
  }
  EXPECT_FALSE(ParseMonitorConfig("# nothing\n").ok());
}

TEST(MonitorConfigTest, NamesAreFolderNames) {
  const auto parse = [](const std::string& name) {
    return ParseMonitorConfig(absl::StrCat("log ", name, " ", Key("x.example/a"), " /a"));
  };
  EXPECT_OK(parse("a-1"));
  EXPECT_OK(parse(std::string(kMaxMonitorNameBytes, 'a')));
  for (const std::string& name : {std::string(kMaxMonitorNameBytes + 1, 'a'), std::string("1a"),
                                  std::string(".."), std::string("a/b"), std::string("-a")}) {
    EXPECT_FALSE(parse(name).ok()) << name;
  }
}

TEST(MonitorConfigTest, SoManyLogsAndNoMore) {
  std::string text;
  for (size_t i = 0; i < kMaxMonitoredLogs; ++i) {
    absl::StrAppend(&text, "log l", i, " ", Key(absl::StrCat("x.example/", i)), " /srv\n");
  }
  EXPECT_OK(ParseMonitorConfig(text));
  EXPECT_FALSE(ParseMonitorConfig(text + "log more " + Key("x.example/more") + " /srv\n").ok());
}

}  // namespace
}  // namespace auditledger
