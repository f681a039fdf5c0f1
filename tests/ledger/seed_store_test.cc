#include "ledger/seed_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "ledger/aes_gcm.h"
#include "ledger/posix_file.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FakeRandom;
using ::auditledger::testing::FileFaults;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::string_literals;
using State = SeedStore::State;

constexpr char kOrigin[] = "example.org/ledger";
constexpr size_t kSegmentBytes = kSeedSlotsPerSegment * kSeedSlotBytes;

class TestKeys : public KeyProvider {
 public:
  uint16_t current_key_id() const override { return current; }
  absl::StatusOr<std::string> WrappingKey(uint16_t id) const override {
    if (keys.count(id) == 0) return absl::NotFoundError("no such key");
    return keys.at(id);
  }
  uint16_t current = 1;
  std::map<uint16_t, std::string> keys = {{1, std::string(32, 'a')}, {2, std::string(32, 'b')}};
};

// The key of seed_store.h.
std::string SegmentKey(const std::string& wrapping_key, uint64_t first_index) {
  std::string input = "auditledger/wrap/v1\0\0\x12"s + kOrigin;
  PutU64(input, first_index);
  return std::string(HmacSha256(wrapping_key, {input}).view());
}

std::string Seed(uint64_t index) {
  std::string seed = "seed " + std::to_string(index);
  seed.resize(32, '.');
  return seed;
}

class SeedStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen(const std::string& origin = kOrigin) {
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, SeedStore::Open(seeds_, origin, keys_, random_));
  }
  absl::Status PutRange(uint64_t begin, uint64_t end) {
    std::vector<std::string> seeds;
    for (uint64_t i = begin; i < end; ++i) seeds.push_back(Seed(i));
    return store_->Put(begin, seeds);
  }
  std::string Raw(uint64_t first_of_segment = 0) {
    char name[40];
    std::snprintf(name, sizeof(name), "/seeds-%016llx",
                  static_cast<unsigned long long>(first_of_segment));
    return ReadWholeFile(seeds_ + name, kSegmentBytes).value();
  }

  TempDir dir_;
  const std::string seeds_ = dir_ / "seeds";
  TestKeys keys_;
  FakeRandom random_{3};
  std::unique_ptr<SeedStore> store_;
};

TEST_F(SeedStoreTest, SeedsReadBackAlsoAfterARestart) {
  ASSERT_OK(PutRange(0, 10));
  ASSERT_OK(PutRange(10, 13));
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 0; i < 13; ++i) {
      EXPECT_EQ(store_->Get(i).value(), Seed(i));
      EXPECT_EQ(store_->StateOf(i).value(), State::kPresent);
    }
    EXPECT_THAT(store_->Get(13), StatusIs(absl::StatusCode::kNotFound, HasSubstr("no secret")));
    EXPECT_EQ(store_->StateOf(13).value(), State::kEmpty);
    Reopen();
  }
}

TEST_F(SeedStoreTest, OpenedForReadingOnlyItChangesNothing) {
  EXPECT_FALSE(SeedStore::OpenReadOnly(dir_ / "nowhere", kOrigin, keys_).ok());
  ASSERT_OK(PutRange(0, 3));
  ASSERT_OK(store_->Erase(1));
  const std::string torn = seeds_ + "/seeds-0000000000010000.tmp";
  ASSERT_OK(CreateFile(torn, "half"));
  const std::string before = Raw();
  ASSERT_OK_AND_ASSIGN(store_, SeedStore::OpenReadOnly(seeds_, kOrigin, keys_));
  EXPECT_EQ(store_->Get(0).value(), Seed(0));
  EXPECT_EQ(store_->StateOf(1).value(), State::kErased);
  for (const absl::Status& status : {PutRange(3, 4), store_->Erase(0)}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("reading only")));
  }
  EXPECT_EQ(Raw(), before);
  EXPECT_TRUE(PathExists(torn));
}

TEST_F(SeedStoreTest, SlotIsThatOfTheHeaderToTheByte) {
  ASSERT_OK(store_->Put(0, {"", "", "", "", "", Seed(5)}));
  const std::string raw = Raw();
  ASSERT_EQ(raw.size(), kSegmentBytes);
  const std::string slot = raw.substr(5 * kSeedSlotBytes, kSeedSlotBytes);
  EXPECT_EQ(slot.substr(0, 4), "\1\1\0\1"s);
  AesGcm cipher;
  ASSERT_OK(cipher.SetKey(SegmentKey(keys_.keys[1], 0)));
  const std::string associated = "auditledger/seed/v1\0\0\x12"s + kOrigin + "\0\0\0\0\0\0\0\5"s;
  EXPECT_EQ(cipher.Open(slot.substr(4, 12), associated, slot.substr(16)).value(), Seed(5));
  EXPECT_EQ(raw.find_first_not_of('\0', 6 * kSeedSlotBytes), std::string::npos);
  EXPECT_EQ(raw.find(Seed(5)), std::string::npos) << "never in the clear";
}

TEST_F(SeedStoreTest, EmptyStringsLeaveSlotsEmptyAndWriteOverWhatStoodThere) {
  ASSERT_OK(PutRange(0, 3));
  ASSERT_OK(store_->Put(1, {"", Seed(200)}));
  EXPECT_EQ(store_->Get(0).value(), Seed(0));
  EXPECT_EQ(store_->StateOf(1).value(), State::kEmpty);
  EXPECT_EQ(store_->Get(2).value(), Seed(200));
}

TEST_F(SeedStoreTest, SeedsCrossSegmentsWithOneSyncEach) {
  const uint64_t edge = kSeedSlotsPerSegment;
  ASSERT_OK(PutRange(0, 1));
  ASSERT_OK(PutRange(edge - 4, edge - 2));
  ASSERT_OK(PutRange(edge, edge + 1));
  const FileFaults counted(FileOperation::kSync, "seeds-", 0);
  const uint64_t calls = random_.calls();
  ASSERT_OK(PutRange(edge - 2, edge + 3));
  EXPECT_EQ(counted.seen(), 2u);
  EXPECT_EQ(random_.calls(), calls + 1) << "all nonces in one call";
  for (uint64_t i = edge - 4; i < edge + 3; ++i) EXPECT_EQ(store_->Get(i).value(), Seed(i));
  EXPECT_THAT(ListDirectory(seeds_).value(),
              ElementsAre("seeds-0000000000000000", "seeds-0000000000010000"));
}

TEST_F(SeedStoreTest, ManySegmentsStayReadableWithFewOpenFiles) {
  for (uint64_t s = 0; s < 20; ++s) {
    ASSERT_OK(PutRange(s * kSeedSlotsPerSegment, s * kSeedSlotsPerSegment + 1));
  }
  for (uint64_t s = 20; s-- > 0;) {
    EXPECT_EQ(store_->Get(s * kSeedSlotsPerSegment).value(), Seed(s * kSeedSlotsPerSegment));
  }
}

TEST_F(SeedStoreTest, ErasingDestroysTheSlotInTheFile) {
  ASSERT_OK(PutRange(0, 5));
  const std::string old_slot = Raw().substr(3 * kSeedSlotBytes, kSeedSlotBytes);
  {
    const FileFaults counted(FileOperation::kSync, "seeds-", 0);
    ASSERT_OK(store_->Erase(3));
    EXPECT_EQ(counted.seen(), 1u);
  }
  const std::string raw = Raw();
  for (size_t at = 4; at + 12 <= kSeedSlotBytes; at += 4) {
    EXPECT_EQ(raw.find(old_slot.substr(at, 12)), std::string::npos) << at;
  }
  EXPECT_EQ(raw.substr(3 * kSeedSlotBytes, kSeedSlotBytes), "\xff" + std::string(63, '\0'));
  Reopen();
  EXPECT_EQ(store_->StateOf(3).value(), State::kErased);
  EXPECT_THAT(store_->Get(3), StatusIs(absl::StatusCode::kNotFound, HasSubstr("erased")));
  EXPECT_EQ(store_->Get(2).value(), Seed(2));
  EXPECT_EQ(store_->Get(4).value(), Seed(4));
  EXPECT_OK(store_->Erase(3)) << "erasing again is no error";
}

// GCM with random nonces bears 2^32 uses of a key: each segment has its own.
TEST_F(SeedStoreTest, EachSegmentIsWrappedUnderAKeyOfItsOwn) {
  const uint64_t edge = kSeedSlotsPerSegment;
  ASSERT_OK(PutRange(0, 1));
  ASSERT_OK(PutRange(edge - 1, edge + 1));
  for (const uint64_t index : {edge - 1, edge}) {
    const uint64_t first = index / edge * edge;
    const std::string slot = Raw(first).substr((index - first) * kSeedSlotBytes, kSeedSlotBytes);
    std::string associated = "auditledger/seed/v1\0\0\x12"s + kOrigin;
    PutU64(associated, index);
    for (const uint64_t key_of : {uint64_t{0}, edge}) {
      AesGcm cipher;
      ASSERT_OK(cipher.SetKey(SegmentKey(keys_.keys[1], key_of)));
      EXPECT_EQ(cipher.Open(slot.substr(4, 12), associated, slot.substr(16)).ok(), key_of == first);
    }
  }
}

// A folder that is not mounted, or was emptied, must not be taken for a new one.
TEST_F(SeedStoreTest, ASegmentThatIsMissingIsNotMadeAnew) {
  const uint64_t edge = kSeedSlotsPerSegment;
  const auto is_missing = [](const std::string& name) {
    return StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name + " is missing"));
  };
  EXPECT_THAT(PutRange(1, 2), is_missing("seeds-0000000000000000"));
  Reopen();
  EXPECT_THAT(store_->Erase(1), is_missing("seeds-0000000000000000"));
  Reopen();
  EXPECT_THAT(PutRange(edge, edge + 1), is_missing("seeds-0000000000000000"))
      << "the log ended just at a segment's end";
  Reopen();
  ASSERT_OK(PutRange(0, 2));
  EXPECT_THAT(PutRange(edge + 1, edge + 2), is_missing("seeds-0000000000010000"));
  EXPECT_FALSE(store_->SyncFailed()) << "nothing was written";
  Reopen();
  EXPECT_THAT(ListDirectory(seeds_).value(), ElementsAre("seeds-0000000000000000"));
  EXPECT_OK(PutRange(edge - 1, edge + 1));
}

TEST_F(SeedStoreTest, EveryFlippedByteOfASlotIsDataLoss) {
  ASSERT_OK(PutRange(0, 2));
  store_.reset();
  const std::string good = Raw();
  for (size_t i = 0; i < kSeedSlotBytes; ++i) {
    std::string damaged = good;
    damaged[kSeedSlotBytes + i] = static_cast<char>(damaged[kSeedSlotBytes + i] ^ 0x21);
    ASSERT_OK(ReplaceFile(seeds_ + "/seeds-0000000000000000", damaged));
    Reopen();
    EXPECT_THAT(store_->Get(1), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("entry 1"))) << i;
    EXPECT_EQ(store_->Get(0).value(), Seed(0));
  }
}

TEST_F(SeedStoreTest, ASlotMovedToAnotherPlaceOrLedgerDoesNotOpen) {
  ASSERT_OK(PutRange(0, 2));
  store_.reset();
  std::string raw = Raw();
  raw.replace(kSeedSlotBytes, kSeedSlotBytes, raw.substr(0, kSeedSlotBytes));
  ASSERT_OK(ReplaceFile(seeds_ + "/seeds-0000000000000000", raw));
  Reopen();
  EXPECT_THAT(store_->Get(1), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_OK(store_->Get(0));
  Reopen("example.org/other");
  EXPECT_THAT(store_->Get(0), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(SeedStoreTest, OldSeedsOpenUnderTheKeyTheyWereWrappedWith) {
  ASSERT_OK(PutRange(0, 1));
  keys_.current = 2;
  ASSERT_OK(PutRange(1, 2));
  EXPECT_EQ(store_->Get(0).value(), Seed(0));
  EXPECT_EQ(store_->Get(1).value(), Seed(1));
  keys_.keys.erase(1);
  EXPECT_THAT(store_->Get(0), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(store_->Get(1).value(), Seed(1));
}

TEST_F(SeedStoreTest, AnyWriteOrSyncErrorLatchesIt) {
  for (const FileOperation operation : {FileOperation::kWrite, FileOperation::kSync}) {
    Reopen();
    ASSERT_OK(PutRange(0, 1));
    {
      const FileFaults faults(operation, "seeds-", EIO);
      EXPECT_FALSE(PutRange(1, 2).ok());
    }
    EXPECT_EQ(store_->SyncFailed(), operation == FileOperation::kSync);
    const auto has_stopped =
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("has stopped"));
    EXPECT_THAT(PutRange(1, 2), has_stopped);
    EXPECT_THAT(store_->Erase(0), has_stopped);
    EXPECT_EQ(store_->Get(0).value(), Seed(0)) << "reads go on";
  }
}

TEST_F(SeedStoreTest, ASegmentIsWholeBeforeItIsUsed) {
  for (const FileOperation operation : {FileOperation::kOpen, FileOperation::kWrite,
                                        FileOperation::kSync, FileOperation::kRename}) {
    Reopen();
    {
      const FileFaults faults(operation, "seeds-", ENOSPC, 0, 1);
      EXPECT_FALSE(PutRange(0, 1).ok());
      EXPECT_EQ(store_->SyncFailed(), operation == FileOperation::kSync);
    }
    Reopen();
    EXPECT_TRUE(ListDirectory(seeds_).value().empty()) << "what was begun is removed";
  }
  ASSERT_OK(PutRange(0, 1));
  store_.reset();
  ASSERT_OK(ReplaceFile(seeds_ + "/seeds-0000000000000000", std::string(kSegmentBytes - 1, '\0')));
  Reopen();
  EXPECT_THAT(store_->Get(0), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(SeedStoreTest, RefusesSeedsOfOtherLengths) {
  for (const size_t size : {1u, 31u, 33u}) {
    EXPECT_THAT(store_->Put(0, {std::string(size, 's')}),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_OK(PutRange(0, 1)) << "which is no storage error";
}

TEST_F(SeedStoreTest, ReadsMayRunBesideWritesAndErasures) {
  ASSERT_OK(PutRange(0, 200));
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) {
      for (uint64_t i = 0; i < 200; ++i) {
        const absl::StatusOr<std::string> seed = store_->Get(i);
        if (seed.ok()) {
          EXPECT_EQ(*seed, Seed(i));
        } else {
          EXPECT_THAT(seed, StatusIs(absl::StatusCode::kNotFound));
        }
      }
    }
  });
  for (uint64_t i = 0; i < 200; i += 2) EXPECT_OK(store_->Erase(i));
  EXPECT_OK(PutRange(200, 300));
  done = true;
  reader.join();
}

// ---- rewrapping ----

class RewrapTest : public SeedStoreTest {
 protected:
  static uint16_t KeyIdAt(const std::string& segment, uint64_t index) {
    uint16_t id = 0;
    EXPECT_OK(
        ByteReader(absl::string_view(segment).substr(index * kSeedSlotBytes + 2, 2)).U16("id", id));
    return id;
  }
  void ExpectSeeds(uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) EXPECT_EQ(store_->Get(i).value(), Seed(i)) << i;
  }
};

TEST_F(RewrapTest, EverySecretIsUnderTheCurrentKeyAndTheOldOneIsNotNeeded) {
  ASSERT_OK(PutRange(0, 10));
  ASSERT_OK(store_->Erase(4));
  EXPECT_EQ(store_->Rewrap(0).value(), 0u) << "nothing is under another";
  keys_.current = 2;
  ASSERT_OK(PutRange(10, 12));
  EXPECT_EQ(store_->Rewrap(0).value(), 9u);
  EXPECT_EQ(store_->Rewrap(0).value(), 0u);
  keys_.keys.erase(1);
  for (int round = 0; round < 2; ++round) {
    ExpectSeeds(0, 4);
    ExpectSeeds(5, 12);
    EXPECT_EQ(store_->StateOf(4).value(), State::kErased);
    EXPECT_EQ(store_->StateOf(12).value(), State::kEmpty);
    Reopen();
  }
  EXPECT_THAT(ListDirectory(seeds_).value(), ElementsAre("seeds-0000000000000000"));
  EXPECT_THAT(store_->Rewrap(1), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(store_, SeedStore::OpenReadOnly(seeds_, kOrigin, keys_));
  EXPECT_THAT(store_->Rewrap(0), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RewrapTest, WhatWasTheSegmentIsZeros) {
  ASSERT_OK(PutRange(0, 10));
  ASSERT_OK_AND_ASSIGN(const PosixFile old,
                       PosixFile::Open(seeds_ + "/seeds-0000000000000000", O_RDONLY));
  keys_.current = 2;
  ASSERT_OK(store_->Rewrap(0));
  const std::string left = old.ReadExactly(0, kSegmentBytes).value();
  EXPECT_EQ(left.find_first_not_of('\0'), std::string::npos);
}

TEST_F(RewrapTest, ASecretThatDoesNotOpenLeavesTheSegmentAsItIs) {
  ASSERT_OK(PutRange(0, 3));
  keys_.current = 2;
  const std::string key = keys_.keys.at(1);
  keys_.keys.erase(1);
  const std::string before = Raw();
  EXPECT_THAT(store_->Rewrap(0), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("entry 0")));
  EXPECT_EQ(Raw(), before);
  keys_.keys[1] = key;
  EXPECT_EQ(store_->Rewrap(0).value(), 3u);
}

// What is put and erased while a segment is read and wrapped anew is carried over. The random
// source is asked in the midst of it.
TEST_F(RewrapTest, WhatIsPutAndErasedMeanwhileStands) {
  ASSERT_OK(PutRange(0, 10));
  keys_.current = 2;
  class Meddler : public Random {
   public:
    std::string Bytes(size_t count) override {
      if (!std::exchange(done_, true)) meddle();
      return random_.Bytes(count);
    }
    std::function<void()> meddle;

   private:
    bool done_ = false;
    FakeRandom random_{9};
  } meddler;
  ASSERT_OK_AND_ASSIGN(store_, SeedStore::Open(seeds_, kOrigin, keys_, meddler));
  meddler.meddle = [this] {
    EXPECT_OK(store_->Erase(2));
    EXPECT_OK(store_->Put(9, {Seed(900), Seed(10)}));
    EXPECT_OK(store_->EraseAll({{5}}));
  };
  EXPECT_EQ(store_->Rewrap(0).value(), 10u);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(store_->StateOf(2).value(), State::kErased);
    EXPECT_EQ(store_->StateOf(5).value(), State::kErased);
    EXPECT_EQ(store_->Get(9).value(), Seed(900));
    EXPECT_EQ(store_->Get(10).value(), Seed(10));
    ExpectSeeds(0, 2);
    ExpectSeeds(6, 9);
    Reopen();
  }
  EXPECT_EQ(store_->Rewrap(0).value(), 0u);
}

TEST_F(RewrapTest, ReadersNeverMissASecret) {
  ASSERT_OK(PutRange(0, 50));
  std::atomic<bool> done{false};
  std::atomic<uint64_t> reads{0};
  std::thread reader([&] {
    for (uint64_t i = 0; !done; i = (i + 1) % 50) {
      const auto seed = store_->Get(i);
      EXPECT_TRUE(seed.ok() && *seed == Seed(i)) << i << " " << seed.status();
      EXPECT_OK(store_->ReadSlots(0, 50));
      ++reads;
    }
  });
  TestKeys other;
  for (uint16_t id = 3; id < 13; ++id) {
    // Alternates between two keys that are both known to the reader all along.
    keys_.current = static_cast<uint16_t>(1 + id % 2);
    EXPECT_OK(store_->Rewrap(0));
  }
  done = true;
  reader.join();
  EXPECT_GT(reads, 0u);
}

// Wherever the machine says no, every secret is there, what was erased stays erased, and once it
// says yes again the rest is done.
TEST_F(RewrapTest, EachFailingCallLeavesEverySecret) {
  for (const FileOperation operation :
       {FileOperation::kOpen, FileOperation::kRead, FileOperation::kWrite, FileOperation::kSync,
        FileOperation::kRename}) {
    for (uint64_t step = 0;; ++step) {
      std::filesystem::remove_all(seeds_);
      keys_.current = 1;
      Reopen();
      ASSERT_OK(PutRange(0, 5));
      ASSERT_OK(store_->Erase(3));
      keys_.current = 2;
      absl::Status cut;
      {
        const FileFaults faults(operation, "seeds", EIO, step, 1);
        cut = store_->Rewrap(0).status();
      }
      Reopen();
      ExpectSeeds(0, 3);
      ExpectSeeds(4, 5);
      EXPECT_EQ(store_->StateOf(3).value(), State::kErased);
      EXPECT_OK(store_->Rewrap(0).status());
      EXPECT_EQ(KeyIdAt(Raw(), 0), 2) << cut;
      EXPECT_EQ(ListDirectory(seeds_)->size(), 1u);
      if (!cut.ok()) continue;
      EXPECT_GE(step, operation == FileOperation::kRename ? 1u : 2u);
      break;
    }
  }
}

}  // namespace
}  // namespace auditledger
