#include "merkle/proof_shape.h"

#include <algorithm>
#include <bit>

namespace auditledger {

uint64_t SplitPoint(uint64_t width) { return std::bit_floor(width - 1); }

SubtreeShape ShapeOfSubtree(LeafRange subtree, uint64_t size) {
  using Side = ProofStep::Side;
  SubtreeShape shape;
  LeafRange node{0, size};
  LeafRange wanted = subtree;
  while (node != wanted) {
    const uint64_t middle = node.begin + SplitPoint(node.end - node.begin);
    if (wanted.end <= middle) {
      shape.steps.push_back({{middle, node.end}, Side::kRight});
      node.end = middle;
    } else if (wanted.begin >= middle) {
      shape.steps.push_back({{node.begin, middle}, Side::kLeft});
      node.begin = middle;
    } else {
      // The subtree covers the left half and part of the right one: go on in the right one, whose
      // part of the subtree nobody knows the root of.
      shape.steps.push_back({{node.begin, middle}, Side::kLeftInside});
      node.begin = middle;
      wanted.begin = middle;
      shape.starts_with_known = false;
    }
  }
  shape.start = node;
  std::reverse(shape.steps.begin(), shape.steps.end());
  return shape;
}

std::vector<LeafRange> ShapeOfRange(LeafRange range, uint64_t size) {
  std::vector<LeafRange> shape;
  for (const ProofStep& step : ShapeOfSubtree({range.begin, range.begin + 1}, size).steps) {
    if (step.side == ProofStep::Side::kLeft) shape.push_back(step.sibling);
  }
  std::reverse(shape.begin(), shape.end());
  for (const ProofStep& step : ShapeOfSubtree({range.end - 1, range.end}, size).steps) {
    if (step.side == ProofStep::Side::kRight) shape.push_back(step.sibling);
  }
  return shape;
}

}  // namespace auditledger
