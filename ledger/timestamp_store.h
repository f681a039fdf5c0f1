// Timestamps of a log's heads, kept as files beside the log: data_dir/timestamps.
//
//   SIZE-HASH.checkpoint   the head that was stamped, a signed note
//   SIZE-HASH.tst          the token (merkle/timestamp.h), DER
//   SIZE-HASH.tlog-proof   a receipt of the entry that names the token; written when it is in the
//                          log, so that a token without it is one whose entry is still to be made
//
// Each file is whole or absent after a crash, and a token is there only when its head is. Files
// cost some 7 KiB for each timestamp. They are no part of a backup: export keeps copies.
//
// Example:
//   TimestampStore store(data_dir + "/timestamps");
//   RETURN_IF_ERROR(store.Put({.stem = stem, .checkpoint = note, .token = der}));
//   ... append the entry ...
//   RETURN_IF_ERROR(store.PutReceipt(stem, receipt));
//
// Thread-safety: readers beside one writer.
// Errors: NotFound; DataLoss for a token that is not the one its name says; those of posix_file.h.
#ifndef AUDITLEDGER_LEDGER_TIMESTAMP_STORE_H_
#define AUDITLEDGER_LEDGER_TIMESTAMP_STORE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace auditledger {

// An entry that names a time still to come reads, for ever, as one that was dated back: verifiers
// refuse it from 300 s on (verifier/timestamps.h). No anchor further ahead of the clock here is
// appended: below that, for clocks that are off.
inline constexpr uint64_t kMaxAnchorAheadMicros = uint64_t{240} * 1'000'000;

struct StoredTimestamp {
  std::string stem;        // TimestampFileStem (merkle/timestamp.h)
  std::string checkpoint;  // signed note
  std::string token;       // DER
  std::string receipt;     // a tlog-proof; empty while the entry is not in the log
};

class TimestampStore {
 public:
  explicit TimestampStore(std::string dir) : dir_(std::move(dir)) {}

  // Of whole timestamps, by size and then by name. None where the folder is not there.
  absl::StatusOr<std::vector<std::string>> List() const;
  absl::StatusOr<StoredTimestamp> Read(const std::string& stem) const;

  // Makes the folder (not its parents) if need be. The same again is no error.
  absl::Status Put(const StoredTimestamp& timestamp) const;
  absl::Status PutReceipt(const std::string& stem, const std::string& receipt) const;

 private:
  std::string Path(const std::string& stem, const char* extension) const;
  const std::string dir_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_TIMESTAMP_STORE_H_
