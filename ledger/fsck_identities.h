// The files of the identity index against the log's identity records, exactly: every record's
// identity is in the run that covers its entry, no run has one that the log lacks, and no identity
// is there twice. The streams' received ranges likewise.
//
// Records are compared in slices of the identities' range, since those of a large log do not fit in
// memory: one pass over the log's records a slice.
//
// Thread-safety: pure but for the files. Memory: kMaxSliceIdentities times 24 bytes. Files are only
// read; identity_runs.h, which deletes what it cannot use, is not asked.
#ifndef AUDITLEDGER_LEDGER_FSCK_IDENTITIES_H_
#define AUDITLEDGER_LEDGER_FSCK_IDENTITIES_H_

#include <cstdint>
#include <string>

#include "ledger/engine.h"
#include "ledger/fsck_findings.h"
#include "ledger/options.h"

namespace auditledger {

// 100 MiB. Most ledgers are done in one slice.
inline constexpr uint64_t kMaxSliceIdentities = uint64_t{4} << 20;

struct IdentityCheckOptions {
  std::string dir;    // identity_index.h; need not be there
  uint64_t size = 0;  // of the log
  uint64_t max_slice = kMaxSliceIdentities;
};
// `identities`: how many records the log has. Storage errors are findings.
void CheckIdentityRuns(const IdentityCheckOptions& options, uint64_t identities, Engine& engine,
                       Findings& findings);

// Every file "streams-..." in `dir` against what the log's records give as of its size.
void CheckStreamRanges(const std::string& dir, uint64_t size, const LedgerLimits& limits,
                       Engine& engine, Findings& findings);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_FSCK_IDENTITIES_H_
