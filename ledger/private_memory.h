// Keeps a process's secrets in its memory: no core file, and no reading by others of its user.
//
// Example, first in main: const absl::Status kept = KeepMemoryPrivate();
//
// What it does not do: keep root out, or memory from being swapped: the units set MemorySwapMax=0.
// (OpenSSL's secure heap would not help: 3.0 puts an Ed25519 key that it is given elsewhere.)
// Thread-safety: once, before threads are started. Errors: Internal or the like where the system
// refuses; then nothing should be served.
#ifndef AUDITLEDGER_LEDGER_PRIVATE_MEMORY_H_
#define AUDITLEDGER_LEDGER_PRIVATE_MEMORY_H_

#include "absl/status/status.h"

namespace auditledger {

absl::Status KeepMemoryPrivate();

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PRIVATE_MEMORY_H_
