#include "ledger/private_memory.h"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <string>

#include "ledger/secret_string.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define AUDITLEDGER_LEAK_CHECKER
#endif
#endif

namespace auditledger {
namespace {

constexpr size_t kSecureHeapSlot = 16;  // its smallest piece, in bytes

#ifdef AUDITLEDGER_LEAK_CHECKER
// The heap is a mapping of its own, which the leak checker does not read, and OpenSSL's random
// generators keep there the only pointers to what they have elsewhere.
void ShowSecureHeapToLeakChecker() {
  // All of it, as nobody has a piece yet.
  const SecretString whole(std::string(kSecureHeapBytes, '\0'));
  const void* start = whole.Reveal().data();
  if (CRYPTO_secure_allocated(start) == 1) __lsan_register_root_region(start, kSecureHeapBytes);
}
#else
void ShowSecureHeapToLeakChecker() {}
#endif

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
  ShowSecureHeapToLeakChecker();
  return absl::OkStatus();
}

}  // namespace auditledger
