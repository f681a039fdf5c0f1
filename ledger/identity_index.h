// The exact index over identities: identity_mac -> entry index, for ever, in bounded memory.
//
// New identities stand in memory; every `identity_run_entries` of them are written behind as one
// sorted, immutable run file, and runs are merged as they grow in number. Random keys never enter
// the commit path. The runs on disk cover a prefix [0, covered) of the log; what is beyond is
// rebuilt from the log's identity records at start. Everything here may be deleted: it is rebuilt.
//
//   run file "ids-%016x-%016x" (from, to), written to a temporary name, synced, renamed, folder
//   synced: pages of 4,096 bytes, each with the CRC-32C of identity_run_page.h over its place and
//   its first 4,092 bytes
//   page 0 u8 version = 2 | zeros[7] | BE64 from | BE64 to | BE64 count | BE64 filter bytes | zeros
//   then   170 records a page, ascending over all: identity_mac[16] | BE64 index
//   then   63 blocks a page of the filter (blocked Bloom, identity_filter.h)
//
// A run is trusted only if its length and count agree with its header and runs tile [0, covered)
// without overlap. Whatever is used of it has its checksum checked then: a page of records or
// filter at every question, a filter held in memory when it is read. "Unknown" is therefore never
// said from damaged bytes.
// Thread-safety: Insert and Lookup are called by one thread (the committer); writing and merging
// runs happens on one background thread of its own.
// Errors: a damaged run is dropped and rebuilt at the next Open; found while serving it is
// DataLoss.
#ifndef AUDITLEDGER_LEDGER_IDENTITY_INDEX_H_
#define AUDITLEDGER_LEDGER_IDENTITY_INDEX_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/identity_record.h"
#include "ledger/options.h"

namespace auditledger {

class IdentityIndex {
 public:
  // Opens `dir` (made when absent) for a log of `size` entries. Runs beyond `size` or that do not
  // tile are deleted. The caller then replays [covered(), size) with Insert.
  static absl::StatusOr<std::unique_ptr<IdentityIndex>> Open(const std::string& dir, uint64_t size,
                                                             const LedgerLimits& limits);
  virtual ~IdentityIndex() = default;

  // Entries [0, covered) are in runs on disk.
  virtual uint64_t covered() const = 0;

  virtual absl::StatusOr<std::optional<uint64_t>> Lookup(const Mac128& identity) = 0;

  // Adds the identity of entry `index`, committed. Indices ascend; entries without identity are
  // skipped by calling Advance.
  virtual absl::Status Insert(const Mac128& identity, uint64_t index) = 0;
  // Every entry below `size` has been inserted or has no identity. May start writing a run.
  virtual absl::Status Advance(uint64_t size) = 0;

  // Waits until nothing is being written or merged (shutdown, tests).
  virtual absl::Status Flush() = 0;
  // Reads every run and checks its checksums, order and count.
  virtual absl::Status Verify() = 0;
  // Bytes held in memory, for metrics and the test of the bound.
  virtual size_t MemoryBytes() const = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_IDENTITY_INDEX_H_
