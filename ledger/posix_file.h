// Files as durable storage needs them: whole reads and writes, syncs of file and folder, errors
// that name the path.
//
// Example:
//   ASSIGN_OR_RETURN(PosixFile file, PosixFile::Open(path, O_RDWR));
//   RETURN_IF_ERROR(file.WriteAt(4096, slot));
//   RETURN_IF_ERROR(file.SyncData());
//
// Thread-safety: positional reads and writes of one PosixFile may run on many threads.
// Errors: NotFound, AlreadyExists, PermissionDenied, ResourceExhausted (disk full) and so on from
// errno, with the operation, the path and errno's text; DataLoss for EIO on a read and for a file
// that ends too soon. Nothing is retried but EINTR: after a failed sync the page cache no longer
// tells what is on the disk.
#ifndef AUDITLEDGER_LEDGER_POSIX_FILE_H_
#define AUDITLEDGER_LEDGER_POSIX_FILE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

class FileSystem;

class PosixFile {
 public:
  // `flags` as of open(2); O_CLOEXEC and O_NOFOLLOW are added: no file of ours is a link.
  static absl::StatusOr<PosixFile> Open(const std::string& path, int flags, mode_t mode = 0600);
  PosixFile(PosixFile&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  PosixFile& operator=(PosixFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    return *this;
  }
  ~PosixFile();

  int fd() const { return fd_; }
  const std::string& path() const { return path_; }

  // Fills `out` and returns `size`, or less at the end of the file.
  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* out, size_t size) const;
  // Exactly `size` bytes; DataLoss when the file ends before.
  absl::StatusOr<std::string> ReadExactly(uint64_t offset, size_t size) const;
  absl::Status WriteAt(uint64_t offset, absl::string_view bytes) const;
  absl::Status SyncData() const;  // fdatasync
  absl::Status Sync() const;      // fsync
  absl::StatusOr<uint64_t> Size() const;
  absl::StatusOr<struct stat> Stat() const;
  // Takes the lock of flock(2), which closing gives back; false when somebody else has it.
  absl::StatusOr<bool> TryLock() const;

 private:
  using SyncCall = int (FileSystem::*)(int);
  absl::Status SyncWith(SyncCall call) const;
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  std::string path_;
};

// Whether it was fsync or fdatasync itself that failed, here or inside a function below: what was
// written may then be lost though it can still be read. An error of opening or writing is none.
bool IsSyncFailure(const absl::Status& status);

// "dir/name" -> "dir"; "name" -> ".".
std::string DirectoryOf(const std::string& path);
// Makes names created, renamed or removed in `dir` durable.
absl::Status SyncDirectory(const std::string& dir);
// Makes `dir` (not its parents) unless it is there, and syncs the parent.
absl::Status MakeDirectory(const std::string& dir, mode_t mode = 0700);
absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& dir);  // sorted
absl::Status RemoveFile(const std::string& path);  // the folder is not synced
// Renames, replacing `to`, and syncs the folder of `to`.
absl::Status RenameDurably(const std::string& from, const std::string& to);
bool PathExists(const std::string& path);

// The whole file; ResourceExhausted when it is larger than `max_bytes`.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t max_bytes);

// Both write "path.tmp", sync it, give it its name and sync the folder: after a crash `path` is
// whole or as before.
absl::Status ReplaceFile(const std::string& path, absl::string_view bytes, mode_t mode = 0600);
// AlreadyExists when there is a `path`.
absl::Status CreateFile(const std::string& path, absl::string_view bytes, mode_t mode = 0600);

// For tests: asked before each operation; a value other than 0 is the errno it then fails with.
enum class FileOperation { kOpen, kRead, kWrite, kSync, kRename };
using FileFault = int (*)(FileOperation operation, const std::string& path);
void SetFileFaultForTesting(FileFault fault);  // nullptr: none

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_POSIX_FILE_H_
