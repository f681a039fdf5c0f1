#include "ledger/disk_space.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/pause_gate.h"
#include "ledger/posix_file.h"
#include "ledger/recovery.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

std::string BallastPath(const LedgerOptions& options) {
  return absl::StrCat(options.paths.data_dir, "/", kBallastFile);
}

uint64_t SizeOf(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

absl::StatusOr<uint64_t> FreeBytes(const LedgerOptions& options) {
  return options.free_bytes ? options.free_bytes()
                            : FreeDiskBytes({options.paths.data_dir, options.paths.seed_dir});
}

// All blocks or none.
absl::Status Allocate(const std::string& path, uint64_t bytes) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("make ", path));
  const int failed = ::fallocate(fd, 0, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  ::close(fd);
  if (failed == 0) return absl::OkStatus();
  ::unlink(path.c_str());
  return absl::ErrnoToStatus(failed, absl::StrCat("make ", path));
}

}  // namespace

absl::StatusOr<uint64_t> SpareDiskBytes(const LedgerPaths& paths) {
  ASSIGN_OR_RETURN(const uint64_t free, FreeDiskBytes({paths.data_dir, paths.seed_dir}));
  uint64_t runs = 0;
  const std::string dir = IdentityPath(paths);
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(dir);
  if (!names.ok() && !absl::IsNotFound(names.status())) return names.status();
  if (names.ok()) {
    for (const std::string& name : *names) {
      const bool is_run = absl::StartsWith(name, "ids-") && !absl::EndsWith(name, ".tmp");
      if (is_run) runs += SizeOf(absl::StrCat(dir, "/", name));
    }
  }
  return free > runs ? free - runs : 0;
}

absl::Status ReleaseBallastIfFull(const LedgerOptions& options) {
  const uint64_t ballast = SizeOf(BallastPath(options));
  if (ballast == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t free, FreeBytes(options));
  if (free >= ballast) return absl::OkStatus();
  return RemoveFile(BallastPath(options));
}

absl::Status MakeBallast(const LedgerOptions& options) {
  const uint64_t bytes = options.limits.ballast_bytes;
  if (bytes == 0 || SizeOf(BallastPath(options)) == bytes) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t free, FreeBytes(options));
  if (free < options.limits.resume_water_bytes + bytes) return absl::OkStatus();
  return Allocate(BallastPath(options), bytes);
}

}  // namespace auditledger
