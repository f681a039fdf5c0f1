// Repairs a stopped ledger's log from copies of it: leaves from mirrors (public tiles) and backups,
// payloads, identity records and secrets from backups alone, since leaves hold commitments only.
//
// Example:
//   RepairOptions options{log_key, paths};
//   options.mirrors.push_back({"/srv/mirror", mirror_head, &leaves});
//   ASSIGN_OR_RETURN(const RepairReport report, RepairLedger(options));
//
// What is right is what the signer signed: its state, which no copy can change, has a size and a
// root, and the leaves that are kept and those that are taken must lead to it (repair_leaves.h).
// A payload, an identity record and a secret from a backup must open under the ledger's keys and be
// what the leaf commits to (fsck_payloads.h). A mirror or backup that has a larger signed head than
// the signer remembers, or another one of that size, is refused: the state is then an old copy, or
// somebody signed two histories, and a repair would sign a fork.
//
// LevelDB cannot mend a block of a table. So the log is written anew beside the damaged one, in
// data_dir/repairing, from what can be read of it and from the copies; it is checked as fsck does,
// and only then takes its place:
//
//   data_dir/repairing/log     the new log
//   data_dir/repairing/ready   it is whole; what will be logged, LF. A start is refused meanwhile
//   data_dir/repairing/secrets the same of seed_dir/repairing (repair_secrets.h)
//   data_dir/log.damaged-N     the log as it was; nothing of it is changed. To be removed by hand
//
// A run that is cut short leaves the damaged log as it was, or, once `ready` is there, is finished
// by the next run. What was done becomes an operator entry ("repair ...": counts and indices) at
// the next start (state_markers.h).
//
// Entries beyond the signed head, of which nobody was told, stay where they stand whole, and are
// left out where they do not; more of them than one commit, which no crash leaves, say that the
// signer's state is an old copy, and nothing is done. Identity runs and stream ranges are made anew
// by the next start.
//
// Thread-safety: one call at a time for one folder; the damaged log's lock is held. Memory: some
// MiB, and 40 MiB where a backup is given. Disk: the log once more. Cost: the log is read four
// times, every payload opened.
// Errors: FailedPrecondition for folders in use, other keys, heads that the signer's state
// contradicts; DataLoss when the copies do not lead to the signed head, and then nothing was
// changed; storage errors.
#ifndef AUDITLEDGER_LEDGER_REPAIR_H_
#define AUDITLEDGER_LEDGER_REPAIR_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/backup_reader.h"
#include "ledger/fsck.h"
#include "ledger/index_ranges.h"
#include "ledger/options.h"
#include "ledger/repair_leaves.h"
#include "merkle/checkpoint.h"
#include "merkle/note.h"

namespace auditledger {

struct RepairOptions {
  NoteVerifier key;   // the log's; its name is the origin
  LedgerPaths paths;  // data_dir and state_dir; key_dir with seed_dir, needed for a backup
  std::string signer_dir = {};  // where signer.state lies; empty: paths.state_dir
  struct Mirror {
    std::string name;    // for people
    Checkpoint head;     // signed by `key`: the caller has checked it
    LeafSource* leaves;  // must outlive the call
  };
  std::vector<Mirror> mirrors = {};
  BackupFolders backup = {};  // without `log`: none
  LedgerLimits limits = {};   // as the ledger was served with
  std::function<void(uint64_t done, uint64_t size)> progress = {};
};

struct RepairReport {
  bool resumed = false;      // an earlier run, cut short, was finished; nothing else was done
  bool log_changed = false;  // the log was written anew and took the place of the damaged one
  IndexRanges leaves;        // taken from others
  IndexRanges payloads;
  IndexRanges identities;
  IndexRanges secrets;
  std::vector<std::string>
      secrets_given_up;  // files that could not be read whole, left as they are
  uint64_t streams = 0;
  uint64_t left_out = 0;    // entries beyond the signed head that did not stand whole
  std::string logged;       // what the next start records; empty: nothing was changed
  std::string damaged_log;  // where the log as it was lies now
  FsckReport after;         // what fsck finds now: what nothing given could repair
};
absl::StatusOr<RepairReport> RepairLedger(const RepairOptions& options);

// FailedPrecondition when a repair of this ledger was cut short after it had made a whole log and
// before that took its place: it must be run again before the ledger is opened.
absl::Status CheckNoRepairPending(const std::string& data_dir);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_REPAIR_H_
