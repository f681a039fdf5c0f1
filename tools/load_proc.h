// What a process has used, from /proc, and what a folder takes on disk.
//
// Thread-safety: pure but for what they read. Errors: NotFound: no such process or folder.
#ifndef AUDITLEDGER_TOOLS_LOAD_PROC_H_
#define AUDITLEDGER_TOOLS_LOAD_PROC_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

struct ProcessUse {
  double cpu_seconds = 0;  // user and system, in steps of the kernel's clock tick, 10 ms
  uint64_t resident_bytes = 0;
  uint64_t peak_resident_bytes = 0;
};

absl::StatusOr<ProcessUse> UseOf(pid_t pid);
ProcessUse OwnUse();

// Of /proc/PID/stat and /proc/PID/status: what UseOf reads. DataLoss when they are not as expected.
absl::StatusOr<ProcessUse> ParseProcessUse(absl::string_view stat, absl::string_view status);

// Bytes of all files below `dir`, by what is allocated, so that a file preallocated with zeros
// counts in full and a sparse one does not.
absl::StatusOr<uint64_t> FolderBytes(const std::string& dir);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_LOAD_PROC_H_
