// Writes a log anew: the leaves that were proven, their tree, and of what belongs to each entry the
// damaged log's own record where it has one. What it has not is named: repair_records.h takes that
// from a backup.
//
// Example:
//   ASSIGN_OR_RETURN(const Rebuilt rebuilt, RebuildLog({store, backup, secrets, &picker}, proven,
//                                                      signed_size, path));
//
// Every batch is synced. Nothing is checked but that the root is the proven one: fsck of the new
// log is the caller's.
// Thread-safety: one thread. Memory: one batch. Errors: DataLoss when a source shows other leaves
// than when they were proven; storage errors.
#ifndef AUDITLEDGER_LEDGER_REPAIR_REBUILD_H_
#define AUDITLEDGER_LEDGER_REPAIR_REBUILD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/fsck.h"
#include "ledger/index_ranges.h"
#include "ledger/repair_backup.h"
#include "ledger/repair_leaves.h"
#include "ledger/repair_secrets.h"

namespace auditledger {

struct RebuildSources {
  FsckStore* store = nullptr;        // the damaged log; nullptr: nothing of it is left
  BackupLookup* backup = nullptr;    // of streams and secrets; may be nullptr
  SecretsRepair* secrets = nullptr;  // looks at each entry; may be nullptr
  LeafPicker* leaves = nullptr;
};

// Entries [begin, end) of which these records are wanted.
struct WantedRecords {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool payload = false;
  bool identity = false;
};

struct Rebuilt {
  IndexRanges leaves;  // not the damaged log's own
  IndexRanges payloads;
  IndexRanges identities;
  uint64_t streams = 0;
  std::vector<WantedRecords> missing;  // ascending
};
absl::StatusOr<Rebuilt> RebuildLog(const RebuildSources& sources, const ProvenLeaves& proven,
                                   uint64_t signed_size, const std::string& path,
                                   const std::function<void(uint64_t, uint64_t)>& progress);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_REPAIR_REBUILD_H_
