// The right edge of the tree, all that is needed to extend it: the frontier and each level's
// partial tile. It is copied for a commit and the copy takes its place when the commit is signed.
//
// Example:
//   TreeEdge next = edge;
//   next.Append(LeafHash(leaf));
//   batch.tiles = next.TakeChangedTiles();
//
// Thread-safety: an object belongs to one thread. Memory: at most 8 KiB for each of 8 levels.
#ifndef AUDITLEDGER_LEDGER_TREE_EDGE_H_
#define AUDITLEDGER_LEDGER_TREE_EDGE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "merkle/frontier.h"
#include "merkle/tile.h"

namespace auditledger {

class TreeEdge {
 public:
  TreeEdge() = default;  // of the empty tree

  // Reads the edge of a tree of `size` leaves. DataLoss when a tile is missing or short. The caller
  // compares Root() with what it must be.
  static absl::StatusOr<TreeEdge> Load(uint64_t size, TileReader& tiles);

  void Append(const Hash& leaf_hash);
  uint64_t size() const { return frontier_.size(); }
  Hash Root() const { return frontier_.Root(); }

  // Tiles that Append touched since the last call, in their new form, ascending.
  std::vector<std::pair<TileId, std::string>> TakeChangedTiles();

 private:
  void AddToTile(TileId id, const Hash& hash);

  Frontier frontier_;
  std::map<uint8_t, std::string> partial_;  // by level; never empty, never full
  std::map<TileId, std::string> full_;      // filled since TakeChangedTiles
  std::map<uint8_t, uint64_t> touched_;     // level -> index of its partial tile, if it changed
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_TREE_EDGE_H_
