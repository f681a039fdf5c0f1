// Which entries have which terms, against a map that is looked through; erasing, damage, crashes.
#include "ledger/posting_store.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/leveldb_engine.h"
#include "leveldb/env.h"
#include "tests/ledger/fault_disk.h"
#include "tests/ledger/fault_env.h"
#include "tests/ledger/fault_sanitizers.h"
#include "tests/testing/seed.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using testing::FaultDisk;
using testing::StatusIs;

constexpr char kOrigin[] = "test.example/log";
const Hash kKey = LeafHash("a key");

PostingTerm TermOf(uint64_t number) {
  PostingTerm term;
  std::copy_n(LeafHash(absl::StrCat(number)).bytes.begin(), kPostingTermBytes, term.bytes.begin());
  return term;
}

using World = std::map<PostingTerm, std::set<uint64_t>>;

// Entries [begin, end) with terms by the dice, into both.
PostingBatch RandomBatch(uint64_t begin, uint64_t end, std::mt19937_64& dice, World& world) {
  PostingBatch batch;
  for (uint64_t entry = begin; entry < end; ++entry) {
    for (uint64_t term = 0; term < 12; ++term) {
      if (dice() % (term + 1) != 0) continue;
      batch.runs[TermOf(term)].push_back(entry);
      world[TermOf(term)].insert(entry);
    }
  }
  batch.position = end;
  batch.last_leaf = LeafHash(absl::StrCat("leaf ", end - 1));
  return batch;
}

std::vector<uint64_t> All(PostingReader& reader, const PostingTerm& term, LogOrder order) {
  std::vector<uint64_t> out;
  const auto cursor = reader.Open(term);
  uint64_t target = order == LogOrder::kForward ? 0 : UINT64_MAX;
  while (true) {
    const auto found = cursor->Seek(target, order);
    EXPECT_OK(found);
    if (!found.ok() || !found->has_value()) return out;
    out.push_back(**found);
    if (order == LogOrder::kBackward && **found == 0) return out;
    target = order == LogOrder::kForward ? **found + 1 : **found - 1;
  }
}

void ExpectIs(const std::shared_ptr<const PostingStore>& store, const World& world) {
  PostingReader reader(store);
  for (uint64_t term = 0; term < 13; ++term) {
    const auto found = world.find(TermOf(term));
    std::vector<uint64_t> expected;
    if (found != world.end()) expected.assign(found->second.begin(), found->second.end());
    EXPECT_EQ(All(reader, TermOf(term), LogOrder::kForward), expected) << term;
    std::reverse(expected.begin(), expected.end());
    EXPECT_EQ(All(reader, TermOf(term), LogOrder::kBackward), expected) << term;
  }
}

class PostingStoreTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::shared_ptr<PostingStore>> Open(const Hash& key = kKey) {
    absl::StatusOr<std::unique_ptr<PostingStore>> store = PostingStore::Open(path(), kOrigin, key);
    if (!store.ok()) return store.status();
    return std::shared_ptr<PostingStore>(*std::move(store));
  }
  std::string path() const { return dir_ / "index"; }

  testing::TempDir dir_;
  std::mt19937_64 dice_{testing::TestSeed()};
};

TEST_F(PostingStoreTest, IsWhatWasPutIntoIt) {
  World world;
  auto store = Open().value();
  uint64_t end = 0;
  for (int i = 0; i < 20; ++i) {
    const uint64_t begin = std::exchange(end, end + 1 + dice_() % 60);
    ASSERT_OK(store->Apply(RandomBatch(begin, end, dice_, world)));
    EXPECT_EQ(store->header().position, end);
    if (i % 5 != 0) continue;
    store.reset();
    store = Open().value();
    EXPECT_EQ(store->header().position, end);
    EXPECT_EQ(store->header().last_leaf, LeafHash(absl::StrCat("leaf ", end - 1)));
    ExpectIs(store, world);
  }
  ExpectIs(store, world);
}

TEST_F(PostingStoreTest, SeeksLeapAnyDistance) {
  World world;
  const auto store = Open().value();
  for (uint64_t end = 50; end <= 500; end += 50) {
    ASSERT_OK(store->Apply(RandomBatch(end - 50, end, dice_, world)));
  }
  PostingReader reader(store);
  for (int round = 0; round < 500; ++round) {
    const PostingTerm term = TermOf(dice_() % 12);
    const std::set<uint64_t>& entries = world[term];
    const auto forward = reader.Open(term);
    for (uint64_t target = dice_() % 100; target < 600; target += 1 + dice_() % 150) {
      const auto expected = entries.lower_bound(target);
      const auto found = forward->Seek(target, LogOrder::kForward).value();
      ASSERT_EQ(found.has_value(), expected != entries.end()) << target;
      if (!found) break;
      ASSERT_EQ(*found, *expected) << target;
    }
    const auto backward = reader.Open(term);
    for (int64_t target = 600; target >= 0; target -= 1 + static_cast<int64_t>(dice_() % 150)) {
      const auto beyond = entries.upper_bound(static_cast<uint64_t>(target));
      const auto found = backward->Seek(static_cast<uint64_t>(target), LogOrder::kBackward).value();
      ASSERT_EQ(found.has_value(), beyond != entries.begin()) << target;
      if (!found) break;
      ASSERT_EQ(*found, *std::prev(beyond)) << target;
    }
  }
  EXPECT_GT(reader.steps(), 0u);
}

TEST_F(PostingStoreTest, AReaderSeesOneMoment) {
  World world;
  const auto store = Open().value();
  ASSERT_OK(store->Apply(RandomBatch(0, 100, dice_, world)));
  const World then = world;
  PostingReader reader(store);
  ASSERT_OK(store->Apply(RandomBatch(100, 200, dice_, world)));
  ASSERT_OK(store->Forget(EntryRanges{{0, 99}}));
  EXPECT_EQ(reader.Position().value(), 100u);
  for (const auto& [term, entries] : then) {
    EXPECT_EQ(All(reader, term, LogOrder::kForward),
              std::vector<uint64_t>(entries.begin(), entries.end()));
  }
}

TEST_F(PostingStoreTest, ZonesBoundTheTimesOfAllBatches) {
  const auto store = Open().value();
  PostingBatch batch;
  batch.position = 1;
  batch.zones[0] = {50, 60};
  ASSERT_OK(store->Apply(batch));
  batch.position = 2;
  batch.zones[0] = {40, 45};
  batch.zones[3] = {7, 9};
  ASSERT_OK(store->Apply(batch));
  PostingReader reader(store);
  EXPECT_EQ(reader.Zone(0).value(), (TimeBounds{40, 60}));
  EXPECT_EQ(reader.Zone(3).value(), (TimeBounds{7, 9}));
  EXPECT_EQ(reader.Zone(1).value(), std::nullopt);
}

std::string AllFiles(const std::string& folder) {
  std::string out;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(file.path(), std::ios::binary);
    out += std::string(std::istreambuf_iterator<char>(in), {});
  }
  return out;
}

TEST_F(PostingStoreTest, WhatIsForgottenIsGoneFromTheDisk) {
  World world;
  auto store = Open().value();
  ASSERT_OK(store->Apply(RandomBatch(0, 300, dice_, world)));
  const PostingTerm only = TermOf(99);
  PostingBatch batch = RandomBatch(300, 400, dice_, world);
  batch.runs[only] = {350};
  ASSERT_OK(store->Apply(batch));
  EXPECT_TRUE(absl::StrContains(AllFiles(path()), only.view()));

  const EntryRanges erased = {{0, 0}, {10, 40}, {350, 350}, {399, 399}, {1000, 2000}};
  ASSERT_OK(store->Forget(erased));
  for (auto& [term, entries] : world) {
    std::erase_if(entries, [&](uint64_t entry) { return Contains(erased, entry); });
  }
  ExpectIs(store, world);
  PostingReader reader(store);
  EXPECT_EQ(reader.Open(only)->Seek(0, LogOrder::kForward).value(), std::nullopt);
  EXPECT_FALSE(absl::StrContains(AllFiles(path()), only.view()));
  EXPECT_EQ(store->header().position, 400u);
}

TEST_F(PostingStoreTest, OfAnotherLogOrKeyItIsDamaged) {
  World world;
  ASSERT_OK(Open().value()->Apply(RandomBatch(0, 10, dice_, world)));
  EXPECT_THAT(Open(LeafHash("another key")), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(PostingStore::Open(path(), "test.example/other", kKey),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_OK(Open());
  ASSERT_OK(PostingStore::Destroy(path()));
  EXPECT_EQ(Open(LeafHash("another key")).value()->header().position, 0u);
}

TEST_F(PostingStoreTest, TwoCannotHaveIt) {
  const auto store = Open().value();
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

// A byte of a table is flipped: every answer is right, or damage.
TEST_F(PostingStoreTest, DamageIsNoticedOrDoesNoHarm) {
  World world;
  auto store = Open().value();
  ASSERT_OK(store->Apply(RandomBatch(0, 400, dice_, world)));
  ASSERT_OK(store->Forget({}));  // writes a table
  store.reset();
  std::string table;
  for (const auto& file : std::filesystem::directory_iterator(path())) {
    if (file.path().extension() == ".ldb") table = file.path().string();
  }
  ASSERT_FALSE(table.empty());
  const uint64_t size = std::filesystem::file_size(table);
  for (int round = 0; round < 40; ++round) {
    const auto at = static_cast<std::streamoff>(dice_() % size);
    std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char old = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(old ^ 1));
    file.close();
    auto damaged = Open();
    bool noticed = !damaged.ok();
    if (damaged.ok()) {
      PostingReader reader(*damaged);
      for (const auto& [term, entries] : world) {
        const auto cursor = reader.Open(term);
        auto expected = entries.begin();
        for (uint64_t target = 0; !noticed;) {
          const auto found = cursor->Seek(target, LogOrder::kForward);
          noticed = !found.ok();
          if (noticed || !found->has_value()) break;
          ASSERT_EQ(**found, *expected++) << at;
          target = **found + 1;
        }
        ASSERT_TRUE(noticed || expected == entries.end()) << at;
      }
      EXPECT_EQ(noticed, (*damaged)->damaged()) << at;
    }
    damaged = absl::CancelledError();
    file.open(table, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.put(old);
  }
}

// The process dies at each of the calls that a store makes of the disk, and what was not synced
// survives in part. Whatever is found is whole up to its position, or is known to be damaged.
class PostingCrashTest : public ::testing::Test {
 protected:
  PostingCrashTest() : env_(testing::NewFaultEnv(disk_)) {
    SetFileSystemForTesting(&disk_);
    SetBaseEnvForTesting(env_.get());
    World world;
    for (uint64_t end = 10; end <= 40; end += 10) {
      batches_.push_back(RandomBatch(end - 10, end, dice_, world));
      worlds_[end] = world;
    }
    worlds_[0] = {};
  }
  ~PostingCrashTest() override {
    SetBaseEnvForTesting(nullptr);
    SetFileSystemForTesting(nullptr);
  }
  // Goes on until all is in it; false when the disk fails.
  bool Live() {
    auto store = PostingStore::Open("/index", kOrigin, kKey);
    if (absl::IsDataLoss(store.status())) {
      if (!PostingStore::Destroy("/index").ok()) return false;
      store = PostingStore::Open("/index", kOrigin, kKey);
    }
    if (!store.ok()) return false;
    const uint64_t position = (*store)->header().position;
    EXPECT_TRUE(worlds_.contains(position)) << position;
    const std::shared_ptr<PostingStore> shared = *std::move(store);
    if (!disk_.crashed()) ExpectIs(shared, worlds_[position]);
    for (const PostingBatch& batch : batches_) {
      if (batch.position > position && !shared->Apply(batch).ok()) return false;
    }
    // Syncs what there is, and writes tables.
    return shared->Forget({}).ok() && !disk_.crashed();
  }

  FaultDisk disk_;
  std::unique_ptr<leveldb::Env> env_;
  std::mt19937_64 dice_{testing::TestSeed()};
  std::vector<PostingBatch> batches_;
  std::map<uint64_t, World> worlds_;
};

TEST_F(PostingCrashTest, WhateverCallItDiesInItGoesOn) {
  const auto fresh = disk_.Save();
  uint64_t calls = 0;
  disk_.SetScript([&](const FaultDisk::Call&) {
    ++calls;
    return FaultDisk::Fault{};
  });
  ASSERT_TRUE(Live());
  disk_.SetScript(nullptr);
  ASSERT_GT(calls, 30u);
  for (uint64_t deadly = 0; deadly < calls; deadly += testing::kFaultsSlower) {
    for (const auto survival : {testing::Survival::kAll, testing::Survival::kPrefix,
                                testing::Survival::kSynced, testing::Survival::kScattered}) {
      disk_.Load(*fresh);
      disk_.SetScript([deadly, n = uint64_t{0}](const FaultDisk::Call&) mutable {
        FaultDisk::Fault fault;
        fault.crash = n++ == deadly;
        if (fault.crash) fault.what = FaultDisk::Fault::What::kAbsent;
        return fault;
      });
      Live();
      disk_.Restart(survival, dice_());
      ASSERT_TRUE(Live()) << "died in call " << deadly;
      const std::shared_ptr<PostingStore> last =
          PostingStore::Open("/index", kOrigin, kKey).value();
      ExpectIs(last, worlds_[40]);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace auditledger
