// Which leaves a damaged log must have, out of what is left of it and what others show, proven by
// the head that its own signer signed.
//
// An entry's own leaf is kept where it can be read and nothing speaks against it; only in the place
// of one that is missing or contradicts its tile is another asked for. Whether the choice was right
// the root says, not the choice: if it is not the signed one, everything is tried the other way
// round, others first, and if that does not lead there either, nothing is.
//
// Example:
//   LeafPicker picker(store.get(), {mirror.get()});
//   ASSIGN_OR_RETURN(const ProvenLeaves proven, ProveLeaves(signed_head, stored_head, picker));
//   ASSIGN_OR_RETURN(auto leaves, picker.Pick(0, 256, signed_head.size, proven.policy));
//
// Thread-safety: one thread. Memory: a bundle of each source.
#ifndef AUDITLEDGER_LEDGER_REPAIR_LEAVES_H_
#define AUDITLEDGER_LEDGER_REPAIR_LEAVES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/engine.h"
#include "ledger/fsck_store.h"
#include "merkle/erasure_history.h"

namespace auditledger {

// A copy of the log's leaves: a mirror, a backup.
class LeafSource {
 public:
  virtual ~LeafSource() = default;
  // The first leaves of bundle `index` (kTileWidth entries), at most `width`; fewer where the copy
  // ends. NotFound where it has none.
  virtual absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t index, uint64_t width) = 0;
};

enum class LeafPolicy : uint8_t {
  kOwnFirst,    // others only for what is missing or contradicts its tile
  kOthersFirst  // own only for what nobody else shows
};

struct PickedLeaf {
  std::string bytes;
  bool is_own = false;  // as the damaged log has it
};

class LeafPicker {
 public:
  // `store` may be nullptr: nothing of the log is left. All must outlive it.
  LeafPicker(FsckStore* store, std::vector<LeafSource*> others)
      : store_(store), others_(std::move(others)) {}

  // The leaves of bundle `index` up to `width`; nothing for one that nobody has. From entry
  // `signed` on, which nobody was told of, only the log's own count.
  std::vector<std::optional<PickedLeaf>> Pick(uint64_t index, uint64_t width, uint64_t signed_size,
                                              LeafPolicy policy);

 private:
  using Leaves = std::vector<std::optional<std::string>>;
  Leaves ReadOwn(uint64_t begin, uint64_t end);
  std::vector<Leaves> ReadOthers(uint64_t index, uint64_t width);

  FsckStore* const store_;
  const std::vector<LeafSource*> others_;
};

struct ProvenLeaves {
  LeafPolicy policy = LeafPolicy::kOwnFirst;
  // What the log will be: `stored` where all of it stands, else `signed_head`. time_us is 0.
  Head head;
  // What the entries below the signed head say of erasure.
  ErasureHistory erasures{};
};
// DataLoss, with the reason, when no choice leads to `signed_head`. `stored` is what the log says
// it is; only a head that extends the signed one counts.
absl::StatusOr<ProvenLeaves> ProveLeaves(const Head& signed_head, const std::optional<Head>& stored,
                                         LeafPicker& picker);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_REPAIR_LEAVES_H_
