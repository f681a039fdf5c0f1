#include "merkle/proof_shape.h"

#include <gtest/gtest.h>

#include <bit>

#include "merkle/frontier.h"

namespace auditledger {
namespace {

TEST(ProofShapeTest, SplitsAtTheLargestPowerOfTwoBelow) {
  EXPECT_EQ(SplitPoint(2), 1u);
  EXPECT_EQ(SplitPoint(3), 2u);
  EXPECT_EQ(SplitPoint(4), 2u);
  EXPECT_EQ(SplitPoint(5), 4u);
  EXPECT_EQ(SplitPoint(kMaxTreeSize), uint64_t{1} << 62);
}

// The closed forms of shared/reference/standards.md 1.2, which the walk does not use.
size_t InclusionLength(uint64_t index, uint64_t size) {
  const int inner = std::bit_width(index ^ (size - 1));
  return static_cast<size_t>(inner + std::popcount(index >> inner));
}

// Of 1.3.
size_t ConsistencyLength(uint64_t old_size, uint64_t new_size) {
  if (old_size == new_size) return 0;
  const int inner = std::bit_width((old_size - 1) ^ (new_size - 1));
  return static_cast<size_t>(inner - std::countr_zero(old_size) +
                             std::popcount((old_size - 1) >> inner) +
                             (std::has_single_bit(old_size) ? 0 : 1));
}

TEST(ProofShapeTest, LengthsFollowTheClosedForms) {
  for (uint64_t size = 1; size <= 300; ++size) {
    for (uint64_t index = 0; index < size; ++index) {
      EXPECT_EQ(ShapeOfSubtree({index, index + 1}, size).ProofLength(),
                InclusionLength(index, size));
      EXPECT_EQ(ShapeOfSubtree({0, index + 1}, size).ProofLength(),
                ConsistencyLength(index + 1, size));
    }
  }
}

TEST(ProofShapeTest, LengthsOfHugeTrees) {
  for (uint64_t size = kMaxTreeSize; size > 1; size = size / 2 + (size % 3 == 0)) {
    for (uint64_t other : {uint64_t{1}, size / 3 + 1, size / 2 + 1, size - 1, size}) {
      const size_t inclusion = ShapeOfSubtree({other - 1, other}, size).ProofLength();
      const size_t consistency = ShapeOfSubtree({0, other}, size).ProofLength();
      EXPECT_EQ(inclusion, InclusionLength(other - 1, size));
      EXPECT_EQ(consistency, ConsistencyLength(other, size));
      EXPECT_LE(inclusion, 63u);
      // One hash for each of 63 levels and one to start with; tlog-witness allows 63 on the wire,
      // which is too few only over 2^62 leaves.
      EXPECT_LE(consistency, size > uint64_t{1} << 62 ? 64u : 63u);
    }
  }
}

TEST(ProofShapeTest, InclusionNeverStartsWithAHashOfTheProof) {
  for (uint64_t size = 1; size <= 64; ++size) {
    for (uint64_t index = 0; index < size; ++index) {
      const SubtreeShape shape = ShapeOfSubtree({index, index + 1}, size);
      EXPECT_TRUE(shape.starts_with_known);
      for (const ProofStep& step : shape.steps) {
        EXPECT_NE(step.side, ProofStep::Side::kLeftInside);
      }
    }
  }
}

TEST(ProofShapeTest, RangeAndProofTogetherCoverEachLeafOnce) {
  for (uint64_t size = 1; size <= 40; ++size) {
    for (uint64_t begin = 0; begin < size; ++begin) {
      for (uint64_t end = begin + 1; end <= size; ++end) {
        uint64_t next = 0;
        for (const LeafRange& hash : ShapeOfRange({begin, end}, size)) {
          if (next == begin) next = end;
          EXPECT_EQ(hash.begin, next);
          next = hash.end;
        }
        EXPECT_EQ(next == begin ? end : next, size);
      }
    }
  }
}

}  // namespace
}  // namespace auditledger
