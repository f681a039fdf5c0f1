// How much of a LevelDB write-ahead log counts when a power cut has torn its last batch.
//
// A file can have its new length on the disk before all its new sectors are: then the last batch is
// there in part, with zeros between, and LevelDB refuses the log as damaged (it accepts only one
// that ends too soon). Since every batch is synced before the next one is begun, a damage behind
// which no batch begins is in the last one. Without that one, the log is what it would be had the
// file ended too soon; whether it had been acknowledged is for the signer's memory to say, here as
// there (recovery.h).
//
// Example: const std::optional<uint64_t> keep = TornTail(bytes);
//
// Format: LevelDB 1.23, doc/log_format.md. Thread-safety: a pure function.
#ifndef AUDITLEDGER_LEDGER_STRICT_ENV_TAIL_H_
#define AUDITLEDGER_LEDGER_STRICT_ENV_TAIL_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace auditledger {

// The bytes before the torn last batch of `log`; nothing when no record is damaged, or when a batch
// begins behind the damage, which no power cut leaves.
std::optional<uint64_t> TornTail(absl::string_view log);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_STRICT_ENV_TAIL_H_
