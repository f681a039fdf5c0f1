// What a check of a stored ledger found, each with the entry or tile it is about.
//
// Thread-safety: an object belongs to one thread.
#ifndef AUDITLEDGER_LEDGER_FSCK_FINDINGS_H_
#define AUDITLEDGER_LEDGER_FSCK_FINDINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace auditledger {

// What a finding is about. The names (FindingPartName) are part of the programs' output.
enum class FindingPart {
  kDatabase,      // it cannot be opened or read through
  kOrigin,        // ledger.origin, or the genesis entry
  kHead,          // the stored head, or the root that the log has
  kLeaf,          // an entry's leaf
  kTile,          // a tile of the tree
  kIdentity,      // an entry's identity record
  kPayload,       // an entry's encrypted payload, or what it opens to
  kSecret,        // an entry's slot in the key store
  kStream,        // a stream record
  kKey,           // a key that no record of the log has
  kSigner,        // the signer's state against the log
  kKeyFiles,      // the keys against the log
  kIdentityRun,   // a file of the identity index
  kStreamRanges,  // a file of received ranges
};
std::string FindingPartName(FindingPart part);  // "database", ..., "stream_ranges"
// Whether the next start makes it anew from the log: nothing is lost.
bool IsRebuildable(FindingPart part);

struct Finding {
  FindingPart part = FindingPart::kDatabase;
  std::optional<uint64_t> entry;  // the damaged entry, where it is one
  std::string what;               // names entry, tile, file or key; nothing personal
};

class Findings {
 public:
  // Beyond `max_kept` they are only counted: a store that is all wrong must not fill the memory.
  explicit Findings(size_t max_kept) : max_kept_(max_kept) {}

  void Add(FindingPart part, absl::string_view what) { Keep({part, {}, std::string(what)}); }
  // `what` reads on from "entry N: ".
  void AddEntry(FindingPart part, uint64_t entry, absl::string_view what);

  const std::vector<Finding>& kept() const { return kept_; }
  uint64_t total() const { return total_; }
  uint64_t rebuildable() const { return rebuildable_; }  // of the total

 private:
  void Keep(Finding finding);

  const size_t max_kept_;
  std::vector<Finding> kept_;
  uint64_t total_ = 0;
  uint64_t rebuildable_ = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_FSCK_FINDINGS_H_
