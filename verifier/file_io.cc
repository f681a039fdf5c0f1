#include "verifier/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status SystemError(absl::string_view what, const std::string& path, int error) {
  const std::string message = absl::StrCat(path, ": ", what, ": ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
  return absl::UnavailableError(message);
}

// Closes on the way out.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  // For writers: a failed close may be a failed write.
  int Close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

absl::Status WriteAll(int fd, const std::string& path, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.fd() < 0) return SystemError("open", folder, errno);
  if (::fsync(file.fd()) != 0) return SystemError("fsync", folder, errno);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFileLimited(const std::string& path, size_t max_bytes) {
  // Not blocking: a FIFO in the place of a file must not hang the verifier.
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0) return SystemError("open", path, errno);
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return SystemError("stat", path, errno);
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": not a regular file"));
  }
  // Never more than a byte beyond the limit, whatever size is stated: a file may grow meanwhile,
  // and those of /proc state none.
  const size_t stated = std::min(static_cast<size_t>(info.st_size), max_bytes);
  std::string bytes(stated + 1, '\0');
  size_t used = 0;
  for (;;) {
    if (used > max_bytes) {
      return absl::OutOfRangeError(absl::StrCat(path, ": over ", max_bytes, " bytes"));
    }
    if (used == bytes.size()) bytes.resize(std::min(used * 2, max_bytes + 1));
    const ssize_t got = ::read(file.fd(), bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", path, errno);
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  bytes.resize(used);
  return bytes;
}

absl::Status WriteFileAtomically(const AtomicWrite& target, absl::string_view bytes) {
  File file(::open(target.temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                   target.mode));
  if (file.fd() < 0) return SystemError("open", target.temporary, errno);
  RETURN_IF_ERROR(WriteAll(file.fd(), target.temporary, bytes));
  if (target.sync && ::fsync(file.fd()) != 0) return SystemError("fsync", target.temporary, errno);
  if (file.Close() != 0) return SystemError("close", target.temporary, errno);
  if (::rename(target.temporary.c_str(), target.path.c_str()) != 0) {
    return SystemError("rename to", target.path, errno);
  }
  return target.sync ? SyncFolderOf(target.path) : absl::OkStatus();
}

absl::Status MakeFolders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  return error ? SystemError("make folder", path, error.value()) : absl::OkStatus();
}

absl::Status SyncFileSystem(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) return SystemError("open", path, errno);
  if (::syncfs(file.fd()) != 0) return SystemError("syncfs", path, errno);
  return absl::OkStatus();
}

}  // namespace auditledger
