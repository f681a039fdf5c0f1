#include "tools/monitor_mirror.h"

#include <algorithm>

#include "merkle/status_macros.h"

namespace auditledger {

absl::StatusOr<Mirror> Mirror::Open(TileFolder::Log log) {
  ASSIGN_OR_RETURN(std::unique_ptr<TileFolder> folder, TileFolder::Open(log));
  return Mirror(std::move(log), std::move(folder));
}

absl::StatusOr<Hash> Mirror::RootAt(uint64_t tree_size) const {
  TileFolderReader tiles(log_.dir);
  TileNodeReader nodes(tiles, size());
  return auditledger::RootAt(tree_size, nodes);
}

absl::StatusOr<std::vector<Hash>> Mirror::Consistency(uint64_t old_size) const {
  TileFolderReader tiles(log_.dir);
  TileNodeReader nodes(tiles, size());
  return ConsistencyProof(old_size, size(), nodes);
}

absl::StatusOr<std::vector<Hash>> Mirror::Inclusion(uint64_t index) const {
  TileFolderReader tiles(log_.dir);
  TileNodeReader nodes(tiles, size());
  return InclusionProof(index, size(), nodes);
}

absl::StatusOr<std::vector<Hash>> Mirror::Range(LeafRange range) const {
  TileFolderReader tiles(log_.dir);
  TileNodeReader nodes(tiles, folder_->size());
  return RangeProof(range, folder_->size(), nodes);
}

absl::StatusOr<std::vector<Hash>> Mirror::InclusionInAll(uint64_t index) const {
  TileFolderReader tiles(log_.dir);
  TileNodeReader nodes(tiles, folder_->size());
  return InclusionProof(index, folder_->size(), nodes);
}

absl::StatusOr<std::string> Mirror::Leaf(uint64_t index) const {
  const uint64_t bundle = index / kTileWidth;
  TileFolderReader tiles(log_.dir);
  ASSIGN_OR_RETURN(
      const std::vector<std::string> leaves,
      tiles.ReadEntries(bundle, std::min(kTileWidth, folder_->size() - bundle * kTileWidth)));
  return leaves[index % kTileWidth];
}

absl::Status Mirror::Drop() {
  folder_ = nullptr;  // gives the lock back
  ASSIGN_OR_RETURN(folder_, TileFolder::Open(log_));
  return absl::OkStatus();
}

}  // namespace auditledger
