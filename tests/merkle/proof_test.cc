// Proofs against the recursive reference, and the public vectors about their contents.
#include "merkle/proof.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/sha256.h"
#include "tests/testing/reference_merkle.h"
#include "tests/testing/seed.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::ReferenceTree;
using ::auditledger::testing::StatusIs;

using Hashes = std::vector<Hash>;

TEST(ProofTest, InclusionOfEveryLeafInEverySizeUpTo256) {
  ReferenceTree tree = ReferenceTree::Numbered(256);
  for (uint64_t size = 1; size <= 256; ++size) {
    for (uint64_t index = 0; index < size; ++index) {
      ASSERT_OK_AND_ASSIGN(const Hashes proof, InclusionProof(index, size, tree));
      ASSERT_EQ(proof, tree.Path(index, size)) << index << " in " << size;
    }
  }
}

TEST(ProofTest, ConsistencyOfEveryPairOfSizesUpTo256) {
  ReferenceTree tree = ReferenceTree::Numbered(256);
  for (uint64_t size = 1; size <= 256; ++size) {
    for (uint64_t old_size = 1; old_size <= size; ++old_size) {
      ASSERT_OK_AND_ASSIGN(const Hashes proof, ConsistencyProof(old_size, size, tree));
      ASSERT_EQ(proof, tree.Consistency(old_size, size)) << old_size << " to " << size;
    }
    ASSERT_OK_AND_ASSIGN(const Hash root, RootAt(size, tree));
    ASSERT_EQ(root, tree.Root(size));
  }
}

TEST(ProofTest, EverySubtreeUpTo70) {
  ReferenceTree tree = ReferenceTree::Numbered(70);
  for (uint64_t end = 0; end <= 70; ++end) {
    for (uint64_t begin = 0; begin <= end; ++begin) {
      if (!IsSubtree({begin, end})) continue;
      ASSERT_OK_AND_ASSIGN(const Hash root, SubtreeRoot({begin, end}, tree));
      ASSERT_EQ(root, tree.Root(begin, end));
      for (uint64_t size = end; size <= 70; ++size) {
        ASSERT_OK_AND_ASSIGN(const Hashes proof, SubtreeConsistencyProof({begin, end}, size, tree));
        ASSERT_EQ(proof, tree.SubtreeConsistency(begin, end, size));
      }
    }
  }
}

TEST(ProofTest, EveryRangeUpTo40) {
  ReferenceTree tree = ReferenceTree::Numbered(40);
  for (uint64_t size = 1; size <= 40; ++size) {
    for (uint64_t begin = 0; begin < size; ++begin) {
      for (uint64_t end = begin + 1; end <= size; ++end) {
        ASSERT_OK_AND_ASSIGN(const Hashes proof, RangeProof({begin, end}, size, tree));
        ASSERT_EQ(proof, tree.Range(begin, end, size));
        ASSERT_OK_AND_ASSIGN(
            const Hashes of_ends,
            RangeProofOfEnds({begin, end}, size, tree.Path(begin, size), tree.Path(end - 1, size)));
        ASSERT_EQ(of_ends, proof);
      }
    }
    ASSERT_OK_AND_ASSIGN(const Hashes whole, RangeProof({0, size}, size, tree));
    EXPECT_TRUE(whole.empty());
  }
}

TEST(ProofTest, RandomQuestionsOfALargerTree) {
  const uint64_t seed = testing::TestSeed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  ReferenceTree tree = ReferenceTree::Numbered(5000);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t size = 1 + random() % 5000;
    const uint64_t begin = random() % size;
    const uint64_t end = begin + 1 + random() % (size - begin);
    ASSERT_OK_AND_ASSIGN(const Hashes inclusion, InclusionProof(begin, size, tree));
    ASSERT_EQ(inclusion, tree.Path(begin, size));
    ASSERT_OK_AND_ASSIGN(const Hashes consistency, ConsistencyProof(end, size, tree));
    ASSERT_EQ(consistency, tree.Consistency(end, size));
    ASSERT_OK_AND_ASSIGN(const Hashes range, RangeProof({begin, end}, size, tree));
    ASSERT_EQ(range, tree.Range(begin, end, size));
  }
}

TEST(ProofTest, OneReadForAProofAndNoneForAnEmptyOne) {
  ReferenceTree tree = ReferenceTree::Numbered(100);
  ASSERT_OK(InclusionProof(50, 99, tree));
  EXPECT_EQ(tree.reads(), 1);
  ASSERT_OK_AND_ASSIGN(const Hashes equal, ConsistencyProof(7, 7, tree));
  ASSERT_OK_AND_ASSIGN(const Hashes only, InclusionProof(0, 1, tree));
  EXPECT_TRUE(equal.empty() && only.empty());
  EXPECT_EQ(tree.reads(), 1);
}

TEST(ProofTest, QuestionsOutsideTheTreeAreRefused) {
  ReferenceTree tree = ReferenceTree::Numbered(8);
  const auto out_of_range = StatusIs(StatusCode::kOutOfRange);
  EXPECT_THAT(InclusionProof(0, 0, tree), out_of_range);
  EXPECT_THAT(InclusionProof(8, 8, tree), out_of_range);
  EXPECT_THAT(InclusionProof(0, kMaxTreeSize + 1, tree), out_of_range);
  EXPECT_THAT(InclusionProof(~uint64_t{0}, ~uint64_t{0}, tree), out_of_range);
  EXPECT_THAT(ConsistencyProof(0, 8, tree), out_of_range);
  EXPECT_THAT(ConsistencyProof(0, 0, tree), out_of_range);
  EXPECT_THAT(ConsistencyProof(8, 7, tree), out_of_range);
  EXPECT_THAT(ConsistencyProof(1, kMaxTreeSize + 1, tree), out_of_range);
  EXPECT_THAT(RootAt(kMaxTreeSize + 1, tree), out_of_range);
  EXPECT_THAT(RangeProof({3, 3}, 8, tree), out_of_range);
  EXPECT_THAT(RangeProof({4, 3}, 8, tree), out_of_range);
  EXPECT_THAT(RangeProof({4, 9}, 8, tree), out_of_range);
  EXPECT_THAT(RangeProofOfEnds({3, 3}, 8, Hashes(3), Hashes(3)), out_of_range);
  EXPECT_THAT(RangeProofOfEnds({4, 9}, 8, Hashes(3), Hashes(3)), out_of_range);
  EXPECT_OK(RangeProofOfEnds({3, 5}, 8, Hashes(3), Hashes(3)));
  EXPECT_THAT(RangeProofOfEnds({3, 5}, 8, Hashes(2), Hashes(3)),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(RangeProofOfEnds({3, 5}, 8, Hashes(3), Hashes(4)),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(SubtreeConsistencyProof({0, 9}, 8, tree), out_of_range);
  EXPECT_THAT(SubtreeConsistencyProof({1, 3}, 8, tree), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(SubtreeRoot({1, 3}, tree), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_EQ(tree.reads(), 0);
}

TEST(ProofTest, EmptyTreeAndEmptySubtree) {
  ReferenceTree tree = ReferenceTree::Numbered(0);
  ASSERT_OK_AND_ASSIGN(const Hash root, RootAt(0, tree));
  EXPECT_EQ(root, EmptyRoot());
  ASSERT_OK_AND_ASSIGN(const Hash empty, SubtreeRoot({5, 5}, tree));
  EXPECT_EQ(empty, EmptyRoot());
}

class BrokenReader : public NodeReader {
 public:
  explicit BrokenReader(absl::StatusOr<Hashes> answer) : answer_(std::move(answer)) {}
  absl::StatusOr<Hashes> ReadNodes(const std::vector<NodeId>&) override { return answer_; }

 private:
  absl::StatusOr<Hashes> answer_;
};

TEST(ProofTest, WhatTheReaderSaysIsPassedOn) {
  BrokenReader damaged(absl::DataLossError("tile damaged"));
  EXPECT_THAT(InclusionProof(1, 4, damaged), StatusIs(StatusCode::kDataLoss, "tile damaged"));
  BrokenReader short_answer(Hashes(1));
  EXPECT_THAT(InclusionProof(1, 4, short_answer), StatusIs(StatusCode::kInternal));
  BrokenReader long_answer(Hashes(3));
  EXPECT_THAT(InclusionProof(1, 4, long_answer), StatusIs(StatusCode::kInternal));
}

TEST(ProofTest, SubtreesAreAligned) {
  EXPECT_TRUE(IsSubtree({0, 0}));
  EXPECT_TRUE(IsSubtree({0, 7}));
  EXPECT_TRUE(IsSubtree({5, 5}));
  EXPECT_TRUE(IsSubtree({8, 13}));
  EXPECT_FALSE(IsSubtree({4, 13}));
  EXPECT_FALSE(IsSubtree({1, 3}));
  EXPECT_FALSE(IsSubtree({3, 2}));
  EXPECT_TRUE(IsSubtree({0, ~uint64_t{0}}));
  EXPECT_TRUE(IsSubtree({uint64_t{1} << 63, ~uint64_t{0}}));
  EXPECT_FALSE(IsSubtree({1, ~uint64_t{0}}));
}

TEST(ProofTest, CoveringSubtreesAdjoinAndHoldTheRange) {
  for (uint64_t end = 1; end <= 130; ++end) {
    for (uint64_t begin = 0; begin < end; ++begin) {
      const std::vector<LeafRange> cover = CoveringSubtrees({begin, end});
      ASSERT_EQ(cover.size(), end - begin == 1 ? 1u : 2u);
      EXPECT_LE(cover.front().begin, begin);
      EXPECT_EQ(cover.back().end, end);
      for (const LeafRange& subtree : cover) EXPECT_TRUE(IsSubtree(subtree));
      if (cover.size() == 2) {
        EXPECT_EQ(cover[0].end, cover[1].begin);
      }
    }
  }
  EXPECT_TRUE(CoveringSubtrees({3, 3}).empty());
  EXPECT_EQ(CoveringSubtrees({0, ~uint64_t{0}}).back().begin, uint64_t{1} << 63);
}

// The four digests of draft-ietf-plants-merkle-tree-certs, over leaves that are single bytes.
class DigestTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSize = 130;
  void SetUp() override {
    REQUIRE_SHARED(testing::VectorPath("merkle/mtc-subtree-digests.json"));
    const auto file = testing::ReadVectors("merkle/mtc-subtree-digests.json");
    for (const auto& vector : file["vectors"]) {
      want_[vector["what"]] = vector["sha256"];
    }
    ASSERT_EQ(want_.size(), 4u);
    std::vector<std::string> leaves;
    for (uint64_t i = 0; i < kSize; ++i) leaves.emplace_back(1, static_cast<char>(i));
    tree_ = std::make_unique<ReferenceTree>(leaves);
  }
  void Line(absl::string_view head, const Hashes& hashes = {}) {
    digest_.Update(head);
    for (const Hash& hash : hashes) digest_.Update(absl::StrCat(" ", hash.ToHex()));
    digest_.Update("\n");
  }
  static std::string Text(uint64_t begin, uint64_t end) {
    return absl::StrCat("[", begin, ", ", end, ")");
  }
  std::map<std::string, std::string> want_;
  std::unique_ptr<ReferenceTree> tree_;
  Sha256Stream digest_;
};

TEST_F(DigestTest, SubtreeHashes) {
  for (uint64_t end = 0; end <= kSize; ++end) {
    for (uint64_t begin = 0; begin <= end; ++begin) {
      if (!IsSubtree({begin, end})) continue;
      ASSERT_OK_AND_ASSIGN(const Hash root, SubtreeRoot({begin, end}, *tree_));
      Line(Text(begin, end), {root});
    }
  }
  EXPECT_EQ(digest_.Finish().ToHex(), want_["subtree hash"]);
}

// The product's proofs are of trees from leaf 0: a reader that is moved shows it the subtree as
// one.
class MovedReader : public NodeReader {
 public:
  MovedReader(NodeReader& reader, uint64_t begin) : reader_(reader), begin_(begin) {}
  absl::StatusOr<Hashes> ReadNodes(const std::vector<NodeId>& ids) override {
    std::vector<NodeId> moved = ids;
    for (NodeId& id : moved) id.index += begin_ >> id.level;
    return reader_.ReadNodes(moved);
  }

 private:
  NodeReader& reader_;
  uint64_t begin_;
};

TEST_F(DigestTest, SubtreeInclusionProofs) {
  for (uint64_t end = 0; end <= kSize; ++end) {
    for (uint64_t begin = 0; begin <= end; ++begin) {
      if (!IsSubtree({begin, end})) continue;
      MovedReader subtree(*tree_, begin);
      for (uint64_t index = begin; index < end; ++index) {
        ASSERT_OK_AND_ASSIGN(const Hashes proof,
                             InclusionProof(index - begin, end - begin, subtree));
        Line(absl::StrCat(index, " ", Text(begin, end)), proof);
      }
    }
  }
  EXPECT_EQ(digest_.Finish().ToHex(), want_["subtree inclusion proof"]);
}

TEST_F(DigestTest, SubtreeConsistencyProofs) {
  for (uint64_t size = 0; size <= kSize; ++size) {
    for (uint64_t end = 0; end <= size; ++end) {
      for (uint64_t begin = 0; begin <= end; ++begin) {
        if (!IsSubtree({begin, end})) continue;
        ASSERT_OK_AND_ASSIGN(const Hashes proof,
                             SubtreeConsistencyProof({begin, end}, size, *tree_));
        Line(absl::StrCat(Text(begin, end), " ", size), proof);
      }
    }
  }
  EXPECT_EQ(digest_.Finish().ToHex(), want_["subtree consistency proof"]);
}

// The listing has two ranges a line: a single leaf is followed by nothing, an empty range is two of
// them.
TEST_F(DigestTest, CoveringSubtrees) {
  for (uint64_t end = 0; end <= kSize; ++end) {
    for (uint64_t begin = 0; begin <= end; ++begin) {
      std::vector<LeafRange> cover = CoveringSubtrees({begin, end});
      while (cover.size() < 2) cover.push_back({end, end});
      Line(absl::StrCat(Text(cover[0].begin, cover[0].end), " ",
                        Text(cover[1].begin, cover[1].end)));
    }
  }
  EXPECT_EQ(digest_.Finish().ToHex(), want_["two covering subtrees"]);
}

TEST(ProofTest, EightLeafTreeProofs) {
  REQUIRE_SHARED(testing::VectorPath("merkle/rfc6962-8-leaves.json"));
  const auto vectors = testing::ReadVectors("merkle/rfc6962-8-leaves.json");
  std::vector<std::string> leaves;
  for (const auto& hex : vectors["leaf_inputs_hex"]) leaves.push_back(testing::BytesFromHex(hex));
  ReferenceTree tree(leaves);
  for (const auto& test : vectors["inclusion_0based"]) {
    ASSERT_OK_AND_ASSIGN(const Hashes proof,
                         InclusionProof(test["leaf_index"], test["tree_size"], tree));
    EXPECT_EQ(proof, testing::HashesFromHex(test["path_hex"])) << test;
  }
  for (const auto& test : vectors["consistency"]) {
    ASSERT_OK_AND_ASSIGN(const Hashes proof, ConsistencyProof(test["size1"], test["size2"], tree));
    EXPECT_EQ(proof, testing::HashesFromHex(test["proof_hex"])) << test;
  }
  EXPECT_GE(vectors["inclusion_0based"].size(), 5u);
  EXPECT_GE(vectors["consistency"].size(), 4u);
}

}  // namespace
}  // namespace auditledger
