// The log derived once more: from the stored leaves every hash, every tile and the root; for every
// entry that what belongs to it is there. What fsck does to a stopped ledger in one go and the
// background check (background_check.h) to a serving one, a step at a time.
//
// Where a leaf and its tile differ, the one of them that leads to the stored hash above them (or,
// at the log's end, to the head's root) is right and the other is damaged, so that the finding
// names the entry or the tile, and one damaged entry is one finding.
//
// Example:
//   LogCheck check(engine, head, {}, findings);
//   while (check.next() < head.size) check.Step();
//   check.Finish();
//
// Thread-safety: one thread. While the engine takes commits, `head` is one that was signed before.
// Memory: a step's leaves. Cost: README.md, "fsck".
#ifndef AUDITLEDGER_LEDGER_FSCK_LOG_H_
#define AUDITLEDGER_LEDGER_FSCK_LOG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ledger/engine.h"
#include "ledger/engine_tiles.h"
#include "ledger/fsck_findings.h"
#include "ledger/identity_record.h"
#include "ledger/tree_edge.h"
#include "merkle/hash.h"
#include "merkle/leaf.h"

namespace auditledger {

// Entries of a step: a multiple of a tile's width, few enough to be read in some milliseconds.
inline constexpr uint64_t kCheckStepEntries = 1024;

// An entry as far as it could be read.
struct CheckedEntry {
  uint64_t index = 0;
  bool has_leaf = false;  // it is there and parses
  Hash hash;              // of the leaf's bytes
  Leaf leaf;
  std::optional<IdentityRecord> identity;
  bool has_payload = false;
  std::string payload;  // with keep_payloads
};

struct LogCheckOptions {
  bool skip_payloads = false;  // not even whether they are there
  bool keep_payloads = false;  // hand them to on_entry
  // Records that must not be longer or more than `head` says: nothing else writes.
  bool is_stopped = true;
  uint64_t step_entries = kCheckStepEntries;  // a multiple of kTileWidth
  uint32_t streams = 0;                       // known ones; numbers of identity records are below
  // Of which the root is kept: what a signer says it signed.
  std::optional<uint64_t> watched_size;
  // Called for each entry in order, after its own findings.
  std::function<void(const CheckedEntry&)> on_entry;
};

class LogCheck {
 public:
  // Both must outlive it.
  LogCheck(Engine& engine, const Head& head, LogCheckOptions options, Findings& findings);

  uint64_t next() const { return edge_.size(); }
  // The next step_entries entries, or those that are left. REQUIRES: next() < head.size.
  void Step();
  // The tiles of the log's end, the root, and nothing beyond. REQUIRES: next() == head.size.
  void Finish();

  // Of watched_size, once next() has reached it; nothing when leaves before it could not be read.
  const std::optional<Hash>& watched_root() const { return watched_root_; }

 private:
  void ReadLeaves(uint64_t begin, uint64_t end);
  void ReadIdentities(uint64_t begin, uint64_t end);
  void ReadPayloads(uint64_t begin, uint64_t end);
  void AddUnread(RecordKind kind, const CheckedEntry& entry, bool missing,
                 const absl::Status& scanned);
  void CheckEntry(const CheckedEntry& entry);
  void CheckTile(uint64_t tile, uint64_t begin, uint64_t end);
  bool Confirms(uint64_t tile, const std::vector<Hash>& hashes);
  void Append(const Hash& hash);
  void CheckUpperTiles();
  void CheckUpperTile(TileId id, const std::string& derived);

  Engine& engine_;
  EngineTiles tiles_;
  const Head head_;
  const LogCheckOptions options_;
  Findings& findings_;
  TreeEdge edge_;
  std::map<uint8_t, std::pair<TileId, std::string>> partial_;  // by level above 0, as derived
  std::vector<CheckedEntry> entries_;                          // of this step
  uint64_t last_time_us_ = 0;
  bool broken_ = false;  // a leaf and its tile cannot be read: no root follows
  std::optional<Hash> watched_root_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_FSCK_LOG_H_
