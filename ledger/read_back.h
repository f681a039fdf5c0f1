// Step 4 of a commit, and what a start repeats before it signs what was left unsigned: the entries
// [old_size, head.size) are re-read and the root is computed once more, on a second path.
//
// Every leaf must hash to what its tile says, every changed tile must be what it must be, each hash
// above level 0 the root of the full tile below it, and the root folded from the stored tiles the
// head's.
//
// Thread-safety: one thread. Errors: DataLoss naming the leaf or tile; storage errors as they come.
#ifndef AUDITLEDGER_LEDGER_READ_BACK_H_
#define AUDITLEDGER_LEDGER_READ_BACK_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/engine.h"
#include "ledger/node_cache.h"
#include "merkle/tile.h"

namespace auditledger {

using WrittenTiles = std::vector<std::pair<TileId, std::string>>;

// The leaves, as read. `tiles` are those that [old_size, head.size) changed, as they must be;
// `nodes` is of head.size, and has read nothing yet.
absl::StatusOr<std::vector<std::string>> ReadBack(uint64_t old_size, const Head& head,
                                                  const WrittenTiles& tiles, Engine& engine,
                                                  NodeCache& nodes);

// The same for a commit of another run, of which only the store is left: the changed tiles are
// made anew from the leaves. REQUIRES: old.size < head.size.
absl::Status ReadBackStored(const Head& old, const Head& head, Engine& engine);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_READ_BACK_H_
