// A tree as large as any log, in the memory of a stretch of it: all leaves but those are alike.
//
// Not thread-safe. Cost: a node over the stretch is computed from its leaves each time.
#ifndef AUDITLEDGER_TESTS_TESTING_SPARSE_TREE_H_
#define AUDITLEDGER_TESTS_TESTING_SPARSE_TREE_H_

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "merkle/frontier.h"
#include "merkle/hash.h"
#include "merkle/node_reader.h"
#include "merkle/proof.h"

namespace auditledger::testing {

class SparseTree : public NodeReader {
 public:
  // `leaves` stand from `begin` on.
  SparseTree(uint64_t begin, std::vector<Hash> leaves) : begin_(begin), leaves_(std::move(leaves)) {
    alike_.push_back(LeafHash("alike"));
    while (alike_.size() < 64) alike_.push_back(NodeHash(alike_.back(), alike_.back()));
  }

  absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) override {
    std::vector<Hash> nodes;
    for (const NodeId& id : ids) nodes.push_back(Node(id.level, id.index));
    return nodes;
  }

 private:
  Hash Node(int level, uint64_t index) const {
    const uint64_t first = index << level;
    const uint64_t last = first + ((uint64_t{1} << level) - 1);
    if (last < begin_ || first >= begin_ + leaves_.size())
      return alike_[static_cast<size_t>(level)];
    if (level == 0) return leaves_[index - begin_];
    return NodeHash(Node(level - 1, 2 * index), Node(level - 1, 2 * index + 1));
  }

  const uint64_t begin_;
  const std::vector<Hash> leaves_;
  std::vector<Hash> alike_;  // by level
};

// A range of at most `longest` leaves in a tree of any size: each length of number is as likely,
// and half of the ranges end with the tree, as a batch does that was just appended.
struct RangeInTree {
  LeafRange range;
  uint64_t size = 0;
};
inline RangeInTree AnyRange(std::mt19937_64& random, uint64_t longest) {
  RangeInTree out;
  out.size = 1 + ((random() % kMaxTreeSize) >> (random() % 63));
  const uint64_t count = 1 + random() % std::min(longest, out.size);
  const uint64_t most = out.size - count;
  out.range.begin = random() % 2 == 0 ? most : random() % (most + 1);
  out.range.end = out.range.begin + count;
  return out;
}

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_SPARSE_TREE_H_
