#include "ledger/key_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using testing::FileFaults;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SteppedClock;
using testing::TempDir;
using testing::TestLedger;

class KeyUseTest : public ::testing::Test {
 protected:
  KeyUseTest() { Reopen(); }
  void Reopen() {
    log_.reset();
    log_ = std::make_unique<KeyUseLog>(dir_.path(), clock_, [this] { return uses_; });
  }
  std::string Text() { return ReadWholeFile(dir_ / "key-use.log", 2 << 20).value_or(""); }

  TempDir dir_;
  SteppedClock clock_;
  KeyUses uses_;
  std::unique_ptr<KeyUseLog> log_;
};

TEST_F(KeyUseTest, ALineHasItsTime) {
  log_->Add("load program=x");
  EXPECT_EQ(Text(), "2023-11-14T22:13:20Z load program=x\n");
}

TEST_F(KeyUseTest, UsesAreCountedHourlyAndAtTheStopSinceTheLast) {
  uses_ = {{1, {3, 4}}, {2, {0, 0}}};
  log_->CountIfDue();
  EXPECT_EQ(Text(), "") << "not due";
  clock_.Pass(3'599'000'000);
  log_->CountIfDue();
  EXPECT_EQ(Text(), "");
  clock_.Pass(1'000'000);
  log_->CountIfDue();
  log_->CountIfDue();
  EXPECT_EQ(Text(), "2023-11-14T23:13:20Z count wrap-1 wrapped=3 opened=4\n");
  uses_ = {{1, {3, 9}}, {2, {7, 0}}};
  log_.reset();
  EXPECT_THAT(Text(), HasSubstr("count wrap-1 wrapped=0 opened=5\n"));
  EXPECT_THAT(Text(), HasSubstr("count wrap-2 wrapped=7 opened=0\n"));
}

TEST_F(KeyUseTest, TheFileIsBoundedAndTheOneBeforeIsKept) {
  const std::string line(1000, 'x');
  for (int i = 0; i < 2500; ++i) log_->Add(line);
  EXPECT_LE(Text().size(), kMaxKeyUseLogBytes);
  EXPECT_LE(ReadWholeFile(dir_ / "key-use.log.1", 2 << 20)->size(), kMaxKeyUseLogBytes);
  EXPECT_GT(ReadWholeFile(dir_ / "key-use.log.1", 2 << 20)->size(), kMaxKeyUseLogBytes - 2000);
}

TEST_F(KeyUseTest, ALineThatCouldNotBeWrittenIsCountedInTheNext) {
  {
    const FileFaults faults(FileOperation::kWrite, "key-use", ENOSPC);
    log_->Add("load");
    log_->Add("load");
  }
  log_->Add("rotate");
  log_->Add("rotate");
  EXPECT_THAT(Text(), HasSubstr(" rotate lost=2\n"));
  EXPECT_THAT(Text(), Not(HasSubstr("load")));
}

TEST(KeyUseOfALedger, IsLoggedInStateDirAndNamesNobody) {
  TestLedger t;
  ASSERT_OK(t.Create());
  for (int i = 0; i < 3; ++i) ASSERT_OK(t.AppendOne(absl::StrCat("e", i), "content"));
  ASSERT_OK(t.ledger->ReadEntry(1, true));
  EXPECT_EQ(t.ledger->key_uses().at(1).wrapped, 3u);
  EXPECT_GE(t.ledger->key_uses().at(1).opened, 1u);
  t.Close();
  const std::string text = ReadWholeFile(t.options.paths.state_dir + "/key-use.log", 4096).value();
  EXPECT_THAT(text, HasSubstr(" load program="));
  EXPECT_THAT(text, HasSubstr(" master=none index=1 dedup=1 wrap=1\n"));
  EXPECT_THAT(text, HasSubstr(" count wrap-1 wrapped=3 opened="));
  EXPECT_THAT(text, Not(HasSubstr(t.principal)));
}

}  // namespace
}  // namespace auditledger
