// Power cuts at any call: what was not synced is dropped, torn or scattered, and the ledger starts
// again with everything it ever acknowledged. kill -9 keeps the page cache and so never tests a
// sync; this does.
//
// AUDITLEDGER_CRASH_ROUNDS power cuts (`tools/dev faults`: 5,000, nightly 50,000). Each life of a
// ledger follows from one seed; a failure prints the line that plays it again. What the background
// threads have done by the crash is up to the scheduler.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "ledger/strict_env_tail.h"
#include "tests/ledger/fault_rig.h"
#include "tests/testing/seed.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using Fault = FaultDisk::Fault;
using What = FaultDisk::Fault::What;

constexpr uint64_t kRoundsByDefault = 200 / kFaultsSlower;
constexpr uint64_t kCrashesOfALife = 5;
constexpr uint64_t kLastCall = 250;  // some crashes come after all the work

uint64_t Rounds() {
  uint64_t rounds = kRoundsByDefault;
  const char* given = std::getenv("AUDITLEDGER_CRASH_ROUNDS");
  EXPECT_TRUE(given == nullptr || absl::SimpleAtoi(given, &rounds)) << given;
  return rounds;
}

class PowerCutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Where lives begin: nothing, a fresh ledger, one before its first full tile.
    bases_.push_back(rig_.Save());
    ASSERT_OK(rig_.Create());
    bases_.push_back(rig_.Save());
    ASSERT_OK(rig_.Open());
    for (int i = 0; i < 25; ++i) {
      std::vector<std::string> ids;
      for (int k = 0; k < 10; ++k) ids.push_back(absl::StrCat("base-", i, "-", k));
      ASSERT_OK(rig_.Append(ids));
    }
    bases_.push_back(rig_.Save());
  }

  // The call that the process dies in, or that merely fails.
  static Fault RandomFault(const FaultDisk::Call& call, bool crash, std::mt19937_64& dice) {
    Fault fault;
    fault.crash = crash;
    switch (dice() % 4) {
      case 0:
        fault.what = What::kPresent;
        break;
      case 1:
        fault.what = What::kTorn;
        fault.bytes = dice() % (call.bytes / kSectorBytes + 1) * kSectorBytes;
        break;
      default:
        fault.what = What::kAbsent;
    }
    fault.error = dice() % 2 == 0 ? EIO : ENOSPC;
    return fault;
  }

  // A process: it starts, works, and dies at some call. What fails along the way is its own affair.
  void LiveAndDie() {
    const uint64_t deadly = dice_() % kLastCall;
    const uint64_t failing = dice_() % 4 == 0 ? dice_() % kLastCall : UINT64_MAX;
    // Dice of its own: other threads throw them.
    rig_.disk.SetScript([deadly, failing, dice = std::mt19937_64(dice_()),
                         n = uint64_t{0}](const FaultDisk::Call& call) mutable {
      const uint64_t number = n++;
      if (number == deadly) return RandomFault(call, true, dice);
      if (number == failing) return RandomFault(call, false, dice);
      return Fault{};
    });
    const absl::Status started = rig_.memory.created ? rig_.Open() : rig_.Create();
    if (started.ok()) {
      for (uint64_t requests = 1 + dice_() % 8; requests > 0; --requests) {
        std::vector<std::string> ids;
        for (uint64_t events = 1 + dice_() % 4; events > 0; --events) {
          ids.push_back(absl::StrCat("event-", dice_() % 1000, "-", events));
        }
        const absl::Status status = rig_.Append(ids);
        ASSERT_FALSE(absl::StartsWith(status.message(), kWrong)) << status;
        if (dice_() % 8 == 0 && !rig_.memory.receipts.empty()) EraseOne();
      }
    }
    if (dice_() % 2 == 0) rig_.disk.Crash();  // else it had time to close
    rig_.Stop();
  }

  // What may have been erased before is refused.
  void EraseOne() {
    auto it = rig_.memory.receipts.begin();
    std::advance(it, dice_() % rig_.memory.receipts.size());
    if (rig_.memory.erased.contains(it->first)) return;
    const absl::Status status = rig_.Erase(it->first);
    ASSERT_FALSE(absl::StartsWith(status.message(), kWrong)) << status;
  }

  Survival RandomSurvival() {
    constexpr Survival kAny[] = {Survival::kAll,      Survival::kSynced, Survival::kSynced,
                                 Survival::kPrefix,   Survival::kPrefix, Survival::kScattered,
                                 Survival::kScattered};
    return kAny[dice_() % std::size(kAny)];
  }

  FaultRig rig_;
  std::vector<FaultRig::Saved> bases_;
  std::mt19937_64 dice_;
};

TEST_F(PowerCutTest, NothingAcknowledgedIsLostDoubledOrForked) {
  const uint64_t first = TestSeed();
  const uint64_t rounds = Rounds();
  uint64_t crashes = 0;
  uint64_t acknowledged = 0;
  for (uint64_t seed = first; crashes < rounds; ++seed) {
    SCOPED_TRACE(absl::StrCat("AUDITLEDGER_TEST_SEED=", seed, " AUDITLEDGER_CRASH_ROUNDS=1"));
    dice_.seed(seed);
    rig_.Load(bases_[dice_() % 8 < 2 ? dice_() % 2 : 1 + dice_() % 8 / 7]);
    for (uint64_t i = 0; i < kCrashesOfALife; ++i, ++crashes) {
      LiveAndDie();
      if (HasFatalFailure()) return;
      const Survival survival = RandomSurvival();
      rig_.disk.Restart(survival, dice_());
      ASSERT_OK(rig_.CheckRestart()) << "crash " << i + 1 << ", survival " << int(survival);
      rig_.sync_failures = 0;
    }
    acknowledged += rig_.memory.receipts.size();
  }
  std::printf("%llu power cuts, %llu acknowledged events found again\n",
              static_cast<unsigned long long>(crashes),
              static_cast<unsigned long long>(acknowledged));
}

constexpr size_t kFileBytesMax = 1 << 20;

class TornCommitTest : public PowerCutTest {
 protected:
  // Two commits, of which the last is torn.
  void SetUp() override {
    PowerCutTest::SetUp();
    rig_.Load(bases_[1]);
    ASSERT_OK(rig_.Open());
    ASSERT_OK(rig_.Append({"a"}));
    ASSERT_OK_AND_ASSIGN(state_, ReadWholeFile(kState, kFileBytesMax));
    before_ = rig_.memory;
    ASSERT_OK(rig_.Append({"b"}));
    rig_.Stop();
    std::vector<std::string> names;
    ASSERT_EQ(rig_.disk.List("/data/log", &names), 0);
    const auto is_log = [](const std::string& name) { return absl::EndsWith(name, ".log"); };
    const auto log = std::find_if(names.begin(), names.end(), is_log);
    ASSERT_NE(log, names.end());
    log_ = absl::StrCat("/data/log/", *log);
    ASSERT_OK_AND_ASSIGN(const PosixFile file, PosixFile::Open(log_, O_RDWR));
    ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadWholeFile(log_, kFileBytesMax));
    ASSERT_OK(file.WriteAt(SizeWithoutZeros(bytes) - 300, std::string(200, '\0')));
  }

  static constexpr char kState[] = "/state/signer.state";
  std::string state_;  // the signer's memory before the last commit, and the world's
  FaultRig::Memory before_;
  std::string log_;
};

// The signer remembers it.
TEST_F(TornCommitTest, ThatWasAcknowledgedIsARollbackAndKept) {
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadWholeFile(log_, kFileBytesMax));
  EXPECT_THAT(rig_.Open(),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("rollback")));
  ASSERT_OK_AND_ASSIGN(const std::string kept, ReadWholeFile(log_, kFileBytesMax));
  EXPECT_TRUE(kept == bytes) << "what is left of it may not be changed";
}

TEST_F(TornCommitTest, ThatNobodyWasToldOfIsLeftOut) {
  {
    ASSERT_OK_AND_ASSIGN(const PosixFile file, PosixFile::Open(kState, O_RDWR));
    ASSERT_OK(file.WriteAt(0, state_));
  }
  rig_.memory = before_;
  EXPECT_OK(rig_.CheckRestart());
  EXPECT_TRUE(PathExists(log_ + ".cut"));
}

}  // namespace
}  // namespace auditledger::testing
