// Re-derives a whole ledger from its files, stopped or copied, and says exactly what differs.
//
// Example:
//   FsckOptions options;
//   options.paths.data_dir = "/backup/data/clinic";
//   ASSIGN_OR_RETURN(const FsckReport report, Fsck(options));
//   for (const Finding& finding : report.findings) std::cout << finding.what << "\n";
//
// Always: every leaf, tile and the head (fsck_log.h), every index head (fsck_index.h), identity and
// stream records, keys that belong to nothing, the genesis. Beside it, of the folders that are
// given:
//   data_dir/identity    every run and range file against the log's records (fsck_identities.h)
//   key_dir, seed_dir    every payload opened against its leaf's commitment, every secret
//   state_dir            the head that the signer signed last: the log must extend it
//
// Not a byte is changed (fsck_env.h); the folder's lock is held, so that no server starts
// meanwhile. Of a database that LevelDB refuses to open, what can be read is checked and what is
// missing is named.
//
// Thread-safety: one call at a time for one folder. Memory: 8 MiB of cache, a step's payloads, up
// to 100 MiB of identities, the database's write-ahead log twice, and some 300 bytes a tag where
// the log has index heads.
// Errors: findings are no errors. FailedPrecondition: the folder is in use, or
// keys are another ledger's or open to others; NotFound: there is no ledger. PermissionDenied and
// so on from the machine.
#ifndef AUDITLEDGER_LEDGER_FSCK_H_
#define AUDITLEDGER_LEDGER_FSCK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/engine.h"
#include "ledger/fsck_findings.h"
#include "ledger/options.h"

namespace auditledger {

// Enough to see a pattern; beyond it findings are counted.
inline constexpr size_t kDefaultMaxFindings = 1000;

struct FsckOptions {
  // Empty ones are not checked; data_dir must be given, and key_dir with seed_dir.
  LedgerPaths paths;
  // Empty: what data_dir/ledger.origin says, or else the genesis.
  std::string origin;
  // Payload records are not read, not even to see that they are there.
  bool skip_payloads = false;
  size_t max_findings = kDefaultMaxFindings;
  LedgerLimits limits;  // as the ledger was served with
  // Called now and then with entries done and their number.
  std::function<void(uint64_t done, uint64_t size)> progress;
};

struct FsckReport {
  std::string origin;
  Head head;  // as stored
  std::optional<Head> signed_head;
  uint64_t entries = 0;      // read
  uint64_t identities = 0;   // of them with an identity record
  uint64_t index_heads = 0;  // whose maps were made anew and are right
  uint64_t payloads_opened = 0;
  uint64_t payloads_erased = 0;
  bool opened_payloads = false;  // keys and seeds were given
  std::vector<Finding> findings;
  uint64_t findings_total = 0;
  uint64_t findings_rebuildable = 0;  // of the total: files that the next start makes anew
};

absl::StatusOr<FsckReport> Fsck(const FsckOptions& options);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_FSCK_H_
