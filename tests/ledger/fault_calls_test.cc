// The n-th call to the disk fails, for every n until none fails: once, or from there on for ever.
//
// The work is a whole life: the ledger is made, written to, closed, opened and written to again.
// Whatever fails, the answer is a clean status, and the next start has all that was acknowledged.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "tests/ledger/fault_rig.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using Fault = FaultDisk::Fault;
using What = FaultDisk::Fault::What;
using Op = FaultDisk::Op;

struct Loop {
  const char* name;
  std::vector<Op> ops;
  int error;
  bool for_ever;
  uint64_t calls;  // there are at least so many of them to fail
};

void PrintTo(const Loop& loop, std::ostream* out) { *out << loop.name; }

const std::vector<Op> kEverything = {Op::kOpen,   Op::kRead,   Op::kWrite,  Op::kSync,
                                     Op::kRename, Op::kRemove, Op::kFolder, Op::kLook};
const std::vector<Op> kChanges = {Op::kWrite, Op::kRename, Op::kFolder};

// A life that ends at the first error.
absl::Status Live(FaultRig& rig) {
  RETURN_IF_ERROR(rig.Create());
  RETURN_IF_ERROR(rig.Append({"a", "b"}));
  RETURN_IF_ERROR(rig.Append({"c", "d", "e"}));
  RETURN_IF_ERROR(rig.Open());
  RETURN_IF_ERROR(rig.Append({"f"}));
  RETURN_IF_ERROR(rig.Erase("c"));
  return rig.Append({"a", "g"});
}

class FaultShortCallsTest : public ::testing::Test {
 protected:
  FaultRig rig_;
};

class FaultCallsTest : public ::testing::TestWithParam<Loop> {
 protected:
  // Whether call `n` was reached.
  bool FailCall(uint64_t n) {
    const Loop& loop = GetParam();
    uint64_t calls = 0;
    rig_.disk.SetScript([&](const FaultDisk::Call& call) {
      const bool meant = std::find(loop.ops.begin(), loop.ops.end(), call.op) != loop.ops.end();
      if (!meant) return Fault{};
      const uint64_t number = calls++;
      const bool fails = number == n || (loop.for_ever && number > n);
      return fails ? Fault{What::kAbsent, loop.error} : Fault{};
    });
    const absl::Status status = Live(rig_);
    EXPECT_FALSE(absl::StartsWith(status.message(), kWrong)) << status;
    EXPECT_FALSE(status.message().empty() && !status.ok()) << "no reason is given";
    rig_.Stop();
    return calls > n;
  }

  FaultRig rig_;
};

INSTANTIATE_TEST_SUITE_P(
    Calls, FaultCallsTest,
    ::testing::Values(Loop{"AnyOnce", kEverything, EIO, false, 300},
                      Loop{"AnyForEver", kEverything, EIO, true, 300},
                      Loop{"OpenWithoutDescriptors", {Op::kOpen}, EMFILE, true, 75},
                      Loop{"DiskFull", kChanges, ENOSPC, true, 50},
                      Loop{"ReadOnlyDisk", kChanges, EROFS, true, 50},
                      Loop{"SyncOnce", {Op::kSync}, EIO, false, 60},
                      Loop{"RenameOnce", {Op::kRename}, EIO, false, 10}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(FaultCallsTest, TheNthFailsForEveryN) {
  const FaultRig::Saved nothing = rig_.Save();
  uint64_t n = 0;
  for (bool reached = true; reached; n += kFaultsSlower) {
    SCOPED_TRACE(absl::StrCat("call ", n));
    for (const Survival survival : {Survival::kAll, Survival::kSynced}) {
      rig_.Load(nothing);
      reached = FailCall(n);
      rig_.disk.Restart(survival);
      ASSERT_OK(rig_.CheckRestart()) << (survival == Survival::kAll ? "restart" : "power cut");
    }
  }
  std::printf("n-th call, %s: %llu calls\n", GetParam().name, static_cast<unsigned long long>(n));
  EXPECT_GE(n, GetParam().calls) << "fewer calls are failed than were";
}

// Always on: every read and write does about half of what it is asked, and every second call on our
// own files is interrupted by a signal first. (LevelDB's POSIX files see to that by themselves.)
TEST_F(FaultShortCallsTest, AreNoErrors) {
  uint64_t shortened = 0;
  uint64_t interrupted = 0;
  rig_.disk.SetScript([&, tries = uint64_t{0}](const FaultDisk::Call& call) mutable {
    const bool moves = call.op == Op::kRead || call.op == Op::kWrite;
    const bool ours = !absl::StrContains(call.path, "/data/log");
    if (ours && (moves || call.op == Op::kSync || call.op == Op::kOpen) && ++tries % 2 == 0) {
      ++interrupted;
      return Fault{What::kAbsent, EINTR};
    }
    if (!moves || call.bytes < 2) return Fault{};
    ++shortened;
    return Fault{What::kShort, 0, call.bytes / 2 + 1};
  });
  EXPECT_OK(Live(rig_));
  rig_.Stop();
  EXPECT_GT(shortened, 100u);
  EXPECT_GT(interrupted, 50u);
  rig_.disk.Restart(Survival::kSynced);
  EXPECT_OK(rig_.CheckRestart());
}

}  // namespace
}  // namespace auditledger::testing
