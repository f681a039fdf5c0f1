// How much of a LevelDB write-ahead log counts, and whether it is whole.
//
// A file can have its new length on the disk before all its new sectors are: then the last batch is
// there in part, with zeros between, and LevelDB refuses the log as damaged (it accepts only one
// that ends too soon). Since every batch is synced before the next one is begun, a damage behind
// which no batch begins is in the last one. Without that one, the log is what it would be had the
// file ended too soon; whether it had been acknowledged is for the signer's memory to say, here as
// there (recovery.h).
//
// LevelDB also takes a length that runs past the end of any log, and a header of zeros, for a
// crash's doing, and drops what follows without a word. Of the newest log that is for the signer's
// memory too; an older one was synced to its end, so that whatever is missing there is damage.
//
// Behind the last batch there may be zeros, written ahead of what was to come (log_file.h); a log
// is looked at without them.
//
// Example: const std::optional<uint64_t> keep = TornTail(bytes);
//
// Format: LevelDB 1.23, doc/log_format.md and write_batch.cc. Thread-safety: pure functions.
#ifndef AUDITLEDGER_LEDGER_STRICT_ENV_TAIL_H_
#define AUDITLEDGER_LEDGER_STRICT_ENV_TAIL_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// Of a log. No record crosses a block's end.
inline constexpr uint64_t kLogBlockBytes = 32768;

// The bytes of `log` without zeros written ahead: up to where its last batch ends, if all behind
// that are zeros, else all.
uint64_t SizeWithoutZeros(absl::string_view log);

// The bytes before the torn last batch of `log`; nothing when no record is damaged, or when a batch
// begins behind the damage, which no power cut leaves.
std::optional<uint64_t> TornTail(absl::string_view log);

// OK iff `log` is batches from its first byte to its last, with no damage between, and the log that
// came after it goes on where it ends: LevelDB numbers what it writes. `next_block` is the
// beginning of that log, its first block or less; without a whole record there, as when there is no
// such log, the numbers are not compared. DataLoss, with the offset, else.
absl::Status CheckWholeLog(absl::string_view log, absl::string_view next_block);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_STRICT_ENV_TAIL_H_
