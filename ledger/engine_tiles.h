// The engine as a source of tiles for proofs.
//
// Thread-safety: as the engine's reads. `engine` must outlive it.
#ifndef AUDITLEDGER_LEDGER_ENGINE_TILES_H_
#define AUDITLEDGER_LEDGER_ENGINE_TILES_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "ledger/engine.h"
#include "merkle/tile.h"

namespace auditledger {

class EngineTiles : public TileReader {
 public:
  explicit EngineTiles(Engine& engine) : engine_(engine) {}

  // DataLoss when the tile is absent or shorter than it must be: a committed tile cannot be.
  absl::StatusOr<std::string> ReadTile(TileId id, uint64_t width) override {
    absl::StatusOr<std::string> tile = engine_.ReadTile(id);
    if (absl::IsNotFound(tile.status())) {
      return absl::DataLossError(absl::StrCat(Name(id), " is missing"));
    }
    if (tile.ok() && (tile->size() < width * Hash::kSize || tile->size() % Hash::kSize != 0)) {
      return absl::DataLossError(
          absl::StrCat(Name(id), " has ", tile->size(), " bytes, needs ", width * Hash::kSize));
    }
    return tile;
  }

 private:
  static std::string Name(TileId id) { return absl::StrCat("tile ", id.level, "/", id.index); }
  Engine& engine_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_ENGINE_TILES_H_
