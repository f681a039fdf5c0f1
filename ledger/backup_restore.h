// Makes a data folder (and a key store's) out of a backup, offline.
//
// Example:
//   RestoreOptions options{{from, secrets}, data_dir, seed_dir};
//   ASSIGN_OR_RETURN(const BackupSummary restored, RestoreBackup(options, log_key));
//
// Every check of backup_reader.h is made on the way, each batch is synced and read back as a commit
// is (read_back.h), and the log gets its name only when the backup's signed head was reached: until
// then it lies in data_dir/restoring, which a later attempt clears away. Secrets get theirs before
// it; the attempt after one that was cut short there takes them for its own where they are the
// same.
//
// With key_dir what was restored is then checked as fsck does (fsck_log.h, fsck_payloads.h), before
// the log has its name: without it a backup that somebody edited may pass, for payloads, identity
// records, streams and secrets are bound to the leaves by keys alone.
//
// It signs nothing and touches neither keys nor the signer's state. The next start compares what
// was restored with what the signer has signed (recovery.h): the same is served, less is refused as
// a rollback. So a restore can lose the newest entries and say so, and never fork.
//
// Thread-safety: one thread. Memory: one segment and one batch.
// Errors: as ReadBackup; DataLoss with the first finding; FailedPrecondition for folders that are
// not empty and for keys that are another's; storage errors. After an error nothing is served from
// the folders.
#ifndef AUDITLEDGER_LEDGER_BACKUP_RESTORE_H_
#define AUDITLEDGER_LEDGER_BACKUP_RESTORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "ledger/backup_reader.h"
#include "ledger/options.h"
#include "merkle/note.h"

namespace auditledger {

// A batch of a restore: large enough that syncs do not count, a quarter of the engine's write
// buffer.
inline constexpr size_t kRestoreBatchBytes = size_t{4} << 20;
inline constexpr size_t kRestoreBatchEntries = 4096;

struct RestoreOptions {
  BackupFolders from;    // without `secrets` the key store is left as it is
  std::string data_dir;  // of the one ledger: ROOT/data/ID
  std::string seed_dir;  // ROOT/seeds/ID; needed with from.secrets and with key_dir
  std::string key_dir;   // ROOT/keys/ID; empty: payloads and identities are not checked
  std::shared_ptr<const MasterKey> master_key = {};  // the keys are sealed under it; nullptr: not
  LedgerLimits limits = {};                          // as the ledger was served with
  std::function<void(uint64_t entries)> progress;    // after each batch; may be empty
};

absl::StatusOr<BackupSummary> RestoreBackup(const RestoreOptions& options, const NoteVerifier& key);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_BACKUP_RESTORE_H_
