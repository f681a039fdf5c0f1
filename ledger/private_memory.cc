#include "ledger/private_memory.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace auditledger {

absl::Status KeepMemoryPrivate() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return absl::ErrnoToStatus(errno, "setrlimit");
  // Not only core files: nobody but root may attach to the process or read its /proc/PID/mem.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return absl::ErrnoToStatus(errno, "prctl");
  return absl::OkStatus();
}

}  // namespace auditledger
