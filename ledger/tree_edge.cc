#include "ledger/tree_edge.h"

#include "merkle/status_macros.h"

namespace auditledger {

absl::StatusOr<TreeEdge> TreeEdge::Load(uint64_t size, TileReader& tiles) {
  TreeEdge edge;
  TileNodeReader nodes(tiles, size);
  ASSIGN_OR_RETURN(std::vector<Hash> hashes, nodes.ReadNodes(FrontierNodes(size)));
  ASSIGN_OR_RETURN(edge.frontier_, Frontier::FromNodes(size, std::move(hashes)));
  uint64_t count = size;  // hashes of this level
  for (uint8_t level = 0; count > 0; ++level, count /= kTileWidth) {
    const uint64_t width = count % kTileWidth;
    if (width == 0) continue;
    ASSIGN_OR_RETURN(std::string tile, tiles.ReadTile({level, count / kTileWidth}, width));
    tile.resize(width * Hash::kSize);  // what a commit beyond `size` left behind is cut off
    edge.partial_[level] = std::move(tile);
  }
  return edge;
}

void TreeEdge::Append(const Hash& leaf_hash) {
  frontier_.Append(leaf_hash, [this](NodeId id, const Hash& hash) {
    if (id.level % kTileHeight != 0) return;
    AddToTile({static_cast<uint8_t>(id.level / kTileHeight), id.index / kTileWidth}, hash);
  });
}

void TreeEdge::AddToTile(TileId id, const Hash& hash) {
  std::string& tile = partial_[id.level];
  tile.append(hash.view().data(), Hash::kSize);
  if (tile.size() < kTileWidth * Hash::kSize) {
    touched_[id.level] = id.index;
    return;
  }
  full_[id] = std::move(tile);
  partial_.erase(id.level);
  touched_.erase(id.level);
}

std::vector<std::pair<TileId, std::string>> TreeEdge::TakeChangedTiles() {
  std::map<TileId, std::string> changed = std::move(full_);
  for (const auto& [level, index] : touched_) changed[{level, index}] = partial_[level];
  full_.clear();
  touched_.clear();
  return {changed.begin(), changed.end()};
}

}  // namespace auditledger
