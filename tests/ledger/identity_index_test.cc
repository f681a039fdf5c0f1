#include "ledger/identity_index.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <random>

#include "ledger/identity_run.h"
#include "ledger/posix_file.h"
#include "merkle/sha256.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FileFaults;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;

Mac128 MacAt(uint64_t index) {
  const Hash hash = Sha256({"identity", std::to_string(index)});
  Mac128 mac;
  std::copy_n(hash.bytes.begin(), mac.size(), mac.begin());
  return mac;
}
// Of every five entries one has no identity.
bool HasIdentity(uint64_t index) { return index % 5 != 0; }

class IdentityIndexTest : public ::testing::Test {
 protected:
  IdentityIndexTest() { limits_.identity_run_entries = 100; }

  // As the ledger does: opens, then replays what no run covers.
  void Open(uint64_t size) {
    index_.reset();
    ASSERT_OK_AND_ASSIGN(index_, IdentityIndex::Open(runs_, size, limits_));
    size_ = index_->covered();
    ASSERT_LE(size_, size);
    Grow(size);
  }
  void Grow(uint64_t size) {
    for (; size_ < size; ++size_) {
      if (HasIdentity(size_)) {
        ASSERT_OK(index_->Insert(MacAt(size_), size_));
      }
    }
    ASSERT_OK(index_->Advance(size));
  }
  void CheckAll() {
    for (uint64_t i = 0; i < size_; ++i) {
      ASSERT_EQ(index_->Lookup(MacAt(i)).value(),
                HasIdentity(i) ? std::optional<uint64_t>(i) : std::nullopt)
          << i << " of " << size_;
    }
    for (uint64_t i = size_; i < size_ + 300; ++i) {
      ASSERT_EQ(index_->Lookup(MacAt(i)).value(), std::nullopt);
    }
  }
  std::vector<std::string> Files() { return ListDirectory(runs_).value(); }

  TempDir dir_;
  const std::string runs_ = dir_ / "identity";
  LedgerLimits limits_;
  std::unique_ptr<IdentityIndex> index_;
  uint64_t size_ = 0;
};

TEST_F(IdentityIndexTest, KnowsWhatWasInsertedAtOnceAndAfterARestart) {
  Open(0);
  EXPECT_EQ(index_->Lookup(MacAt(1)).value(), std::nullopt);
  Grow(7);
  CheckAll();
  Open(7);
  CheckAll();
  EXPECT_EQ(index_->covered(), 0u) << "too few for a run";
}

TEST_F(IdentityIndexTest, ARunIsWrittenAtExactlyTheLimit) {
  Open(0);
  Grow(124);  // 99 identities
  ASSERT_OK(index_->Flush());
  EXPECT_EQ(index_->covered(), 0u);
  Grow(125);  // 100
  ASSERT_OK(index_->Flush());
  EXPECT_EQ(index_->covered(), 125u);
  EXPECT_EQ(Files(), std::vector<std::string>{RunName({0, 125})});
}

TEST_F(IdentityIndexTest, EightRunsBecomeOneAndCoverTheSame) {
  Open(0);
  for (uint64_t i = 1; i <= 64; ++i) Grow(i * 125);
  ASSERT_OK(index_->Flush());
  EXPECT_EQ(index_->covered(), 64 * 125u);
  EXPECT_EQ(Files(), std::vector<std::string>{RunName({0, 64 * 125})});
  CheckAll();
  EXPECT_OK(index_->Verify());
}

// Against std::map, reopened at random points, sometimes cut short as a crash would.
TEST_F(IdentityIndexTest, AgreesWithAMapThroughRandomUseAndRestarts) {
  const uint64_t seed = 20240501;
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  limits_.identity_run_entries = 20;
  limits_.identity_filter_bytes_max = 600;
  std::map<Mac128, uint64_t> model;
  std::vector<Mac128> log;  // zeros: no identity
  const auto open = [&] {
    index_.reset();
    ASSERT_OK_AND_ASSIGN(index_, IdentityIndex::Open(runs_, log.size(), limits_));
    for (uint64_t i = index_->covered(); i < log.size(); ++i) {
      if (log[i] != Mac128{}) {
        ASSERT_OK(index_->Insert(log[i], i));
      }
    }
    ASSERT_OK(index_->Advance(log.size()));
  };
  open();
  for (int round = 0; round < 1500; ++round) {
    const uint64_t batch = 1 + random() % 8;
    for (uint64_t i = 0; i < batch; ++i) {
      Mac128 mac = MacAt(random());
      if (random() % 3 == 0) std::fill_n(mac.begin(), 8, uint8_t{9});  // keys that crowd
      if (random() % 6 == 0) mac = {};
      if (mac != Mac128{}) {
        ASSERT_OK(index_->Insert(mac, log.size()));
        model.emplace(mac, log.size());
      }
      log.push_back(mac);
    }
    ASSERT_OK(index_->Advance(log.size()));
    const Mac128& known = log[random() % log.size()];
    if (known != Mac128{}) {
      ASSERT_EQ(index_->Lookup(known).value(), model.at(known));
    }
    ASSERT_EQ(index_->Lookup(MacAt(random())).value(), std::nullopt);
    if (random() % 100 == 0) {
      if (random() % 2 == 0) {
        ASSERT_OK(index_->Flush());
      }
      open();
    }
  }
  for (const auto& [mac, index] : model) ASSERT_EQ(index_->Lookup(mac).value(), index);
  ASSERT_OK(index_->Flush());
  EXPECT_OK(index_->Verify());
}

TEST_F(IdentityIndexTest, ADamagedRunIsDroppedAndCoveredShrinks) {
  Open(0);
  for (uint64_t i = 1; i <= 5; ++i) Grow(i * 125);
  ASSERT_OK(index_->Flush());
  index_.reset();
  const std::string third = runs_ + "/" + RunName({250, 375});
  std::filesystem::resize_file(third, std::filesystem::file_size(third) - 1);
  ASSERT_OK_AND_ASSIGN(index_, IdentityIndex::Open(runs_, 625, limits_));
  EXPECT_EQ(index_->covered(), 250u);
  Open(625);
  CheckAll();
}

TEST_F(IdentityIndexTest, ALogThatIsShorterDropsTheRunsBeyondIt) {
  Open(0);
  Grow(500);
  ASSERT_OK(index_->Flush());
  ASSERT_GT(index_->covered(), 300u);
  Open(300);
  CheckAll();
}

TEST_F(IdentityIndexTest, DamageFoundWhileServingIsDataLossAndMendedByTheNextOpen) {
  limits_.identity_filter_bytes_max = 0;
  Open(0);
  Grow(125);
  ASSERT_OK(index_->Flush());
  const std::string run = runs_ + "/" + RunName({0, 125});
  ASSERT_OK_AND_ASSIGN(const PosixFile file, PosixFile::Open(run, O_RDWR));
  ASSERT_OK(file.WriteAt(kRunPageBytes, std::string(50 * kRunEntryBytes, '\xff')));
  EXPECT_THAT(index_->Lookup(MacAt(1)), StatusIs(absl::StatusCode::kDataLoss));
  Open(125);
  CheckAll();
  EXPECT_OK(index_->Verify());
}

TEST_F(IdentityIndexTest, VerifyFindsWhatLookupCannot) {
  Open(0);
  Grow(125);
  ASSERT_OK(index_->Flush());
  ASSERT_OK(index_->Verify());
  ASSERT_OK_AND_ASSIGN(const PosixFile file,
                       PosixFile::Open(runs_ + "/" + RunName({0, 125}), O_RDWR));
  std::string byte = file.ReadExactly(kRunPageBytes + 15, 1).value();
  byte[0] = static_cast<char>(byte[0] ^ 1);
  ASSERT_OK(file.WriteAt(kRunPageBytes + 15, byte));
  EXPECT_THAT(index_->Verify(), StatusIs(absl::StatusCode::kDataLoss));
  Open(125);
  CheckAll();
}

// Found damaged by the background check, then merged by what had read it before: the index is made
// of the log, and no reason to stop appends.
TEST_F(IdentityIndexTest, AMergeOfRunsThatWereSetAsideGoesOn) {
  Open(0);
  for (uint64_t size = 125; size <= 7 * 125; size += 125) Grow(size);
  ASSERT_OK(index_->Flush());
  const std::string run = runs_ + "/" + RunName({125, 250});
  std::filesystem::rename(run, run + ".damaged");  // as Quarantine does
  Grow(8 * 125);
  EXPECT_OK(index_->Flush());
  CheckAll();
  Grow(9 * 125);
  EXPECT_OK(index_->Flush());
}

TEST_F(IdentityIndexTest, WithoutRoomForFiltersItIsStillExact) {
  limits_.identity_filter_bytes_max = 0;
  Open(0);
  for (uint64_t i = 1; i <= 20; ++i) Grow(i * 125);
  ASSERT_OK(index_->Flush());
  CheckAll();
}

TEST_F(IdentityIndexTest, IndicesMustAscend) {
  Open(0);
  ASSERT_OK(index_->Insert(MacAt(1), 1));
  EXPECT_THAT(index_->Insert(MacAt(2), 1), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(index_->Advance(1), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_OK(index_->Advance(2));
}

TEST_F(IdentityIndexTest, MemoryIsBoundedHoweverManyThereAre) {
  limits_.identity_run_entries = 1000;
  limits_.identity_filter_bytes_max = 20000;
  Open(0);
  // The set being filled and four waiting, 64 bytes an entry at most; filters; the runs' objects.
  const size_t bound = 5 * 1000 * 64 + 20000 + 64 * 512;
  for (uint64_t size = 500; size <= 50'000; size += 500) {
    Grow(size);
    ASSERT_LE(index_->MemoryBytes(), bound) << size;
  }
  ASSERT_OK(index_->Flush());
  EXPECT_GT(index_->MemoryBytes(), 0u);
  CheckAll();
}

TEST_F(IdentityIndexTest, AReplayInOneGoIsCutIntoRuns) {
  Open(0);
  for (uint64_t i = 0; i < 1000; ++i) ASSERT_OK(index_->Insert(MacAt(i), i));
  ASSERT_OK(index_->Flush());
  EXPECT_EQ(index_->covered(), 900u);
}

TEST_F(IdentityIndexTest, AWriteThatFailsIsToldAndNothingIsForgotten) {
  Open(0);
  {
    const FileFaults faults(FileOperation::kSync, "ids-", EIO);
    Grow(124);
    ASSERT_OK(index_->Insert(MacAt(124), 124));
    index_->Advance(125).IgnoreError();
    EXPECT_FALSE(index_->Flush().ok());
  }
  EXPECT_EQ(index_->Lookup(MacAt(124)).value(), 124u);
  Open(125);
  CheckAll();
}

// Every step of writing and merging, failing once: the next start rebuilds.
TEST_F(IdentityIndexTest, AFaultAtAnyStepIsMendedByTheNextOpen) {
  limits_.identity_run_entries = 8;
  for (const FileOperation operation :
       {FileOperation::kOpen, FileOperation::kWrite, FileOperation::kSync, FileOperation::kRename,
        FileOperation::kRead}) {
    for (uint64_t skip = 0; skip < 40; skip += 6) {
      index_.reset();  // its thread may still write there
      std::filesystem::remove_all(runs_);
      Open(0);
      {
        const FileFaults faults(operation, "ids-", EIO, skip, 1);
        for (uint64_t i = 0; i < 120; ++i) {
          if (!index_->Insert(MacAt(i), i).ok()) break;
        }
        index_->Flush().IgnoreError();
        index_.reset();
      }
      ASSERT_OK_AND_ASSIGN(index_, IdentityIndex::Open(runs_, 120, limits_));
      for (uint64_t i = index_->covered(); i < 120; ++i) ASSERT_OK(index_->Insert(MacAt(i), i));
      for (uint64_t i = 0; i < 120; ++i) ASSERT_EQ(index_->Lookup(MacAt(i)).value(), i);
    }
  }
}

}  // namespace
}  // namespace auditledger
