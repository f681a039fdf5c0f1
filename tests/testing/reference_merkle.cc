#include "tests/testing/reference_merkle.h"

#include "absl/strings/str_cat.h"

namespace auditledger::testing {
namespace {

// The largest power of two smaller than n, as the RFC words it.
uint64_t LargestPowerBelow(uint64_t n) {
  uint64_t k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

}  // namespace

ReferenceTree::ReferenceTree(const std::vector<std::string>& leaves) {
  for (const std::string& leaf : leaves) leaf_hashes_.push_back(LeafHash(leaf));
}

ReferenceTree ReferenceTree::Numbered(uint64_t count) {
  std::vector<std::string> leaves;
  for (uint64_t i = 0; i < count; ++i) leaves.push_back(absl::StrCat("leaf ", i));
  return ReferenceTree(leaves);
}

Hash ReferenceTree::Root(uint64_t begin, uint64_t end) {
  if (begin == end) return EmptyRoot();
  if (end - begin == 1) return leaf_hashes_.at(begin);
  const auto found = roots_.find({begin, end});
  if (found != roots_.end()) return found->second;
  const uint64_t middle = begin + LargestPowerBelow(end - begin);
  const Hash root = NodeHash(Root(begin, middle), Root(middle, end));
  roots_[{begin, end}] = root;
  return root;
}

std::vector<Hash> ReferenceTree::PathIn(uint64_t index, uint64_t begin, uint64_t end) {
  if (end - begin == 1) return {};
  const uint64_t k = LargestPowerBelow(end - begin);
  std::vector<Hash> path;
  if (index < k) {
    path = PathIn(index, begin, begin + k);
    path.push_back(Root(begin + k, end));
  } else {
    path = PathIn(index - k, begin + k, end);
    path.push_back(Root(begin, begin + k));
  }
  return path;
}

std::vector<Hash> ReferenceTree::Consistency(uint64_t old_size, uint64_t new_size) {
  return SubProof(0, old_size, 0, new_size, true);
}

std::vector<Hash> ReferenceTree::SubtreeConsistency(uint64_t begin, uint64_t end, uint64_t size) {
  if (begin == end) return {};
  return SubProof(begin, end, 0, size, true);
}

std::vector<Hash> ReferenceTree::SubProof(uint64_t begin, uint64_t end, uint64_t low, uint64_t high,
                                          bool known) {
  if (begin == low && end == high) {
    return known ? std::vector<Hash>() : std::vector<Hash>{Root(low, high)};
  }
  const uint64_t middle = low + LargestPowerBelow(high - low);
  std::vector<Hash> proof;
  if (end <= middle) {
    proof = SubProof(begin, end, low, middle, known);
    proof.push_back(Root(middle, high));
  } else if (begin >= middle) {
    proof = SubProof(begin, end, middle, high, known);
    proof.push_back(Root(low, middle));
  } else {
    proof = SubProof(middle, end, middle, high, false);
    proof.push_back(Root(low, middle));
  }
  return proof;
}

std::vector<Hash> ReferenceTree::Range(uint64_t begin, uint64_t end, uint64_t size) {
  std::vector<Hash> out;
  RangeIn(begin, end, 0, size, out);
  return out;
}

void ReferenceTree::RangeIn(uint64_t begin, uint64_t end, uint64_t low, uint64_t high,
                            std::vector<Hash>& out) {
  if (high <= begin || low >= end) {
    out.push_back(Root(low, high));
  } else if (low < begin || high > end) {
    const uint64_t middle = low + LargestPowerBelow(high - low);
    RangeIn(begin, end, low, middle, out);
    RangeIn(begin, end, middle, high, out);
  }
}

absl::StatusOr<std::vector<Hash>> ReferenceTree::ReadNodes(const std::vector<NodeId>& ids) {
  ++reads_;
  std::vector<Hash> hashes;
  for (const NodeId& id : ids) {
    const uint64_t width = uint64_t{1} << id.level;
    if ((id.index + 1) * width > size()) {
      return absl::NotFoundError(absl::StrCat("no full node ", id.level, "/", id.index));
    }
    hashes.push_back(Root(id.index * width, (id.index + 1) * width));
  }
  return hashes;
}

}  // namespace auditledger::testing
