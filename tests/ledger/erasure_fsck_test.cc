// What fsck says of a ledger that erased, and of one that says so and did not.
// Covers: ledger/fsck_payloads
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/fsck.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using How = Faults::How;

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

// A ledger in files, as fsck looks at it.
class ErasureFsckTest : public ::testing::Test {
 protected:
  ErasureFsckTest() : t(TestLedger::Store::kLevelDb) {
    EXPECT_OK(t.Create());
    for (int i = 1; i <= 20; ++i) EXPECT_OK(t.AppendOne(absl::StrCat("event-", i), "content"));
  }
  FsckReport Check() {
    t.Close();
    FsckOptions options;
    options.paths = t.options.paths;
    options.origin = t.options.origin;
    return Fsck(options).value();
  }

  TestLedger t;
};

TEST_F(ErasureFsckTest, AcceptsSecretsDestroyedUnderAnEntry) {
  ASSERT_OK(t.Erase({{7, 9}, {12, 12}}));
  const FsckReport report = Check();
  EXPECT_EQ(report.findings_total, 0u) << report.findings[0].what;
  EXPECT_EQ(report.payloads_erased, 4u);
  EXPECT_EQ(report.payloads_opened, 18u) << "16 events, the request and the erasure";
}

TEST_F(ErasureFsckTest, NamesWhatIsStillThereThoughAnEntryErasedIt) {
  const std::string path = t.options.paths.seed_dir + "/seeds-0000000000000000";
  const std::string before = ReadAll(path);
  ASSERT_OK_AND_ASSIGN(const uint64_t by, t.Erase({{7, 7}}));
  t.Close();
  std::string slots = ReadAll(path);
  slots.replace(7 * 64, 64, before, 7 * 64, 64);
  slots.replace(9 * 64, 64, "\xff" + std::string(63, '\0'));
  std::ofstream(path, std::ios::binary) << slots;
  const FsckReport report = Check();
  std::vector<std::string> found;
  for (const Finding& finding : report.findings) found.push_back(finding.what);
  EXPECT_THAT(found, ::testing::Contains(AllOf(HasSubstr("entry 7"),
                                               HasSubstr(absl::StrCat("its secret is still there, "
                                                                      "though entry ",
                                                                      by)))));
  EXPECT_THAT(found, ::testing::Contains(
                         AllOf(HasSubstr("entry 9"), HasSubstr("without an erasure entry"))));
}

TEST_F(ErasureFsckTest, NamesAnErasureThatWasNotCarriedOut) {
  t.principal = "a";
  ASSERT_OK(t.ledger->RequestErasure({ErasureReason::kOther, {{7, 7}}}, t.Seal("ask", "x")));
  t.principal = "b";
  t.faults->seed_erase = How::kErrorAndAbsent;
  EXPECT_FALSE(t.ledger->Erase(21, t.Seal("approve", "x")).ok());
  const FsckReport report = Check();
  EXPECT_EQ(report.findings_total, 3u) << "secret, payload and the event's MAC";
  for (const Finding& finding : report.findings) {
    EXPECT_EQ(finding.entry, 7u);
    EXPECT_THAT(finding.what, HasSubstr("still there, though entry 22 erased it"));
  }
  t.Heal();
  ASSERT_OK(t.Open());
  EXPECT_EQ(Check().findings_total, 0u);
}

}  // namespace
}  // namespace auditledger::testing
