// Puts damaged slots of the key store back from a backup's copy. A slot is taken only where the
// store's own cannot be opened, and only if it opens with the keys as this entry's secret; one that
// was destroyed stays destroyed. The slot of an entry that has no secret is made empty.
//
// Example:
//   ASSIGN_OR_RETURN(auto secrets, SecretsRepair::Open(seed_dir, origin, keys));
//   secrets->Look(17, /*has_secret=*/true, backup.get());   // for each entry, ascending
//   ASSIGN_OR_RETURN(const IndexRanges repaired, secrets->Finish());
//
// Each file is replaced as a whole (temporary file, synced, renamed), so that a run cut short can
// be run again. Thread-safety: one thread. Memory: one file of slots, 4 MiB.
// Errors: those of the disk.
#ifndef AUDITLEDGER_LEDGER_REPAIR_SECRETS_H_
#define AUDITLEDGER_LEDGER_REPAIR_SECRETS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/index_ranges.h"
#include "ledger/key_files.h"
#include "ledger/repair_backup.h"
#include "ledger/seed_store.h"

namespace auditledger {

class SecretsRepair {
 public:
  // `keys` must outlive it.
  static absl::StatusOr<std::unique_ptr<SecretsRepair>> Open(const std::string& seed_dir,
                                                             const std::string& origin,
                                                             const LedgerKeys& keys);
  // `backup` may be nullptr.
  absl::Status Look(uint64_t index, bool has_secret, BackupLookup* backup);
  absl::StatusOr<IndexRanges> Finish();

 private:
  SecretsRepair(std::string dir, std::string origin, std::unique_ptr<KeyProvider> wrapping,
                std::unique_ptr<SeedStore> seeds)
      : dir_(std::move(dir)),
        origin_(std::move(origin)),
        wrapping_(std::move(wrapping)),
        seeds_(std::move(seeds)) {}
  absl::Status WriteSegment();

  const std::string dir_;
  const std::string origin_;
  const std::unique_ptr<KeyProvider> wrapping_;
  const std::unique_ptr<SeedStore> seeds_;
  std::map<uint64_t, std::string> slots_;  // of one segment, by index
  IndexRanges repaired_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_REPAIR_SECRETS_H_
