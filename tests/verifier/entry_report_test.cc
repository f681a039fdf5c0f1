// One entry of an export, shown only after it was proven: nothing of an entry that is refused or
// cannot be told is printed.
#include <filesystem>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"
#include "verifier/log_audit.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;

using testing::ReadFile;
using testing::TempDir;
using testing::TestEvent;
using testing::TestLog;
using testing::WriteFile;

constexpr int kRefused = 1;
constexpr int kCannotTell = 2;

class EntryReportTest : public ::testing::Test {
 protected:
  EntryReportTest() : pin_{log_.origin(), log_.verifier()} { log_.AddEvents(20); }
  std::string File(const std::string& name) { return dir_.File("export/" + name); }
  void Export() {
    std::filesystem::remove_all(dir_.File("export"));
    testing::ExportLog(log_, dir_.File("export"));
  }
  EntryReport Show(uint64_t index) { return VerifyEntry(dir_.File("export"), index, pin_); }
  void ExpectNothingShown(uint64_t index, int exit_code, const std::string& why) {
    const EntryReport report = Show(index);
    EXPECT_EQ(report.verdict.ExitCode(), exit_code) << VerdictText(report.verdict);
    EXPECT_THAT(absl::StrJoin(report.verdict.reasons, "\n"), HasSubstr(why));
    EXPECT_EQ(report.event_json, "");
    EXPECT_EQ(report.sender, "");
  }
  void Flip(const std::string& name, size_t at) {
    std::string bytes = ReadFile(File(name));
    bytes[at] ^= 1;
    WriteFile(File(name), bytes);
  }

  TestLog log_;
  Pin pin_;
  TempDir dir_;
};

TEST_F(EntryReportTest, AnEntryIsShownOpenedAndItsPayloadMayBeWithheld) {
  Export();
  const EntryReport report = Show(7);
  EXPECT_EQ(report.verdict.outcome, Outcome::kVerified) << VerdictText(report.verdict);
  EXPECT_THAT(report.event_json, HasSubstr("event-7"));
  EXPECT_THAT(report.sender, HasSubstr("spiffe://test/ehr"));
  std::filesystem::remove_all(File("payload"));
  const EntryReport withheld = Show(7);
  EXPECT_EQ(withheld.verdict.outcome, Outcome::kVerified);
  EXPECT_THAT(absl::StrJoin(withheld.verdict.not_proven, "\n"), HasSubstr("WITHHELD"));
  EXPECT_EQ(withheld.event_json, "");
}

TEST_F(EntryReportTest, AnEntryThatIsNotTheOneInTheTree) {
  Export();
  Flip("tile/entries/000.p/21", 2 + 5);  // in the first leaf, the genesis: it still parses
  ExpectNothingShown(0, kRefused, "inclusion: ");
  Export();
  Flip("tile/0/000.p/21", 3);
  ExpectNothingShown(5, kRefused, "inclusion: ");
}

TEST_F(EntryReportTest, AnEventThatItsEntryDoesNotCommitTo) {
  std::swap(log_.openings()[4], log_.openings()[5]);
  Export();
  ExpectNothingShown(4, kRefused, "commitment");
}

TEST_F(EntryReportTest, ASignedEntryThatBreaksTheRules) {
  log_.AddBytes("junk", std::nullopt);
  auto [leaf, opening] = log_.Seal(TestEvent(70), std::nullopt);
  leaf.commitment.reset();
  log_.AddLeaf(leaf, std::nullopt);
  Export();
  ExpectNothingShown(21, kRefused, "leaf version");
  ExpectNothingShown(22, kRefused, "without commitment");
}

TEST_F(EntryReportTest, WhatIsNotThereCannotBeTold) {
  for (const char* name : {"checkpoint", "tile/entries/000.p/21", "tile/0/000.p/21"}) {
    Export();
    std::filesystem::remove(File(name));
    ExpectNothingShown(7, kCannotTell, "");
  }
  Export();
  std::filesystem::remove(File("payload/000.p/21"));
  std::filesystem::create_directory(File("payload/000.p/21"));
  ExpectNothingShown(7, kCannotTell, "not a regular file");
}

TEST_F(EntryReportTest, AHeadThatIsNotThePinnedLogs) {
  TestLog::Options options;
  options.key = 2;
  TestLog stranger(options);
  stranger.AddEvents(20);
  testing::ExportLog(stranger, dir_.File("export"));
  ExpectNothingShown(7, kRefused, "no known key signed it");
}

}  // namespace
}  // namespace auditledger
