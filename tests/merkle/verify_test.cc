// What the verifiers accept, what they refuse and with which reason. Public vectors:
// verify_vectors_test.cc.
#include "merkle/verify.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/neighbour_proofs.h"
#include "tests/testing/reference_merkle.h"
#include "tests/testing/seed.h"
#include "tests/testing/sparse_tree.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::ReferenceTree;
using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

using Hashes = std::vector<Hash>;
using Check = std::function<absl::Status(const Hashes& proof)>;

// Every proof with one hash too many or too few, wherever.
void ExpectOtherLengthsRefused(const Hashes& proof, const Hash& stranger, const Check& check) {
  for (size_t i = 0; i <= proof.size(); ++i) {
    Hashes longer = proof;
    longer.insert(longer.begin() + static_cast<ptrdiff_t>(i), stranger);
    EXPECT_THAT(check(longer), StatusIs(StatusCode::kInvalidArgument, HasSubstr("exactly")));
    if (i == proof.size()) break;
    Hashes shorter = proof;
    shorter.erase(shorter.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_THAT(check(shorter), StatusIs(StatusCode::kInvalidArgument, HasSubstr("exactly")));
  }
}

void ExpectEveryFlippedBitRefused(const Hashes& proof, const Check& check) {
  for (size_t i = 0; i < proof.size(); ++i) {
    for (size_t bit = 0; bit < 256; ++bit) {
      Hashes flipped = proof;
      flipped[i].bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      EXPECT_THAT(check(flipped), StatusIs(StatusCode::kDataLoss, HasSubstr("computed")))
          << "hash " << i << " bit " << bit;
    }
  }
}

TEST(VerifyInclusionTest, EveryLeafOfEverySizeUpTo256) {
  ReferenceTree tree = ReferenceTree::Numbered(256);
  for (uint64_t size = 1; size <= 256; ++size) {
    for (uint64_t index = 0; index < size; ++index) {
      const Hashes proof = tree.Path(index, size);
      const Hash leaf = tree.leaf_hashes()[index];
      const Hash root = tree.Root(size);
      ASSERT_OK(VerifyInclusion(index, size, leaf, proof, root)) << index << " in " << size;
      ASSERT_FALSE(VerifyInclusion(index + 1, size, leaf, proof, root).ok());
      ASSERT_FALSE(VerifyInclusion(index - 1, size, leaf, proof, root).ok());
      ASSERT_FALSE(VerifyInclusion(index ^ 2, size, leaf, proof, root).ok());
      ASSERT_FALSE(VerifyInclusion(index, size, root, proof, leaf).ok() && size > 1);
      ASSERT_FALSE(VerifyInclusion(index, size, tree.Root(size), proof, root).ok() && size > 1);
    }
  }
}

TEST(VerifyInclusionTest, HostileProofsOfSmallTrees) {
  ReferenceTree tree = ReferenceTree::Numbered(40);
  for (uint64_t size = 1; size <= 20; ++size) {
    for (uint64_t index = 0; index < size; ++index) {
      const Hash leaf = tree.leaf_hashes()[index];
      const Hash root = tree.Root(size);
      const Check check = [&](const Hashes& proof) {
        return VerifyInclusion(index, size, leaf, proof, root);
      };
      const Hashes proof = tree.Path(index, size);
      for (const Hash& stranger : {root, leaf, EmptyRoot()}) {
        ExpectOtherLengthsRefused(proof, stranger, check);
      }
      ExpectEveryFlippedBitRefused(proof, check);
      // Another size of the same proof: refused, or the root stated is another tree's.
      for (uint64_t other : {size * 2, size / 2, size + 1, size - 1}) {
        EXPECT_FALSE(VerifyInclusion(index, other, leaf, proof, tree.Root(other)).ok())
            << index << " in " << size << " taken for " << other;
      }
    }
  }
}

TEST(VerifyInclusionTest, EdgeSizes) {
  const Hash leaf = LeafHash("x");
  EXPECT_OK(VerifyInclusion(0, 1, leaf, {}, leaf));
  EXPECT_THAT(VerifyInclusion(0, 1, leaf, {}, EmptyRoot()), StatusIs(StatusCode::kDataLoss));
  EXPECT_THAT(VerifyInclusion(0, 0, leaf, {}, EmptyRoot()), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(VerifyInclusion(1, 1, leaf, {}, leaf), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(VerifyInclusion(~uint64_t{0}, 1, leaf, {}, leaf),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(VerifyInclusion(0, kMaxTreeSize + 1, leaf, Hashes(63), leaf),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("2^63")));
  EXPECT_THAT(VerifyInclusion(0, kMaxTreeSize, leaf, Hashes(62), leaf),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("exactly 63")));
  EXPECT_THAT(VerifyInclusion(0, kMaxTreeSize, leaf, Hashes(63), leaf),
              StatusIs(StatusCode::kDataLoss));
}

TEST(VerifyInclusionTest, TheReasonNamesBothHashes) {
  const Hash leaf = LeafHash("x");
  const Hash other = LeafHash("y");
  EXPECT_THAT(VerifyInclusion(0, 1, leaf, {}, other),
              StatusIs(StatusCode::kDataLoss,
                       "inclusion: root: computed " + leaf.ToHex() + ", stated " + other.ToHex()));
}

TEST(VerifyConsistencyTest, EveryPairOfSizesUpTo256) {
  ReferenceTree tree = ReferenceTree::Numbered(256);
  for (uint64_t size = 1; size <= 256; ++size) {
    for (uint64_t old_size = 1; old_size <= size; ++old_size) {
      const Hash old_root = tree.Root(old_size);
      const Hash root = tree.Root(size);
      const Hashes proof = tree.Consistency(old_size, size);
      ASSERT_OK(VerifyConsistency(old_size, old_root, size, root, proof));
      if (old_size == size) continue;
      ASSERT_FALSE(VerifyConsistency(old_size, root, size, old_root, proof).ok());
      ASSERT_FALSE(VerifyConsistency(size, root, old_size, old_root, proof).ok());
      ASSERT_FALSE(VerifyConsistency(old_size, old_root, size, old_root, proof).ok());
      ASSERT_FALSE(VerifyConsistency(old_size, root, size, root, proof).ok());
      ASSERT_FALSE(VerifyConsistency(old_size, tree.Root(old_size - 1), size, root, proof).ok());
      ASSERT_FALSE(VerifyConsistency(old_size, old_root, size, tree.Root(size - 1), proof).ok());
    }
  }
}

TEST(VerifyConsistencyTest, HostileProofsOfSmallTrees) {
  ReferenceTree tree = ReferenceTree::Numbered(40);
  for (uint64_t size = 1; size <= 18; ++size) {
    for (uint64_t old_size = 1; old_size <= size; ++old_size) {
      const Hash old_root = tree.Root(old_size);
      const Hash root = tree.Root(size);
      const Check check = [&](const Hashes& proof) {
        return VerifyConsistency(old_size, old_root, size, root, proof);
      };
      const Hashes proof = tree.Consistency(old_size, size);
      for (const Hash& stranger : {root, old_root, EmptyRoot()}) {
        ExpectOtherLengthsRefused(proof, stranger, check);
      }
      ExpectEveryFlippedBitRefused(proof, check);
      for (uint64_t other : {size * 2, size / 2, size + 1, size - 1}) {
        if (other == old_size && proof.empty()) continue;
        EXPECT_FALSE(VerifyConsistency(old_size, old_root, other, tree.Root(other), proof).ok());
      }
      for (uint64_t other : {old_size * 2, old_size / 2, old_size + 1, old_size - 1}) {
        if (other == size && proof.empty()) continue;
        EXPECT_FALSE(VerifyConsistency(other, tree.Root(other), size, root, proof).ok());
      }
    }
  }
}

TEST(VerifyConsistencyTest, EdgeSizes) {
  const Hash root = LeafHash("x");
  const Hash empty = EmptyRoot();
  const auto refused = StatusIs(StatusCode::kInvalidArgument);
  EXPECT_THAT(VerifyConsistency(0, empty, 0, empty, {}), refused);
  EXPECT_THAT(VerifyConsistency(0, empty, 1, root, {}), refused);
  EXPECT_THAT(VerifyConsistency(2, root, 1, root, {}), refused);
  EXPECT_THAT(VerifyConsistency(1, root, kMaxTreeSize + 1, root, Hashes(63)), refused);
  EXPECT_THAT(VerifyConsistency(1, root, 1, root, Hashes{root}), refused);
  EXPECT_OK(VerifyConsistency(1, root, 1, root, {}));
  EXPECT_OK(VerifyConsistency(kMaxTreeSize, root, kMaxTreeSize, root, {}));
  EXPECT_THAT(VerifyConsistency(1, root, 1, empty, {}), StatusIs(StatusCode::kDataLoss));
}

// standards.md 1.5: the wrapper accepts what proves nothing only in its one honest form.
TEST(VerifyExtensionTest, FromNothing) {
  const Hash root = LeafHash("x");
  const Hash empty = EmptyRoot();
  EXPECT_OK(VerifyExtension(0, empty, 0, empty, {}));
  EXPECT_OK(VerifyExtension(0, empty, 5, root, {}));
  EXPECT_THAT(VerifyExtension(0, root, 5, root, {}), StatusIs(StatusCode::kDataLoss));
  EXPECT_THAT(VerifyExtension(0, empty, 0, root, {}), StatusIs(StatusCode::kDataLoss));
  EXPECT_THAT(VerifyExtension(0, root, 0, root, {}), StatusIs(StatusCode::kDataLoss));
  EXPECT_THAT(VerifyExtension(0, empty, 5, root, Hashes{root}),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(VerifyExtension(0, empty, kMaxTreeSize + 1, root, {}),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(VerifyExtensionTest, IsConsistencyOtherwise) {
  ReferenceTree tree = ReferenceTree::Numbered(9);
  const Hashes proof = tree.Consistency(6, 9);
  EXPECT_OK(VerifyExtension(6, tree.Root(6), 9, tree.Root(9), proof));
  EXPECT_THAT(VerifyExtension(6, tree.Root(5), 9, tree.Root(9), proof),
              StatusIs(StatusCode::kDataLoss));
  EXPECT_THAT(VerifyExtension(6, tree.Root(6), 0, EmptyRoot(), {}),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(VerifySubtreeTest, EverySubtreeUpTo70) {
  ReferenceTree tree = ReferenceTree::Numbered(70);
  for (uint64_t end = 1; end <= 70; ++end) {
    for (uint64_t begin = 0; begin < end; ++begin) {
      const Hash root = tree.Root(begin, end);
      const LeafRange range{begin, end};
      if (!IsSubtree(range)) {
        EXPECT_THAT(VerifySubtreeConsistency(range, root, 70, tree.Root(70), {}),
                    StatusIs(StatusCode::kInvalidArgument));
        continue;
      }
      for (uint64_t size = end; size <= 70; size += 1 + size % 5) {
        const Hashes proof = tree.SubtreeConsistency(begin, end, size);
        ASSERT_OK(VerifySubtreeConsistency(range, root, size, tree.Root(size), proof));
        ASSERT_FALSE(
            VerifySubtreeConsistency(range, EmptyRoot(), size, tree.Root(size), proof).ok());
        if (size < 70) {
          ASSERT_FALSE(
              VerifySubtreeConsistency(range, root, size, tree.Root(size + 1), proof).ok());
        }
      }
    }
  }
}

TEST(VerifyRangeTest, EveryRangeUpTo40AndWhatIsBesideIt) {
  ReferenceTree tree = ReferenceTree::Numbered(41);
  const absl::Span<const Hash> leaves = tree.leaf_hashes();
  for (uint64_t size = 1; size <= 40; ++size) {
    const Hash root = tree.Root(size);
    for (uint64_t begin = 0; begin < size; ++begin) {
      for (uint64_t end = begin + 1; end <= size; ++end) {
        const Hashes proof = tree.Range(begin, end, size);
        const auto range = leaves.subspan(begin, end - begin);
        ASSERT_OK(VerifyRange(begin, range, size, proof, root));
        ASSERT_FALSE(VerifyRange(begin + 1, range, size, proof, root).ok());
        ASSERT_FALSE(VerifyRange(begin - 1, range, size, proof, root).ok());
        ASSERT_FALSE(VerifyRange(begin, range, size, proof, tree.Root(size + 1)).ok());
        ASSERT_FALSE(
            VerifyRange(begin, leaves.subspan(begin, end - begin + 1), size, proof, root).ok());
        ASSERT_FALSE(VerifyRange(begin, range.subspan(1), size, proof, root).ok());
        ASSERT_FALSE(VerifyRange(begin + 1, range.subspan(1), size, proof, root).ok());
      }
    }
  }
}

TEST(VerifyRangeTest, HostileProofs) {
  ReferenceTree tree = ReferenceTree::Numbered(13);
  const Hash root = tree.Root(13);
  for (uint64_t begin = 0; begin < 13; ++begin) {
    for (uint64_t end = begin + 1; end <= 13; ++end) {
      const Hashes proof = tree.Range(begin, end, 13);
      Hashes leaves(tree.leaf_hashes().begin() + static_cast<ptrdiff_t>(begin),
                    tree.leaf_hashes().begin() + static_cast<ptrdiff_t>(end));
      const Check check = [&](const Hashes& other) {
        return VerifyRange(begin, leaves, 13, other, root);
      };
      ExpectOtherLengthsRefused(proof, root, check);
      ExpectEveryFlippedBitRefused(proof, check);
      for (Hash& leaf : leaves) {
        leaf.bytes[0] ^= 1;
        EXPECT_THAT(check(proof), StatusIs(StatusCode::kDataLoss));
        leaf.bytes[0] ^= 1;
      }
      if (leaves.size() > 1) {
        std::swap(leaves.front(), leaves.back());
        EXPECT_THAT(check(proof), StatusIs(StatusCode::kDataLoss));
      }
    }
  }
}

TEST(VerifyRangeTest, EdgeSizes) {
  const Hash leaf = LeafHash("x");
  const auto refused = StatusIs(StatusCode::kInvalidArgument);
  EXPECT_OK(VerifyRange(0, {leaf}, 1, {}, leaf));
  EXPECT_THAT(VerifyRange(0, {}, 0, {}, EmptyRoot()), refused);
  EXPECT_THAT(VerifyRange(0, {}, 1, {}, leaf), refused);
  EXPECT_THAT(VerifyRange(0, {leaf, leaf}, 1, {}, leaf), refused);
  EXPECT_THAT(VerifyRange(~uint64_t{0}, {leaf}, 1, {}, leaf), refused);
  EXPECT_THAT(VerifyRange(0, {leaf}, kMaxTreeSize + 1, Hashes(63), leaf), refused);
  EXPECT_THAT(VerifyRange(kMaxTreeSize - 1, {leaf}, kMaxTreeSize, Hashes(62), leaf),
              StatusIs(StatusCode::kDataLoss));
}

TEST(UnfoldRangeTest, EveryRangeUpTo70HoldsTheProofOfEachLeaf) {
  ReferenceTree tree = ReferenceTree::Numbered(70);
  const absl::Span<const Hash> leaves = tree.leaf_hashes();
  for (uint64_t size = 1; size <= 70; ++size) {
    std::vector<Hashes> paths;
    for (uint64_t i = 0; i < size; ++i) paths.push_back(tree.Path(i, size));
    for (uint64_t begin = 0; begin < size; ++begin) {
      for (uint64_t end = begin + 1; end <= size; ++end) {
        ASSERT_OK_AND_ASSIGN(const auto unfolded,
                             UnfoldRange(begin, leaves.subspan(begin, end - begin), size,
                                         tree.Range(begin, end, size)));
        ASSERT_EQ(absl::MakeConstSpan(unfolded),
                  absl::MakeConstSpan(paths).subspan(begin, end - begin))
            << begin << " to " << end << " in " << size;
      }
    }
  }
}

TEST(UnfoldRangeTest, RandomRangesOfTreesOfAnySize) {
  const uint64_t seed = testing::TestSeed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 300; ++i) {
    const auto [range, size] = testing::AnyRange(random, i % 30 == 0 ? 1000 : 40);
    Hashes leaves;
    for (uint64_t l = range.begin; l < range.end; ++l) leaves.push_back(LeafHash(absl::StrCat(l)));
    testing::SparseTree tree(range.begin, leaves);
    SCOPED_TRACE(absl::StrCat(range.begin, " to ", range.end, " in ", size));
    ASSERT_OK_AND_ASSIGN(const auto paths, InclusionProofs(range, size, tree));
    ASSERT_OK_AND_ASSIGN(const Hashes proof, RangeProof(range, size, tree));
    ASSERT_OK_AND_ASSIGN(const auto unfolded, UnfoldRange(range.begin, leaves, size, proof));
    ASSERT_EQ(unfolded, paths);
    ASSERT_OK_AND_ASSIGN(const Hashes of_ends,
                         RangeProofOfEnds(range, size, paths.front(), paths.back()));
    ASSERT_EQ(of_ends, proof);
    ASSERT_OK_AND_ASSIGN(const Hash root, RootAt(size, tree));
    ASSERT_OK(VerifyRange(range.begin, leaves, size, proof, root));
  }
}

// What was falsified is still unfolded, and proves nothing: each leaf's proof leads elsewhere.
TEST(UnfoldRangeTest, AFalsifiedRangeUnfoldsToProofsOfAnotherRoot) {
  ReferenceTree tree = ReferenceTree::Numbered(13);
  const Hash root = tree.Root(13);
  for (uint64_t begin = 0; begin < 13; ++begin) {
    for (uint64_t end = begin + 1; end <= 13; ++end) {
      Hashes hashes(tree.leaf_hashes().begin() + static_cast<ptrdiff_t>(begin),
                    tree.leaf_hashes().begin() + static_cast<ptrdiff_t>(end));
      const size_t leaves = hashes.size();
      const Hashes proof = tree.Range(begin, end, 13);
      hashes.insert(hashes.end(), proof.begin(), proof.end());
      for (Hash& falsified : hashes) {
        falsified.bytes[31] ^= 1;
        const auto of_leaves = absl::MakeConstSpan(hashes).first(leaves);
        ASSERT_OK_AND_ASSIGN(
            const auto unfolded,
            UnfoldRange(begin, of_leaves, 13, absl::MakeConstSpan(hashes).subspan(leaves)));
        for (size_t i = 0; i < leaves; ++i) {
          ASSERT_THAT(VerifyInclusion(begin + i, 13, of_leaves[i], unfolded[i], root),
                      StatusIs(StatusCode::kDataLoss));
        }
        falsified.bytes[31] ^= 1;
      }
    }
  }
}

TEST(UnfoldRangeTest, WhatIsNoRangeIsRefused) {
  ReferenceTree tree = ReferenceTree::Numbered(8);
  const Hashes proof = tree.Range(3, 5, 8);
  const Hashes leaves(2);
  const auto refused = StatusIs(StatusCode::kInvalidArgument);
  EXPECT_OK(UnfoldRange(3, leaves, 8, proof).status());
  EXPECT_THAT(UnfoldRange(3, {}, 8, proof).status(), refused);
  EXPECT_THAT(UnfoldRange(7, leaves, 8, proof).status(), refused);
  EXPECT_THAT(UnfoldRange(8, leaves, 8, proof).status(), refused);
  EXPECT_THAT(UnfoldRange(~uint64_t{0}, leaves, 8, proof).status(), refused);
  EXPECT_THAT(UnfoldRange(3, leaves, kMaxTreeSize + 1, Hashes(63)).status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("2^63")));
  const Check check = [&](const Hashes& other) {
    return UnfoldRange(3, leaves, 8, other).status();
  };
  ExpectOtherLengthsRefused(proof, EmptyRoot(), check);
  EXPECT_OK(UnfoldRange(kMaxTreeSize - 1, {EmptyRoot()}, kMaxTreeSize, Hashes(62)).status());
}

TEST(VerifyTest, RandomQuestionsOfALargerTree) {
  const uint64_t seed = testing::TestSeed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  ReferenceTree tree = ReferenceTree::Numbered(5000);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t size = 1 + random() % 5000;
    const uint64_t begin = random() % size;
    const uint64_t end = begin + 1 + random() % std::min<uint64_t>(size - begin, 300);
    const Hash root = tree.Root(size);
    const auto leaves = absl::MakeConstSpan(tree.leaf_hashes()).subspan(begin, end - begin);
    ASSERT_OK(VerifyInclusion(begin, size, leaves[0], tree.Path(begin, size), root));
    ASSERT_OK(VerifyConsistency(end, tree.Root(end), size, root, tree.Consistency(end, size)));
    ASSERT_OK(VerifyRange(begin, leaves, size, tree.Range(begin, end, size), root));
  }
}

}  // namespace
}  // namespace auditledger
