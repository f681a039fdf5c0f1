#include "ledger/node_cache.h"

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Of `bytes`, whole hashes. `before`: nodes over a beginning of the same bytes, or nullptr.
FoldedTile Fold(absl::string_view bytes, const FoldedTile* before) {
  FoldedTile tile;
  tile.rows[0].resize(bytes.size() / Hash::kSize);
  std::memcpy(tile.rows[0].data(), bytes.data(), bytes.size());
  for (size_t height = 1; height < tile.rows.size(); ++height) {
    const std::vector<Hash>& below = tile.rows[height - 1];
    std::vector<Hash>& row = tile.rows[height];
    row.reserve(below.size() / 2);
    if (before != nullptr) row = before->rows[height];
    while (row.size() < below.size() / 2) {
      row.push_back(NodeHash(below[2 * row.size()], below[2 * row.size() + 1]));
    }
  }
  return tile;
}

}  // namespace

absl::StatusOr<std::vector<Hash>> NodeCache::ReadNodes(const std::vector<NodeId>& ids) {
  std::vector<Hash> hashes;
  hashes.reserve(ids.size());
  for (const NodeId id : ids) {
    ASSIGN_OR_RETURN(const Hash hash, Node(id));
    hashes.push_back(hash);
  }
  return hashes;
}

absl::StatusOr<Hash> NodeCache::Node(NodeId id) {
  if (id.level >= 64 || id.index >= size_ >> id.level) {
    return absl::OutOfRangeError(absl::StrCat("tiles: node ", id.level, "/", id.index,
                                              " is not full in a tree of ", size_, " leaves"));
  }
  const int height = id.level % kTileHeight;
  const uint64_t nodes_a_tile = kTileWidth >> height;
  ASSIGN_OR_RETURN(const FoldedTile* const tile,
                   Tile({static_cast<uint8_t>(id.level / kTileHeight), id.index / nodes_a_tile}));
  return tile->rows[static_cast<size_t>(height)][id.index % nodes_a_tile];
}

absl::StatusOr<const FoldedTile*> NodeCache::Tile(TileId id) {
  if (last_ != nullptr && last_id_ == id) return last_;
  auto known = known_.find(id);
  if (known == known_.end()) {
    ASSIGN_OR_RETURN(std::shared_ptr<const FoldedTile> tile, Load(id));
    known = known_.emplace(id, std::move(tile)).first;
  }
  last_id_ = id;
  last_ = known->second.get();
  return last_;
}

absl::StatusOr<std::shared_ptr<const FoldedTile>> NodeCache::Load(TileId id) {
  const uint64_t width = TileWidthAt(id, size_);
  ASSIGN_OR_RETURN(const std::string bytes, tiles_.ReadTile(id, width));
  if (bytes.size() < width * Hash::kSize || bytes.size() > kTileWidth * Hash::kSize ||
      bytes.size() % Hash::kSize != 0) {
    return absl::DataLossError(absl::StrCat("tile ", id.level, "/", id.index, ": has ",
                                            bytes.size(), " bytes, needs ", width * Hash::kSize));
  }
  const auto before = before_.find(id.level);
  const bool goes_on = before != before_.end() && before->second.first == id.index &&
                       absl::StartsWith(bytes, before->second.second->bytes());
  return std::make_shared<const FoldedTile>(
      Fold(bytes, goes_on ? before->second.second.get() : nullptr));
}

TileEdge NodeCache::Edge() const {
  TileEdge edge;
  // Ascending, so that the last of a level stays.
  for (const auto& [id, tile] : known_) edge[id.level] = {id.index, tile};
  return edge;
}

}  // namespace auditledger
