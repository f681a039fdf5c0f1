// What a start finds and decides: the stored log D against the signer's last head S. O(log n).
//
//   D = S                                serve
//   D extends S, proven from the tiles,  sign D, serve (a crash between commit and signature)
//     and [S, D) reads back whole
//     but [S, D) is damaged              reads only, at S: read-back may have refused this commit
//     but [S, D) exceeds one commit      refuse: no crash leaves that
//     but a sync failed in this boot     reads only, at S, until --confirm_after_sync_failure
//   S is larger than D                   refuse: rollback
//   same size, other root, or no proof   refuse: fork
//   S is nothing and D is not            refuse: lost state; D is signed if it is the first commit
//                                        of a ledger that is being made
//   S missing or unreadable              refuse: lost state; --adopt_signer_state is the way back
// The clock is compared with the last entry's time: too far off is reads only until --accept_clock.
// Each override that was needed becomes an operator entry, and so does a repair (repair.h).
//
// Thread-safety: one thread, before the ledger serves.
// Errors: FailedPrecondition for what the table refuses, with both heads and what to do; DataLoss
// for a log that is damaged in itself; NotFound when there is no ledger.
#ifndef AUDITLEDGER_LEDGER_RECOVERY_H_
#define AUDITLEDGER_LEDGER_RECOVERY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/clock.h"
#include "ledger/engine.h"
#include "ledger/key_files.h"
#include "ledger/key_history.h"
#include "ledger/ledger.h"
#include "ledger/new_entry.h"
#include "ledger/signer.h"
#include "ledger/tree_edge.h"
#include "merkle/hash.h"
#include "merkle/system_entries.h"

namespace auditledger {

// A stored log whose ends were checked: the root from the tiles is the head's, the last leaf is
// there with its hash and time, none lies beyond, and entry 0 is the genesis of this origin and
// these keys.
struct StoredLog {
  Head head;
  TreeEdge edge;
  std::vector<LoggedKeyChange> key_changes;      // that lead to the keys' log key (key_history.h)
  std::optional<std::string> key_change_at_end;  // the last leaf, where it is a change of the key
  std::optional<Freeze> freeze;                  // the last entry's, where it is one
};
struct StoredLogQuestion {
  std::string origin;
  const LedgerKeys& keys;
  std::string key_dir;                // where the file of key changes may be
  bool read_all = false;              // look for changes of the key in every leaf
  uint64_t signed_size = UINT64_MAX;  // what the signer remembers; beyond it they are looked for
  bool retired = false;               // only what was signed counts
};
absl::StatusOr<StoredLog> CheckStoredLog(const StoredLogQuestion& question, Engine& engine);

// What appends to a ledger that was frozen are answered.
absl::Status Frozen(const Freeze& freeze);

struct Recovered {
  StoredLog log;
  PublishedHead published;             // what is served
  std::vector<Hash> unsigned_proof;    // from there to the stored head, with hold_until_confirmed
  absl::Status read_only;              // not OK: reads only, and why
  std::vector<NewEntry> own_entries;   // to append before serving
  std::vector<std::string> to_remove;  // markers that are spent once these are in the log
  uint64_t cut_logs = 0;               // as LedgerCounters::cut_logs
};
absl::StatusOr<Recovered> Recover(const LedgerOptions& options, const LedgerKeys& keys,
                                  Engine& engine, Signer& signer, Clock& clock);

// Looks at the log without changing a file (fsck_env.h), before LevelDB opens it, which removes
// what its manifest does not name and what it has read of its write-ahead log. Behind a flipped
// bit, or in a folder of which a part was restored, that can be the only copy of acknowledged
// entries: what is going to be refused as a rollback, as a lost state or as damaged keeps its
// files. A last batch that a power cut tore is left out, as the engine leaves it out: what remains
// may not be less than what was signed. FailedPrecondition and DataLoss for that; Unavailable when
// it cannot be read; OK when there is no database, or another process has it. Cost: the write-ahead
// log is read once more.
absl::Status CheckBeforeOpening(const LedgerOptions& options, Signer& signer);

// OK when the stored log leads to `keys`' log key, looked at without changing a file: for a signer
// process that was rotated and a ledger that does not know of it. FailedPrecondition else.
absl::Status CheckRotated(const LedgerOptions& options, const LedgerKeys& keys);

// The operator's way back when the signer's state is lost: makes a new one that has signed exactly
// `size` and `root`, which the operator has from outside this machine (a witness, a mirror, a
// receipt's checkpoint), iff the stored log's head is exactly that. The next Open records it.
// The log is read without changing a file, and has to be whole to its last byte: what a power cut
// tore cannot be told here from what was acknowledged and damaged since, and without it the head
// given may be one that a receipt contradicts. FailedPrecondition when the log's head is another;
// DataLoss when the log is not whole; AlreadyExists when there is a state. FailedPrecondition where
// a signer process holds the state: there its own command does this.
absl::Status AdoptSignerState(const LedgerOptions& options, uint64_t size, const Hash& root);

// Where the parts of a ledger lie.
std::string LogPath(const LedgerPaths& paths);
std::string IdentityPath(const LedgerPaths& paths);
std::string LogKeyPath(const LedgerPaths& paths);

// With options.open_engine and options.open_signer where given.
absl::StatusOr<std::unique_ptr<Engine>> OpenEngine(const LedgerOptions& options, bool create);
absl::StatusOr<std::unique_ptr<Signer>> OpenSigner(const LedgerOptions& options);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_RECOVERY_H_
