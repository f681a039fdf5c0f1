#include "tools/witness_logs.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;

std::string Vkey(uint8_t seed, const std::string& name, uint8_t type = kNoteEd25519) {
  return NoteVerifier::FromEd25519(name, TestPublicKey(seed), type)->ToVkey();
}

TEST(WitnessLogsTest, ALineIsAKeyAndPerhapsAnOrigin) {
  ASSERT_OK_AND_ASSIGN(const auto logs, ParseWitnessedLogs(absl::StrCat(
                                            "# of the hospital\n", Vkey(1, "a.example"), "\n\n \t",
                                            Vkey(2, "b.example"), "\tb.example/log \n",
                                            Vkey(3, "a.example"), "\n# no LF at the end")));
  ASSERT_EQ(logs.size(), 2u);
  EXPECT_EQ(logs[0].origin, "a.example");
  EXPECT_EQ(logs[0].keys.size(), 2u);
  EXPECT_EQ(logs[1].origin, "b.example/log");
  EXPECT_EQ(logs[1].keys[0].name(), "b.example");
  EXPECT_OK(ParseWitnessedLogs(""));
}

TEST(WitnessLogsTest, OtherLinesAreRefusedByNumber) {
  const std::string key = Vkey(1, "a.example");
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"\n" + key + " a b\n", "line 2: not \"vkey"},
      {"a.example\n", "vkey"},
      {Vkey(1, "w", kNoteEd25519Cosignature), "log key"},
      {key + "\n" + key, "line 2: a key that this log has"},
      {key + " \xff", "UTF-8"},
      {key + "\r\n", ""},
  };
  for (const auto& [text, why] : refused) {
    EXPECT_THAT(ParseWitnessedLogs(text), StatusIs(StatusCode::kInvalidArgument, HasSubstr(why)))
        << text;
  }
}

TEST(WitnessLogsTest, LimitsHoldAtTheirEdge) {
  std::string logs;
  for (size_t i = 0; i < kMaxWitnessedLogs; ++i) {
    absl::StrAppend(&logs, Vkey(1, "key"), " log", i, "\n");
  }
  EXPECT_OK(ParseWitnessedLogs(logs));
  EXPECT_THAT(ParseWitnessedLogs(logs + Vkey(1, "key") + " more\n"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("over 1000 logs")));
  std::string keys;
  for (uint8_t i = 0; i < kMaxKeysOfLog; ++i) absl::StrAppend(&keys, Vkey(i, "log"), "\n");
  EXPECT_OK(ParseWitnessedLogs(keys));
  EXPECT_THAT(ParseWitnessedLogs(keys + Vkey(100, "log")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("over 8 keys")));
  EXPECT_OK(ParseWitnessedLogs("#" + std::string(kMaxWitnessLogsBytes - 1, 'x')));
  EXPECT_THAT(ParseWitnessedLogs("#" + std::string(kMaxWitnessLogsBytes, 'x')),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("bytes")));
}

}  // namespace
}  // namespace auditledger::testing
