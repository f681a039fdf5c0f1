// A monitor's own copy of a log: a public folder of tiles (ledger/tile_folder.h) whose every leaf
// it has hashed itself, up to the newest head that was found to extend all before it.
//
// What was ever taken into the mirror is what every later head must extend: so to compare a head
// with the mirror is to compare it with every head seen before.
//
// Example:
//   ASSIGN_OR_RETURN(Mirror mirror, Mirror::Open({dir, origin, key}));
//   ASSIGN_OR_RETURN(const Hash root, mirror.RootAt(100));
//
// Thread-safety: an object belongs to one thread, the folder to one process (a lock).
// Errors: what the disk says; DataLoss when the mirror itself is damaged.
#ifndef AUDITLEDGER_TOOLS_MONITOR_MIRROR_H_
#define AUDITLEDGER_TOOLS_MONITOR_MIRROR_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/tile_folder.h"
#include "merkle/proof.h"

namespace auditledger {

class Mirror {
 public:
  static absl::StatusOr<Mirror> Open(TileFolder::Log log);

  // The newest head; nothing before the first.
  const std::optional<SignedCheckpoint>& head() const { return folder_->published(); }
  uint64_t size() const { return head() ? head()->checkpoint.size : 0; }

  // Of trees of at most size() leaves.
  absl::StatusOr<Hash> RootAt(uint64_t tree_size) const;
  absl::StatusOr<std::vector<Hash>> Consistency(uint64_t old_size) const;  // to size()
  absl::StatusOr<std::vector<Hash>> Inclusion(uint64_t index) const;       // in size()
  // Of all leaves in folder(), those beyond the head included once WritePartials has written them.
  absl::StatusOr<std::vector<Hash>> Range(LeafRange range) const;
  absl::StatusOr<std::vector<Hash>> InclusionInAll(uint64_t index) const;
  absl::StatusOr<std::string> Leaf(uint64_t index) const;

  // Leaves beyond the head, and the head they lead to; see TileFolder.
  TileFolder& folder() { return *folder_; }
  // Forgets leaves beyond the head.
  absl::Status Drop();

 private:
  Mirror(TileFolder::Log log, std::unique_ptr<TileFolder> folder)
      : log_(std::move(log)), folder_(std::move(folder)) {}
  TileFolder::Log log_;
  std::unique_ptr<TileFolder> folder_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_MONITOR_MIRROR_H_
