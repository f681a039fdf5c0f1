#include "api/client/spool_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kReadBytes = 64 << 10;

absl::Status Failure(absl::string_view operation, const std::string& path) {
  const int error = errno;
  const std::string message = absl::StrCat(operation, " ", path);
  if (error == EIO && operation == "read") {
    return absl::DataLossError(absl::StrCat(message, ": the disk cannot read it (EIO)"));
  }
  if (error == EDQUOT) return absl::ResourceExhaustedError(absl::StrCat(message, ": over quota"));
  return absl::ErrnoToStatus(error, message);
}

// Runs a system call again while it is interrupted.
template <typename Call>
auto Uninterrupted(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

absl::StatusOr<SpoolFile> SpoolFile::Open(SpoolSystem& system, const std::string& path, int flags) {
  const int fd =
      Uninterrupted([&] { return system.Open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600); });
  if (fd < 0) return Failure("open", path);
  return SpoolFile(system, fd, path);
}

SpoolFile::~SpoolFile() {
  if (fd_ >= 0) system_->Close(fd_);
}

absl::StatusOr<std::string> SpoolFile::ReadUpTo(uint64_t offset, size_t size) const {
  std::string out;
  while (out.size() < size) {
    const size_t done = out.size();
    // Piece by piece: `size` is what a file may have, and most have far less.
    out.resize(std::min(size, done + kReadBytes));
    const ssize_t got = Uninterrupted([&] {
      return system_->Pread(fd_, out.data() + done, out.size() - done,
                            static_cast<off_t>(offset + done));
    });
    if (got < 0) return Failure("read", path_);
    out.resize(done + static_cast<size_t>(got));
    if (got == 0) break;
  }
  return out;
}

absl::Status SpoolFile::WriteAt(uint64_t offset, absl::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t put = Uninterrupted([&] {
      return system_->Pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (put < 0) return Failure("write", path_);
    offset += static_cast<uint64_t>(put);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status SpoolFile::SyncData() const {
  if (Uninterrupted([&] { return system_->Fdatasync(fd_); }) == 0) return absl::OkStatus();
  return Failure("sync", path_);
}

absl::Status SpoolFile::Sync() const {
  if (Uninterrupted([&] { return system_->Fsync(fd_); }) == 0) return absl::OkStatus();
  return Failure("sync", path_);
}

absl::Status SpoolFile::Rename(const std::string& path) {
  if (system_->Rename(path_, path) != 0) return Failure("rename", path);
  path_ = path;
  return absl::OkStatus();
}

absl::Status SpoolFile::Lock() const {
  if (system_->Flock(fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return Failure("lock", path_);
  return absl::UnavailableError(absl::StrCat(path_, ": another process uses this spool"));
}

absl::Status SyncSpoolFolder(SpoolSystem& system, const std::string& folder) {
  ASSIGN_OR_RETURN(const SpoolFile file, SpoolFile::Open(system, folder, O_RDONLY | O_DIRECTORY));
  return file.Sync();
}

absl::Status MakeSpoolFolder(SpoolSystem& system, const std::string& folder) {
  const bool made = system.Mkdir(folder, 0700) == 0;
  if (!made && errno != EEXIST) return Failure("make folder", folder);
  // What it is, if it was there, the first file in it will say.
  const absl::Status synced = SyncSpoolFolder(system, ParentOf(folder));
  return !made && absl::IsPermissionDenied(synced) ? absl::OkStatus() : synced;
}

absl::StatusOr<std::vector<std::string>> ListSpoolFolder(SpoolSystem& system,
                                                         const std::string& folder) {
  std::vector<std::string> names;
  if (system.List(folder, &names) != 0) return Failure("list", folder);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveSpoolFile(SpoolSystem& system, const std::string& path) {
  if (system.Unlink(path) == 0 || errno == ENOENT) return absl::OkStatus();
  return Failure("remove", path);
}

absl::StatusOr<std::string> ReadSpoolFile(SpoolSystem& system, const std::string& path,
                                          size_t max_bytes) {
  ASSIGN_OR_RETURN(const SpoolFile file, SpoolFile::Open(system, path, O_RDONLY));
  ASSIGN_OR_RETURN(std::string bytes, file.ReadUpTo(0, max_bytes + 1));
  if (bytes.size() <= max_bytes) return bytes;
  return absl::ResourceExhaustedError(
      absl::StrCat("read ", path, ": has over ", max_bytes, " bytes"));
}

absl::StatusOr<SpoolFile> PutSpoolFile(SpoolSystem& system, const std::string& path,
                                       absl::string_view bytes) {
  const std::string temporary = path + ".tmp";
  RETURN_IF_ERROR(RemoveSpoolFile(system, temporary));
  ASSIGN_OR_RETURN(SpoolFile file, SpoolFile::Open(system, temporary, O_RDWR | O_CREAT | O_EXCL));
  absl::Status status = file.WriteAt(0, bytes);
  if (status.ok()) status = file.Sync();
  if (status.ok()) status = file.Rename(path);
  if (!status.ok()) {
    // A full disk needs the bytes back; what else went wrong has been said.
    RemoveSpoolFile(system, temporary).IgnoreError();
    return status;
  }
  RETURN_IF_ERROR(SyncSpoolFolder(system, ParentOf(path)));
  return file;
}

}  // namespace auditledger
