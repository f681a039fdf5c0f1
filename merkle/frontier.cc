#include "merkle/frontier.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"

namespace auditledger {

std::vector<NodeId> FrontierNodes(uint64_t size) {
  std::vector<NodeId> nodes;
  nodes.reserve(static_cast<size_t>(std::popcount(size)));
  for (uint64_t rest = size; rest != 0;) {
    const uint64_t width = std::bit_floor(rest);
    const auto level = static_cast<uint8_t>(std::countr_zero(width));
    // Everything left of this node is wider than it, hence a multiple of its width.
    nodes.push_back({level, (size - rest) >> level});
    rest -= width;
  }
  return nodes;
}

// A level's last node without neighbour is a subtree of its own: it goes up as it is.
Hash RootOf(absl::Span<const Hash> leaf_hashes) {
  if (leaf_hashes.empty()) return EmptyRoot();
  std::vector<Hash> level(leaf_hashes.begin(), leaf_hashes.end());
  while (level.size() > 1) level = ParentHashes(level);
  return level.front();
}

absl::StatusOr<Frontier> Frontier::FromNodes(uint64_t size, std::vector<Hash> nodes) {
  if (size > kMaxTreeSize) {
    return absl::InvalidArgumentError(absl::StrCat("frontier: size ", size, " is over 2^63 - 1"));
  }
  const auto want = static_cast<size_t>(std::popcount(size));
  if (nodes.size() != want) {
    return absl::InvalidArgumentError(
        absl::StrCat("frontier: size ", size, " has ", want, " nodes, ", nodes.size(), " given"));
  }
  Frontier frontier;
  frontier.size_ = size;
  frontier.nodes_ = std::move(nodes);
  return frontier;
}

void Frontier::Append(const Hash& leaf_hash) {
  Append(leaf_hash, [](NodeId, const Hash&) {});
}

void Frontier::Append(const Hash& leaf_hash, absl::FunctionRef<void(NodeId, const Hash&)> visit) {
  NodeId id{0, size_};
  Hash hash = leaf_hash;
  visit(id, hash);
  // An odd index is a right child: its left sibling, now complete, is the last node kept.
  while (id.index % 2 == 1) {
    hash = NodeHash(nodes_.back(), hash);
    nodes_.pop_back();
    id = {static_cast<uint8_t>(id.level + 1), id.index / 2};
    visit(id, hash);
  }
  nodes_.push_back(hash);
  ++size_;
}

Hash Frontier::Root() const {
  if (nodes_.empty()) return EmptyRoot();
  Hash root = nodes_.back();
  for (size_t i = nodes_.size() - 1; i-- > 0;) root = NodeHash(nodes_[i], root);
  return root;
}

}  // namespace auditledger
