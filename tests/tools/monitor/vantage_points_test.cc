// Every log of at most 16 entries and every fork of it, seen from two places: another monitor's
// mirror, and receipts that somebody was handed elsewhere. What one vantage point cannot see two
// do, with evidence, wherever the two histories overlap; and nobody is accused where they agree.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>

#include "absl/strings/str_join.h"
#include "ledger/tile_folder.h"
#include "tests/tools/monitor/log_monitor_fixture.h"

namespace auditledger {
namespace {

using testing::Branch;
using testing::TestLog;

constexpr uint64_t kWorld = 16;

class VantagePointsTest : public testing::LogMonitorFixture {
 protected:
  ~VantagePointsTest() override { NewDisk(); }
  // A folder as a monitor that saw the first `size` entries of this history keeps it.
  std::string MirrorOf(TestLog& log, uint64_t fork_at, uint64_t size) {
    std::string& dir = mirrors_[{fork_at, size}];
    if (!dir.empty()) return dir;
    dir = absl::StrCat("/seen-", fork_at, "-", size);
    const auto folder = TileFolder::Open({dir, log.origin(), log.verifier()});
    EXPECT_OK(folder.status());
    for (uint64_t i = 0; i < size; ++i) EXPECT_OK((*folder)->Append(log.leaves()[i]));
    std::string& note = notes_[{fork_at, size}];
    if (note.empty()) note = log.CheckpointAt(size);
    EXPECT_OK((*folder)->Publish(note));
    return dir;
  }
  // A disk of its own for what follows: one on which thousands of folders lie is slow.
  void NewDisk() {
    monitor_.reset();
    mirrors_.clear();
    world_ = std::make_unique<testing::FaultDisk>();
    SetFileSystemForTesting(world_.get());
  }
  std::map<std::pair<uint64_t, uint64_t>, std::string> mirrors_;
  std::map<std::pair<uint64_t, uint64_t>, std::string> notes_;
  std::unique_ptr<testing::FaultDisk> world_;
};

TEST_F(VantagePointsTest, TwoMonitorsOfTwoHistoriesConvictTheLog) {
  TestLog honest = Branch(kWorld, kWorld, 1);
  int convicted = 0;
  for (uint64_t fork_at = 1; fork_at <= kWorld; ++fork_at) {
    TestLog forked = Branch(fork_at, kWorld, 2);
    for (uint64_t mine = 1; mine <= kWorld; ++mine) {
      NewDisk();
      for (uint64_t theirs = 1; theirs <= kWorld; ++theirs) {
        SCOPED_TRACE(absl::StrCat("fork at ", fork_at, ", seen ", mine, " and ", theirs));
        Forget();
        ASSERT_OK(
            Start(honest, {MirrorOf(honest, kWorld + 1, mine), MirrorOf(forked, fork_at, theirs)}));
        const RoundReport report = Round();
        const MonitorFinding* proven = Proven(report);
        const bool differ = std::min(mine, theirs) > fork_at;
        ASSERT_EQ(proven != nullptr, differ) << absl::StrJoin(Kinds(report), " ");
        ASSERT_OK(JudgeIfAny(proven, honest));
        ASSERT_EQ(report.findings.size(), differ ? 1u : 0u);
        convicted += differ ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(convicted, 1240) << "the sum of the squares of 1 to 15";
}

// A receipt whose head is larger than what the monitor has seen is kept, unless its own entry is
// another's already, and judged once the monitor is there.
TEST_F(VantagePointsTest, AReceiptShownElsewhereConvictsTheLogAtOnceOrLater) {
  TestLog honest = Branch(kWorld, kWorld, 1);
  for (uint64_t fork_at = 1; fork_at < kWorld; ++fork_at) {
    TestLog forked = Branch(fork_at, kWorld, 2);
    std::map<std::pair<uint64_t, uint64_t>, std::string> receipts;  // by index and size
    for (uint64_t size = 1; size <= kWorld; ++size) {
      for (uint64_t i = 0; i < size; ++i) receipts[{i, size}] = forked.ReceiptFor(i, size, false);
    }
    for (uint64_t mine = 1; mine <= kWorld; ++mine) {
      NewDisk();
      for (uint64_t theirs = 1; theirs <= kWorld; ++theirs) {
        SCOPED_TRACE(absl::StrCat("fork at ", fork_at, ", seen ", mine, " and ", theirs));
        Forget();
        ASSERT_OK(Start(honest, {MirrorOf(honest, kWorld + 1, mine)}));
        ASSERT_EQ(Round().size, mine);
        for (uint64_t index = 0; index < theirs; ++index) {
          RoundReport report;
          ASSERT_OK(monitor_->CheckShown("receipt", receipts[{index, theirs}], report));
          const bool its_entry = index >= fork_at && index < mine;
          const bool differ = its_entry || (theirs <= mine && theirs > fork_at);
          ASSERT_EQ(Proven(report) != nullptr, differ) << index;
          ASSERT_OK(JudgeIfAny(Proven(report), honest));
        }
        if (theirs <= mine || theirs <= fork_at) continue;
        monitor_.reset();
        ASSERT_OK(Start(honest, {MirrorOf(honest, kWorld + 1, kWorld)}));
        const RoundReport later = Round();
        ASSERT_NE(Proven(later), nullptr) << "the head that was kept";
        ASSERT_OK(JudgeIfAny(Proven(later), honest));
      }
    }
  }
}

}  // namespace
}  // namespace auditledger
