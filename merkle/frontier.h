// The frontier of a tree: the compact range [0, size), the roots of its full subtrees. It is all
// that is needed to append and to compute the root, in O(log n) memory.
//
// Example:
//   Frontier f;
//   f.Append(LeafHash(leaf), [&](NodeId id, const Hash& h) { store(id, h); });
//   Hash root = f.Root();
//
// Thread-safety: an object belongs to one thread. Copying is cheap (at most 63 hashes).
// Source: RFC 6962 2.1; "compact ranges" of transparency-dev/merkle (docs/compact_ranges.md).
#ifndef AUDITLEDGER_MERKLE_FRONTIER_H_
#define AUDITLEDGER_MERKLE_FRONTIER_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/node_reader.h"

namespace auditledger {

// Sizes stay below 2^63, as Go's libraries and cosignature timestamps need.
inline constexpr uint64_t kMaxTreeSize = (uint64_t{1} << 63) - 1;

// The full nodes whose leaves are exactly [0, size), left to right (largest first).
std::vector<NodeId> FrontierNodes(uint64_t size);

// MTH of leaf hashes that are all there: level by level, hashed side by side. EmptyRoot() for none.
Hash RootOf(absl::Span<const Hash> leaf_hashes);

class Frontier {
 public:
  Frontier() = default;  // the empty tree
  // `nodes` are the hashes of FrontierNodes(size), in that order; InvalidArgument on another count.
  static absl::StatusOr<Frontier> FromNodes(uint64_t size, std::vector<Hash> nodes);

  // Adds a leaf hash. `visit`, if given, is called for each node that becomes full, lowest level
  // first (the leaf itself, level 0, included).
  void Append(const Hash& leaf_hash);
  void Append(const Hash& leaf_hash, absl::FunctionRef<void(NodeId, const Hash&)> visit);

  uint64_t size() const { return size_; }
  const std::vector<Hash>& nodes() const { return nodes_; }
  // MTH of the leaves so far; EmptyRoot() for none.
  Hash Root() const;

 private:
  uint64_t size_ = 0;
  std::vector<Hash> nodes_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_FRONTIER_H_
