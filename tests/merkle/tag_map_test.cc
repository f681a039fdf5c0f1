#include "merkle/tag_map.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/index_head.h"
#include "tests/testing/indexed_log.h"
#include "tests/testing/seed.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::IndexedLog;
using ::auditledger::testing::StatusIs;

Hash Tag(uint64_t number) { return LeafHash(absl::StrCat("tag ", number)); }

absl::Status AddEntry(IndexedLog& log, uint64_t index, TagMap& map) {
  const Leaf& leaf = log.leaf(index);
  return map.Add(TagLogEntryOf(index, leaf, LeafHash(log.log().leaves()[index])), leaf.tags);
}

TEST(TagMapTest, IsTheReferencesMapAtEverySizeHoweverOftenItsRootIsTaken) {
  std::mt19937_64 random(testing::TestSeed());
  IndexedLog log;
  while (log.size() < 150) {
    std::set<Hash> tags;
    for (uint64_t n = random() % 4; n > 0; --n) tags.insert(Tag(random() % (1 + random() % 40)));
    log.Add(tags, random() % 2 * log.NextTime());
  }
  MemoryTagMapStore always_store;
  MemoryTagMapStore rarely_store;
  TagMap always(always_store);
  TagMap rarely(rarely_store);
  for (uint64_t i = 0; i < log.size(); ++i) {
    ASSERT_OK(AddEntry(log, i, always));
    ASSERT_OK(AddEntry(log, i, rarely));
    EXPECT_EQ(always.HasChanges(), !log.leaf(i).tags.empty());
    ASSERT_EQ(always.Root().value(), log.MapRoot(i + 1)) << i;
    EXPECT_FALSE(always.HasChanges());
    if (random() % 16 != 0) continue;
    ASSERT_EQ(rarely.Root().value(), log.MapRoot(i + 1)) << i;
  }
  EXPECT_EQ(rarely.Root().value(), always.Root().value());
}

TEST(TagMapTest, OfNoTagsItIsEmpty) {
  IndexedLog log;
  MemoryTagMapStore store;
  TagMap map(store);
  ASSERT_OK(AddEntry(log, 0, map));
  EXPECT_FALSE(map.HasChanges());
  EXPECT_EQ(map.Root().value(), EmptyRoot());
  EXPECT_EQ(store.tags(), 0u);
}

// What fsck, mirrors and verifiers do with every index head: no lie about an entry survives it.
TEST(TagMapTest, WhoMakesTheMapAnewFindsEveryEntryThatAnIndexHeadHidesOrMovesOrInvents) {
  IndexedLog truth;
  for (int i = 0; i < 6; ++i) truth.Add({Tag(i % 2)}, truth.NextTime() - 5);
  MemoryTagMapStore store;
  TagMap map(store);
  for (uint64_t i = 0; i < truth.size(); ++i) ASSERT_OK(AddEntry(truth, i, map));
  const Hash root = map.Root().value();
  const auto root_of_lie = [&](uint64_t index, const Leaf& leaf, uint64_t said_index) {
    MemoryTagMapStore false_store;
    TagMap false_map(false_store);
    for (uint64_t i = 0; i < truth.size(); ++i) {
      const bool lie = i == index;
      const Leaf& said = lie ? leaf : truth.leaf(i);
      const Hash hash = LeafHash(truth.log().leaves()[i]);
      EXPECT_OK(false_map.Add(TagLogEntryOf(lie ? said_index : i, said, hash), said.tags));
    }
    return false_map.Root().value();
  };
  for (uint64_t index = 0; index < truth.size(); ++index) {
    const Leaf& leaf = truth.leaf(index);
    ASSERT_EQ(root_of_lie(index, leaf, index), root);
    Leaf other = leaf;
    other.tags = {Tag(7)};
    EXPECT_NE(root_of_lie(index, other, index), root);
    if (leaf.tags.empty()) continue;
    other.tags = {};
    EXPECT_NE(root_of_lie(index, other, index), root);
    EXPECT_NE(root_of_lie(index, leaf, index + 1), root);
    other = leaf;
    ++other.recorded_at_us;
    EXPECT_NE(root_of_lie(index, other, index), root);
    other = leaf;
    ++other.event_time_us;
    EXPECT_NE(root_of_lie(index, other, index), root);
  }
}

TEST(TagMapTest, AStoresErrorIsHandedOn) {
  class Broken : public MemoryTagMapStore {
   public:
    absl::StatusOr<Frontier> ReadTag(const Hash&) override {
      return absl::UnavailableError("disk");
    }
  } store;
  TagMap map(store);
  EXPECT_OK(map.Add({}, {}));
  EXPECT_THAT(map.Add({}, {Tag(0)}), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace auditledger
