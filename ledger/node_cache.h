// A reader of tree nodes that computes each node inside a tile once. Proofs for all entries of one
// commit share their upper nodes; folding a tile anew for each would cost 255 hashes a level.
//
// Make one for each commit or request: it never forgets. Not thread-safe; `tiles` must outlive it.
#ifndef AUDITLEDGER_LEDGER_NODE_CACHE_H_
#define AUDITLEDGER_LEDGER_NODE_CACHE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "merkle/status_macros.h"
#include "merkle/tile.h"

namespace auditledger {

class NodeCache : public NodeReader {
 public:
  NodeCache(TileReader& tiles, uint64_t size) : nodes_(tiles, size), size_(size) {}

  uint64_t size() const { return size_; }

  absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) override {
    std::vector<Hash> hashes;
    hashes.reserve(ids.size());
    for (const NodeId id : ids) {
      ASSIGN_OR_RETURN(const Hash hash, Node(id));
      hashes.push_back(hash);
    }
    return hashes;
  }

 private:
  absl::StatusOr<Hash> Node(NodeId id) {
    const auto key = std::make_pair(id.level, id.index);
    const auto found = known_.find(key);
    if (found != known_.end()) return found->second;
    Hash hash;
    if (id.level % kTileHeight == 0) {
      ASSIGN_OR_RETURN(const std::vector<Hash> stored, nodes_.ReadNodes({id}));
      hash = stored[0];
    } else {
      const auto below = static_cast<uint8_t>(id.level - 1);
      ASSIGN_OR_RETURN(const Hash left, Node({below, id.index * 2}));
      ASSIGN_OR_RETURN(const Hash right, Node({below, id.index * 2 + 1}));
      hash = NodeHash(left, right);
    }
    known_.emplace(key, hash);
    return hash;
  }

  TileNodeReader nodes_;
  uint64_t size_;
  absl::flat_hash_map<std::pair<uint8_t, uint64_t>, Hash> known_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_NODE_CACHE_H_
