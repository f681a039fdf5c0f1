#include "ledger/private_memory.h"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace auditledger {
namespace {

constexpr size_t kSecureHeapSlot = 16;  // its smallest piece, in bytes

}  // namespace

absl::Status KeepMemoryPrivate() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return absl::ErrnoToStatus(errno, "setrlimit");
  // Not only core files: nobody but root may attach to the process or read its /proc/PID/mem.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return absl::ErrnoToStatus(errno, "prctl");
  // 2: it is there, and the system would not lock it: a container with a small RLIMIT_MEMLOCK.
  if (CRYPTO_secure_malloc_init(kSecureHeapBytes, kSecureHeapSlot) == 0) {
    return absl::InternalError("OpenSSL has no secure heap");
  }
  return absl::OkStatus();
}

}  // namespace auditledger
