// A reader of tree nodes that reads each tile once and computes all nodes inside it then. Proofs
// for all entries of one commit share their upper nodes; folding a tile anew for each would cost
// 255 hashes a level.
//
// The last tile of each level is still being filled, and is read and folded by commit after commit.
// So a cache may be given the one before it: where a tile's stored bytes begin with all those that
// the older cache read, the nodes over these are taken from there. Every byte is read and compared
// all the same.
//
// Make one for each commit or request: it never forgets. Not thread-safe; `tiles` must outlive it.
// Memory: 16 KiB a tile.
#ifndef AUDITLEDGER_LEDGER_NODE_CACHE_H_
#define AUDITLEDGER_LEDGER_NODE_CACHE_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/tile.h"

namespace auditledger {

// A tile as it was read, with the nodes above its hashes: row h holds those of height h.
struct FoldedTile {
  std::array<std::vector<Hash>, kTileHeight> rows;

  // The tile's own bytes.
  absl::string_view bytes() const {
    return absl::string_view(reinterpret_cast<const char*>(rows[0].data()),
                             rows[0].size() * Hash::kSize);
  }
};

// The newest tile of each level; what one commit's cache leaves to the next.
using TileEdge = std::map<uint8_t, std::pair<uint64_t, std::shared_ptr<const FoldedTile>>>;

class NodeCache : public NodeReader {
 public:
  // `size`: leaves of the tree; nodes beyond it are refused with OutOfRange.
  NodeCache(TileReader& tiles, uint64_t size, TileEdge before = {})
      : tiles_(tiles), size_(size), before_(std::move(before)) {}

  uint64_t size() const { return size_; }

  absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) override;
  absl::StatusOr<Hash> Node(NodeId id);
  // The tile, whole as it is stored. Valid as long as the cache.
  absl::StatusOr<const FoldedTile*> Tile(TileId id);
  // For the cache of the next commit.
  TileEdge Edge() const;

 private:
  absl::StatusOr<std::shared_ptr<const FoldedTile>> Load(TileId id);

  TileReader& tiles_;
  const uint64_t size_;
  const TileEdge before_;
  std::map<TileId, std::shared_ptr<const FoldedTile>> known_;
  TileId last_id_{};  // neighbours are asked for one after the other
  const FoldedTile* last_ = nullptr;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_NODE_CACHE_H_
