// Keeps a process's secrets in its memory: no core file, no reading by others of its user, and keys
// in a heap of their own (secret_string.h; OpenSSL's own private numbers too).
//
// Example, first in main: const absl::Status kept = KeepMemoryPrivate();
//
// What it does not do: keep root out, or the rest of memory from being swapped: the units set
// MemorySwapMax=0. An Ed25519 key that OpenSSL 3.0 is given lies outside its secure heap.
// Limits: kSecureHeapBytes; what finds no room lies where everything does.
// Thread-safety: once, before threads are started. Errors: Internal or the like where the system
// refuses; then nothing should be served.
#ifndef AUDITLEDGER_LEDGER_PRIVATE_MEMORY_H_
#define AUDITLEDGER_LEDGER_PRIVATE_MEMORY_H_

#include <cstddef>

#include "absl/status/status.h"

namespace auditledger {

// A power of two. Each handshake under way takes some tens of bytes, a key 32: this is enough for
// all connections that the listeners admit (4,096 each), and an eighth of what Debian lets a
// process lock.
inline constexpr size_t kSecureHeapBytes = size_t{1} << 20;

absl::Status KeepMemoryPrivate();

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PRIVATE_MEMORY_H_
