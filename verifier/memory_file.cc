#include "verifier/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace auditledger {

absl::StatusOr<MemoryFile> MemoryFile::Create() {
  const int fd = ::memfd_create("auditledger", MFD_CLOEXEC);
  if (fd >= 0) return MemoryFile(fd);
  return absl::UnavailableError(absl::StrCat("a file in memory: ", std::strerror(errno)));
}

MemoryFile::~MemoryFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::string MemoryFile::path() const { return absl::StrCat("/proc/self/fd/", fd_); }

}  // namespace auditledger
