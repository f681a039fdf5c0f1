#include "merkle/set_proof.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "merkle/frontier.h"
#include "merkle/proof.h"
#include "merkle/verify.h"
#include "tests/testing/reference_merkle.h"
#include "tests/testing/seed.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::ReferenceTree;
using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

std::vector<uint64_t> Subset(uint64_t bits) {
  std::vector<uint64_t> indexes;
  for (uint64_t i = 0; bits >> i != 0; ++i) {
    if ((bits >> i & 1) != 0) indexes.push_back(i);
  }
  return indexes;
}

std::vector<IndexedHash> LeavesAt(const std::vector<uint64_t>& indexes, ReferenceTree& tree) {
  std::vector<IndexedHash> leaves;
  for (const uint64_t index : indexes) leaves.push_back({index, tree.leaf_hashes()[index]});
  return leaves;
}

TEST(SetProofTest, EverySetOfEveryTreeUpTo10Leaves) {
  ReferenceTree tree = ReferenceTree::Numbered(10);
  for (uint64_t size = 1; size <= 10; ++size) {
    for (uint64_t bits = 1; bits < 1u << size; ++bits) {
      const std::vector<uint64_t> indexes = Subset(bits);
      const std::vector<IndexedHash> leaves = LeavesAt(indexes, tree);
      const std::vector<Hash> proof = SetProof(indexes, size, tree).value();
      ASSERT_OK(VerifySet(leaves, size, proof, tree.Root(size))) << bits << " of " << size;
      // Each leaf counts, and each hash.
      for (size_t i = 0; i < leaves.size(); ++i) {
        std::vector<IndexedHash> other = leaves;
        other[i].hash = EmptyRoot();
        ASSERT_FALSE(VerifySet(other, size, proof, tree.Root(size)).ok());
        other.erase(other.begin() + static_cast<ptrdiff_t>(i));
        ASSERT_FALSE(VerifySet(other, size, proof, tree.Root(size)).ok());
      }
      for (size_t i = 0; i < proof.size(); ++i) {
        std::vector<Hash> other = proof;
        other[i].bytes[0] ^= 1;
        ASSERT_THAT(VerifySet(leaves, size, other, tree.Root(size)),
                    StatusIs(StatusCode::kDataLoss, HasSubstr("computed")));
      }
    }
  }
}

TEST(SetProofTest, NoSetIsProvenByAnothersProof) {
  ReferenceTree tree = ReferenceTree::Numbered(6);
  for (uint64_t shown = 1; shown < 64; ++shown) {
    const std::vector<Hash> proof = SetProof(Subset(shown), 6, tree).value();
    for (uint64_t other = 1; other < 64; ++other) {
      // Same hashes, other places.
      std::vector<IndexedHash> leaves = LeavesAt(Subset(shown), tree);
      const std::vector<uint64_t> places = Subset(other);
      if (places.size() != leaves.size() || shown == other) continue;
      for (size_t i = 0; i < leaves.size(); ++i) leaves[i].index = places[i];
      EXPECT_FALSE(VerifySet(leaves, 6, proof, tree.Root(6)).ok()) << shown << " as " << other;
    }
  }
}

TEST(SetProofTest, OfNeighboursItIsTheirRangeProof) {
  ReferenceTree tree = ReferenceTree::Numbered(33);
  for (uint64_t size = 1; size <= 33; ++size) {
    for (uint64_t begin = 0; begin < size; ++begin) {
      std::vector<uint64_t> indexes;
      for (uint64_t end = begin + 1; end <= size; ++end) {
        indexes.push_back(end - 1);
        ASSERT_EQ(SetProof(indexes, size, tree).value(), tree.Range(begin, end, size));
      }
    }
  }
}

TEST(SetProofTest, RandomSetsOfALargerTree) {
  std::mt19937_64 random(testing::TestSeed());
  ReferenceTree tree = ReferenceTree::Numbered(1000);
  for (int round = 0; round < 300; ++round) {
    const uint64_t size = 1 + random() % 1000;
    std::set<uint64_t> chosen;
    for (uint64_t n = 1 + random() % 40; n > 0; --n) chosen.insert(random() % size);
    const std::vector<uint64_t> indexes(chosen.begin(), chosen.end());
    const std::vector<Hash> proof = SetProof(indexes, size, tree).value();
    ASSERT_OK(VerifySet(LeavesAt(indexes, tree), size, proof, tree.Root(size)));
    if (indexes.size() == 1) {
      std::vector<Hash> path = tree.Path(indexes[0], size);
      std::vector<Hash> sorted = proof;
      std::sort(path.begin(), path.end());
      std::sort(sorted.begin(), sorted.end());
      EXPECT_EQ(sorted, path) << "the inclusion proof's hashes, in another order";
    }
  }
}

TEST(SetProofTest, OneReadWhateverTheSet) {
  ReferenceTree tree = ReferenceTree::Numbered(100);
  ASSERT_OK(SetProof({0, 3, 50, 51, 99}, 100, tree));
  EXPECT_EQ(tree.reads(), 1);
}

TEST(SetProofTest, WhatIsNoSetOfTheTreeIsRefusedByBoth) {
  ReferenceTree tree = ReferenceTree::Numbered(8);
  const Hash hash = tree.leaf_hashes()[0];
  struct Case {
    std::vector<uint64_t> indexes;
    uint64_t size;
    std::string why;
  };
  for (const Case& test : std::vector<Case>{{{}, 8, "of no leaf nothing is proven"},
                                            {{8}, 8, "no leaf 8 in a tree of 8"},
                                            {{0}, 0, "no leaf 0 in a tree of 0"},
                                            {{3, 3}, 8, "leaf 3 does not ascend"},
                                            {{3, 1}, 8, "leaf 1 does not ascend"},
                                            {{0}, kMaxTreeSize + 1, "is over 2^63 - 1"}}) {
    EXPECT_THAT(SetProof(test.indexes, test.size, tree),
                StatusIs(StatusCode::kOutOfRange, HasSubstr(test.why)));
    std::vector<IndexedHash> leaves;
    for (const uint64_t index : test.indexes) leaves.push_back({index, hash});
    EXPECT_THAT(VerifySet(leaves, test.size, {}, tree.Root(8)),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(test.why)));
  }
}

TEST(SetProofTest, AProofHasOneLength) {
  ReferenceTree tree = ReferenceTree::Numbered(8);
  std::vector<Hash> proof = SetProof({1, 6}, 8, tree).value();
  ASSERT_EQ(proof.size(), 4u);
  const std::vector<IndexedHash> leaves = LeavesAt({1, 6}, tree);
  proof.push_back(EmptyRoot());
  EXPECT_THAT(VerifySet(leaves, 8, proof, tree.Root(8)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("5 hashes, exactly 4")));
  proof.resize(3);
  EXPECT_THAT(VerifySet(leaves, 8, proof, tree.Root(8)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("3 hashes, exactly 4")));
  EXPECT_THAT(VerifySet(LeavesAt({0}, tree), kMaxTreeSize, std::vector<Hash>(63), tree.Root(8)),
              StatusIs(StatusCode::kDataLoss))
      << "the largest tree is walked, not counted";
}

}  // namespace
}  // namespace auditledger
