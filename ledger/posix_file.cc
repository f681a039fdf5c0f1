#include "ledger/posix_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "ledger/posix_file_system.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

std::atomic<FileFault> g_fault{nullptr};

absl::Status Failure(int error, absl::string_view operation, const std::string& path) {
  const std::string message = absl::StrCat(operation, " ", path);
  if (error == EIO && operation == "read") {
    return absl::DataLossError(absl::StrCat(message, ": the disk cannot read it (EIO)"));
  }
  return absl::ErrnoToStatus(error, message);
}

constexpr char kSyncFailure[] = "auditledger/sync-failure";

absl::Status SyncFailure(absl::Status status) {
  status.SetPayload(kSyncFailure, absl::Cord());
  return status;
}

absl::Status Injected(FileOperation operation, absl::string_view name, const std::string& path) {
  const FileFault fault = g_fault.load(std::memory_order_relaxed);
  const int error = fault == nullptr ? 0 : fault(operation, path);
  return error == 0 ? absl::OkStatus() : Failure(error, name, path);
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

absl::Status WriteTemporary(const std::string& path, absl::string_view bytes, mode_t mode) {
  FileSystem& system = CurrentFileSystem();
  if (system.Unlink(path) != 0 && errno != ENOENT) return Failure(errno, "remove", path);
  ASSIGN_OR_RETURN(const PosixFile file, PosixFile::Open(path, O_WRONLY | O_CREAT | O_EXCL, mode));
  // The umask may have taken bits that were asked for.
  if (system.Fchmod(file.fd(), mode) != 0) return Failure(errno, "chmod", path);
  RETURN_IF_ERROR(file.WriteAt(0, bytes));
  return file.Sync();
}

}  // namespace

void SetFileFaultForTesting(FileFault fault) { g_fault.store(fault); }

absl::StatusOr<PosixFile> PosixFile::Open(const std::string& path, int flags, mode_t mode) {
  RETURN_IF_ERROR(Injected(FileOperation::kOpen, "open", path));
  const int fd = Uninterrupted(
      [&] { return CurrentFileSystem().Open(path, flags | O_CLOEXEC | O_NOFOLLOW, mode); });
  if (fd < 0) return Failure(errno, "open", path);
  return PosixFile(fd, path);
}

PosixFile::~PosixFile() {
  if (fd_ >= 0) CurrentFileSystem().Close(fd_);
}

absl::StatusOr<size_t> PosixFile::ReadAt(uint64_t offset, char* out, size_t size) const {
  RETURN_IF_ERROR(Injected(FileOperation::kRead, "read", path_));
  FileSystem& system = CurrentFileSystem();
  size_t done = 0;
  while (done < size) {
    const ssize_t got = Uninterrupted([&] {
      return system.Pread(fd_, out + done, size - done, static_cast<off_t>(offset + done));
    });
    if (got < 0) return Failure(errno, "read", path_);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

absl::StatusOr<std::string> PosixFile::ReadExactly(uint64_t offset, size_t size) const {
  std::string out(size, '\0');
  ASSIGN_OR_RETURN(const size_t got, ReadAt(offset, out.data(), size));
  if (got != size) {
    return absl::DataLossError(
        absl::StrCat("read ", path_, ": ends at ", offset + got, ", needs ", offset + size));
  }
  return out;
}

absl::Status PosixFile::WriteAt(uint64_t offset, absl::string_view bytes) const {
  RETURN_IF_ERROR(Injected(FileOperation::kWrite, "write", path_));
  FileSystem& system = CurrentFileSystem();
  while (!bytes.empty()) {
    const ssize_t put = Uninterrupted(
        [&] { return system.Pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (put < 0) return Failure(errno, "write", path_);
    offset += static_cast<uint64_t>(put);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status PosixFile::SyncWith(SyncCall call) const {
  const absl::Status injected = Injected(FileOperation::kSync, "sync", path_);
  if (!injected.ok()) return SyncFailure(injected);
  FileSystem& system = CurrentFileSystem();
  if (Uninterrupted([&] { return (system.*call)(fd_); }) == 0) return absl::OkStatus();
  return SyncFailure(Failure(errno, "sync", path_));
}

absl::Status PosixFile::SyncData() const { return SyncWith(&FileSystem::Fdatasync); }
absl::Status PosixFile::Sync() const { return SyncWith(&FileSystem::Fsync); }

bool IsSyncFailure(const absl::Status& status) {
  return status.GetPayload(kSyncFailure).has_value();
}

absl::StatusOr<struct stat> PosixFile::Stat() const {
  struct stat info = {};
  if (CurrentFileSystem().Fstat(fd_, &info) != 0) return Failure(errno, "stat", path_);
  return info;
}

absl::StatusOr<uint64_t> PosixFile::Size() const {
  ASSIGN_OR_RETURN(const struct stat info, Stat());
  return static_cast<uint64_t>(info.st_size);
}

absl::StatusOr<bool> PosixFile::TryLock() const {
  if (CurrentFileSystem().Flock(fd_, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return Failure(errno, "lock", path_);
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status SyncDirectory(const std::string& dir) {
  ASSIGN_OR_RETURN(const PosixFile file, PosixFile::Open(dir, O_RDONLY | O_DIRECTORY));
  return file.Sync();
}

absl::Status MakeDirectory(const std::string& dir, mode_t mode) {
  FileSystem& system = CurrentFileSystem();
  if (system.Mkdir(dir, mode) == 0) return SyncDirectory(DirectoryOf(dir));
  const int error = errno;
  struct stat info = {};
  if (error == EEXIST && system.Stat(dir, &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::OkStatus();
  }
  return Failure(error, "make folder", dir);
}

absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& dir) {
  std::vector<std::string> names;
  if (CurrentFileSystem().List(dir, &names) != 0) return Failure(errno, "list", dir);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveFile(const std::string& path) {
  if (CurrentFileSystem().Unlink(path) != 0) return Failure(errno, "remove", path);
  return absl::OkStatus();
}

bool PathExists(const std::string& path) {
  struct stat info = {};
  return CurrentFileSystem().Lstat(path, &info) == 0;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t max_bytes) {
  ASSIGN_OR_RETURN(const PosixFile file, PosixFile::Open(path, O_RDONLY));
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  if (size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("read ", path, ": has ", size, " bytes, at most ", max_bytes));
  }
  return file.ReadExactly(0, static_cast<size_t>(size));
}

absl::Status RenameDurably(const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(Injected(FileOperation::kRename, "rename", to));
  if (CurrentFileSystem().Rename(from, to) != 0) return Failure(errno, "rename", to);
  return SyncDirectory(DirectoryOf(to));
}

absl::Status ReplaceFile(const std::string& path, absl::string_view bytes, mode_t mode) {
  const std::string temporary = path + ".tmp";
  RETURN_IF_ERROR(WriteTemporary(temporary, bytes, mode));
  return RenameDurably(temporary, path);
}

absl::Status CreateFile(const std::string& path, absl::string_view bytes, mode_t mode) {
  if (PathExists(path)) return absl::AlreadyExistsError(absl::StrCat("create ", path));
  const std::string temporary = path + ".tmp";
  RETURN_IF_ERROR(WriteTemporary(temporary, bytes, mode));
  RETURN_IF_ERROR(Injected(FileOperation::kRename, "create", path));
  // Unlike rename, link refuses when another process was faster.
  if (CurrentFileSystem().Link(temporary, path) != 0) return Failure(errno, "create", path);
  RETURN_IF_ERROR(RemoveFile(temporary));
  return SyncDirectory(DirectoryOf(path));
}

}  // namespace auditledger
