// A disk that fills: appends stop before the engine is hurt, reads go on, and what was there goes
// on by itself when there is room again.
#include "ledger/disk_space.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ledger/errors.h"
#include "ledger/pause_gate.h"
#include "ledger/recovery.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kLongerThanAnyCheck = uint64_t{60} * 1'000'000;

TEST(DiskFull, PausesAppendsAtTheLowWaterMarkAndEndsByItself) {
  TestLedger t;
  std::atomic<uint64_t> free{t.options.limits.low_water_bytes};
  t.options.free_bytes = [&free] { return free.load(); };
  ASSERT_OK(t.Create());
  ASSERT_OK(t.AppendOne("at the mark", "x").status());
  free = t.options.limits.low_water_bytes - 1;
  t.clock.Pass(kLongerThanAnyCheck);
  const auto refused = t.AppendOne("below it", "x");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(ReasonOf(refused.status()).reason, kReasonLedgerPaused);
  EXPECT_EQ(t.ledger->status().state, LedgerState::kPaused);
  EXPECT_OK(t.ledger->ReadEntry(1, true).status());  // reads go on
  free = t.options.limits.resume_water_bytes - 1;    // a little room is not yet enough
  t.clock.Pass(kLongerThanAnyCheck);
  EXPECT_FALSE(t.AppendOne("below it", "x").ok());
  free = t.options.limits.resume_water_bytes;
  t.clock.Pass(kLongerThanAnyCheck);
  ASSERT_OK_AND_ASSIGN(const AppendOutcome later, t.AppendOne("below it", "x"));
  EXPECT_EQ(later.entries[0].index, 2u);
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
  EXPECT_OK(t.Check());
}

TEST(DiskSpace, KeepsRoomBackForAMergeOfTheIdentityIndex) {
  TestLedger t;
  ASSERT_OK(t.Create());
  const uint64_t tenth = kMiB * 10;
  ASSERT_OK_AND_ASSIGN(const uint64_t before, SpareDiskBytes(t.options.paths));
  const std::string run = IdentityPath(t.options.paths) + "/ids-0000000000000000-0000000000000100";
  std::ofstream(run) << "";
  fs::resize_file(run, tenth);  // a hole: it takes no space itself
  ASSERT_OK_AND_ASSIGN(const uint64_t after, SpareDiskBytes(t.options.paths));
  // Others use the disk as well: the difference is the run's size, give or take.
  EXPECT_NEAR(static_cast<double>(before) - static_cast<double>(after), static_cast<double>(tenth),
              static_cast<double>(kMiB * 5));
  EXPECT_THAT(SpareDiskBytes({"/no/such/folder", "", "", "/no/such/folder"}),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST(DiskBallast, IsMadeWhereThereIsRoomAndReleasedWhereThereIsNone) {
  TestLedger t;
  uint64_t free = 0;
  t.options.free_bytes = [&free] { return free; };
  t.options.limits.ballast_bytes = kMiB;
  fs::create_directory(t.options.paths.data_dir);
  const std::string ballast = t.options.paths.data_dir + "/ballast";
  const auto there = [&] { return fs::exists(ballast); };

  free = t.options.limits.resume_water_bytes + kMiB - 1;
  ASSERT_OK(MakeBallast(t.options));
  EXPECT_FALSE(there());  // it must not be what makes appends pause
  ++free;
  ASSERT_OK(MakeBallast(t.options));
  ASSERT_TRUE(there());
  EXPECT_EQ(fs::file_size(ballast), kMiB);
  ASSERT_OK(MakeBallast(t.options));  // once is enough

  free = kMiB;
  ASSERT_OK(ReleaseBallastIfFull(t.options));
  EXPECT_TRUE(there());
  free = kMiB - 1;
  ASSERT_OK(ReleaseBallastIfFull(t.options));
  EXPECT_FALSE(there());
  ASSERT_OK(ReleaseBallastIfFull(t.options));  // nor is there one to release

  t.options.limits.ballast_bytes = 0;
  free = uint64_t{1} << 40;
  ASSERT_OK(MakeBallast(t.options));
  EXPECT_FALSE(there());
}

// A disk of our own, small enough to fill.
class DiskFullTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kDiskBytes = 48 * kMiB;

  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small disk";
    const std::string options = absl::StrCat("size=", kDiskBytes, ",mode=0700");
    if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, options.c_str()) != 0) {
      GTEST_SKIP() << "cannot mount a small disk here";
    }
    mounted = true;
    t.options.paths = {folder / "data", folder / "state", folder / "keys", folder / "seeds"};
    t.options.free_bytes = nullptr;  // statvfs
    t.options.limits.low_water_bytes = 8 * kMiB;
    t.options.limits.resume_water_bytes = 12 * kMiB;
    t.options.limits.ballast_bytes = 4 * kMiB;
  }
  void TearDown() override {
    t.Close();
    if (mounted) {
      EXPECT_EQ(::umount2(folder.path().c_str(), MNT_DETACH), 0);
    }
  }
  // Takes all but `left` bytes of the disk.
  void FillBut(uint64_t left) {
    std::ofstream file(folder / "filler", std::ios::binary | std::ios::app);
    const std::string block(4096, 'f');
    while (FreeDiskBytes({folder.path()}).value() > left &&
           file.write(block.data(), 4096).flush()) {
    }
  }
  void MakeRoom() {
    fs::remove(folder / "filler");
    t.clock.Pass(kLongerThanAnyCheck);
  }
  // Enough in the write-ahead log for a table that does not fit on a full disk.
  void Grow() {
    for (int i = 0; i < 20; ++i) {
      ASSERT_OK(t.AppendOne(absl::StrCat("e", grown_++), std::string(20'000, 'x')).status());
    }
  }

  TempDir folder;
  bool mounted = false;
  TestLedger t{TestLedger::Store::kLevelDb};
  int grown_ = 0;
};

TEST_F(DiskFullTest, StopsAppendsBeforeTheEngineIsHurt) {
  ASSERT_OK(t.Create());
  Grow();
  FillBut(t.options.limits.low_water_bytes - kMiB);
  t.clock.Pass(kLongerThanAnyCheck);
  const auto refused = t.AppendOne("refused", "x");
  EXPECT_EQ(ReasonOf(refused.status()).reason, kReasonLedgerPaused) << refused.status();
  EXPECT_OK(t.ledger->ReadEntry(20, true).status());
  MakeRoom();
  ASSERT_OK(t.AppendOne("refused", "x").status());  // without a restart
  EXPECT_OK(t.Check());
}

TEST_F(DiskFullTest, StartsOnAFullDiskByDroppingItsBallast) {
  ASSERT_OK(t.Create());
  ASSERT_TRUE(fs::exists(t.options.paths.data_dir + "/ballast"));
  Grow();
  const Head head = t.ledger->head()->head;
  t.Close();
  FillBut(0);
  ASSERT_OK(t.Open());
  EXPECT_FALSE(fs::exists(t.options.paths.data_dir + "/ballast"));
  EXPECT_EQ(t.ledger->head()->head, head);
  EXPECT_OK(t.ledger->ReadEntry(20, true).status());
  EXPECT_EQ(ReasonOf(t.AppendOne("refused", "x").status()).reason, kReasonLedgerPaused);
  MakeRoom();
  ASSERT_OK(t.AppendOne("refused", "x").status());
  ASSERT_OK(t.Open());
  EXPECT_TRUE(fs::exists(t.options.paths.data_dir + "/ballast"));  // made anew
  EXPECT_OK(t.Check());
}

// What the ballast is for: without one there is no start until somebody makes room.
TEST_F(DiskFullTest, WithoutABallastAFullDiskPreventsAStart) {
  t.options.limits.ballast_bytes = 0;
  ASSERT_OK(t.Create());
  Grow();
  t.Close();
  FillBut(0);
  EXPECT_THAT(t.Open(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("No space left")));
  MakeRoom();
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->head()->head.size, 21u);
  EXPECT_OK(t.Check());
}

// What the low-water mark is for: an engine that runs into the end of the disk latches, and only a
// start helps. Even so nothing that was acknowledged is lost.
TEST_F(DiskFullTest, WithoutALowWaterMarkTheEngineLatchesAndLosesNothing) {
  t.options.limits.low_water_bytes = 0;
  t.options.limits.resume_water_bytes = 0;
  t.options.limits.ballast_bytes = 0;
  ASSERT_OK(t.Create());
  Grow();
  FillBut(0);
  uint64_t acknowledged = t.ledger->head()->head.size;
  absl::Status last;
  for (int i = 0; i < 2000 && last.ok(); ++i) {
    last = t.AppendOne(absl::StrCat("over", i), std::string(20'000, 'x')).status();
    acknowledged += last.ok() ? 1 : 0;
  }
  EXPECT_EQ(ReasonOf(last).reason, kReasonStorageFailed) << last;
  MakeRoom();
  EXPECT_EQ(ReasonOf(t.AppendOne("still", "x").status()).reason, kReasonStorageFailed);
  ASSERT_OK(t.Open());
  EXPECT_GE(t.ledger->head()->head.size, acknowledged);
  EXPECT_OK(t.Check());
}

}  // namespace
}  // namespace auditledger::testing
