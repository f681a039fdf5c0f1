// Takes payloads and identity records from a backup into a log that was made anew: each only where
// it is proven, by the very check that fsck makes (fsck_payloads.h). So the secret must be there,
// and what the log has already is not made worse by a backup that somebody edited.
//
// Example:
//   RecordsFrom from{log_path, seed_dir, origin, &keys, &backup};
//   ASSIGN_OR_RETURN(const uint64_t taken, TakeRecords(from, {{17, 18, true, false}}, rebuilt));
//
// Every batch is synced. Evidence of a conflict is proven once the entry that it names is there:
// ask again for what fsck still misses. Thread-safety: one call at a time for one log. Memory: one
// batch. Errors: storage errors.
#ifndef AUDITLEDGER_LEDGER_REPAIR_RECORDS_H_
#define AUDITLEDGER_LEDGER_REPAIR_RECORDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/fsck.h"
#include "ledger/key_files.h"
#include "ledger/repair_backup.h"
#include "ledger/repair_rebuild.h"

namespace auditledger {

struct RecordsFrom {
  std::string log;       // the LevelDB that gets them
  std::string seed_dir;  // with the secrets that prove them
  std::string origin;
  const LedgerKeys* keys = nullptr;
  BackupLookup* backup = nullptr;
  uint64_t max_conflicts = 0;  // pieces of evidence that one identity has at most (options.h)
};
// How many were taken; they are added to `rebuilt`.
absl::StatusOr<uint64_t> TakeRecords(const RecordsFrom& from,
                                     const std::vector<WantedRecords>& wanted, Rebuilt& rebuilt);

// Payloads and identity records that fsck found wrong.
std::vector<WantedRecords> WrongRecords(const FsckReport& report);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_REPAIR_RECORDS_H_
