// Covers: merkle/proof_roots
#include "merkle/neighbour_proofs.h"

#include <gtest/gtest.h>

#include "merkle/frontier.h"
#include "merkle/proof_roots.h"
#include "tests/testing/reference_merkle.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::ReferenceTree;
using ::auditledger::testing::StatusIs;

TEST(NeighbourProofsTest, AreThoseOfEachLeafAlone) {
  ReferenceTree tree = ReferenceTree::Numbered(70);
  for (uint64_t size = 1; size <= 70; ++size) {
    for (uint64_t begin = 0; begin < size; ++begin) {
      for (uint64_t end = begin; end <= size; ++end) {
        std::vector<std::vector<Hash>> each;
        for (uint64_t i = begin; i < end; ++i) each.push_back(tree.Path(i, size));
        ASSERT_OK_AND_ASSIGN(const auto together, InclusionProofs({begin, end}, size, tree));
        ASSERT_EQ(together, each) << begin << " to " << end << " in " << size;
      }
    }
  }
}

TEST(NeighbourProofsTest, OneReadForAllAndNoneForNone) {
  ReferenceTree tree = ReferenceTree::Numbered(100);
  ASSERT_OK(InclusionProofs({3, 90}, 100, tree));
  EXPECT_EQ(tree.reads(), 1);
  ASSERT_OK_AND_ASSIGN(const auto none, InclusionProofs({7, 7}, 100, tree));
  ASSERT_OK_AND_ASSIGN(const auto only, InclusionProofs({0, 1}, 1, tree));
  EXPECT_TRUE(none.empty());
  EXPECT_TRUE(only.at(0).empty());
  EXPECT_EQ(tree.reads(), 1);
}

TEST(NeighbourProofsTest, LeavesOutsideTheTreeAreRefused) {
  ReferenceTree tree = ReferenceTree::Numbered(8);
  const auto out_of_range = StatusIs(absl::StatusCode::kOutOfRange);
  EXPECT_THAT(InclusionProofs({4, 9}, 8, tree), out_of_range);
  EXPECT_THAT(InclusionProofs({4, 3}, 8, tree), out_of_range);
  EXPECT_THAT(InclusionProofs({0, 1}, kMaxTreeSize + 1, tree), out_of_range);
  EXPECT_EQ(tree.reads(), 0);
}

TEST(ProofRootsTest, AnEmptyRangeHasTheEmptyRootBesideOthersToo) {
  ReferenceTree tree = ReferenceTree::Numbered(8);
  ASSERT_OK_AND_ASSIGN(const auto roots, ReadRoots({{3, 3}, {0, 8}, {5, 5}}, tree));
  EXPECT_EQ(roots, (std::vector<Hash>{EmptyRoot(), tree.Root(0, 8), EmptyRoot()}));
}

class BrokenReader : public NodeReader {
 public:
  explicit BrokenReader(absl::StatusOr<std::vector<Hash>> answer) : answer_(std::move(answer)) {}
  absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>&) override {
    return answer_;
  }

 private:
  absl::StatusOr<std::vector<Hash>> answer_;
};

TEST(NeighbourProofsTest, WhatTheReaderSaysIsPassedOn) {
  BrokenReader damaged(absl::DataLossError("tile damaged"));
  EXPECT_THAT(InclusionProofs({1, 3}, 4, damaged),
              StatusIs(absl::StatusCode::kDataLoss, "tile damaged"));
  BrokenReader short_answer(std::vector<Hash>(1));
  EXPECT_THAT(InclusionProofs({1, 3}, 4, short_answer), StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace auditledger
