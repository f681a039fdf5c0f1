// Files of a spool: whole reads and writes, syncs of file and folder, errors that name the path.
//
// Example:
//   ASSIGN_OR_RETURN(SpoolFile file, SpoolFile::Open(system, path, O_RDWR | O_CREAT | O_EXCL));
//   RETURN_IF_ERROR(file.WriteAt(0, bytes));
//   RETURN_IF_ERROR(file.Sync());
//
// Thread-safety: WriteAt, ReadUpTo and Sync of one file may run on many threads.
// Errors: from errno, with operation, path and errno's text: ResourceExhausted for a full disk or
// quota, NotFound, PermissionDenied ...; DataLoss for a read that the disk refuses (EIO). Nothing
// is tried again but EINTR: after a failed sync the page cache no longer tells what the disk has.
#ifndef AUDITLEDGER_API_CLIENT_SPOOL_FILE_H_
#define AUDITLEDGER_API_CLIENT_SPOOL_FILE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/client/spool_system.h"

namespace auditledger {

class SpoolFile {
 public:
  // `flags` as of open(2), mode 0600; O_CLOEXEC and O_NOFOLLOW are added.
  static absl::StatusOr<SpoolFile> Open(SpoolSystem& system, const std::string& path, int flags);
  SpoolFile(SpoolFile&& other) noexcept
      : system_(other.system_), fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  SpoolFile& operator=(SpoolFile&&) = delete;
  ~SpoolFile();

  // From `offset`; less than `size` only where the file ends.
  absl::StatusOr<std::string> ReadUpTo(uint64_t offset, size_t size) const;
  absl::Status WriteAt(uint64_t offset, absl::string_view bytes) const;
  absl::Status SyncData() const;  // fdatasync
  absl::Status Sync() const;      // fsync
  // Errors name it by `path` from then on.
  absl::Status Rename(const std::string& path);
  // Takes the lock of flock(2), which closing gives back. Unavailable while another process has it.
  absl::Status Lock() const;

 private:
  SpoolFile(SpoolSystem& system, int fd, std::string path)
      : system_(&system), fd_(fd), path_(std::move(path)) {}
  SpoolSystem* system_;
  int fd_ = -1;
  std::string path_;
};

// Makes `folder` (0700; not its parents) unless it is there, and syncs its parent, also when it was
// there: who made it may have died before. A parent that may not be read is another's to sync.
absl::Status MakeSpoolFolder(SpoolSystem& system, const std::string& folder);
absl::Status SyncSpoolFolder(SpoolSystem& system, const std::string& folder);
absl::StatusOr<std::vector<std::string>> ListSpoolFolder(SpoolSystem& system,
                                                         const std::string& folder);  // sorted
// The folder is not synced. OK when there is none.
absl::Status RemoveSpoolFile(SpoolSystem& system, const std::string& path);
// ResourceExhausted when the file has more than `max_bytes`.
absl::StatusOr<std::string> ReadSpoolFile(SpoolSystem& system, const std::string& path,
                                          size_t max_bytes);
// Writes "path.tmp", syncs it, gives it its name and syncs the folder: after a crash `path` is
// whole or as before. The file is handed back open. Errors of a write name "path.tmp".
absl::StatusOr<SpoolFile> PutSpoolFile(SpoolSystem& system, const std::string& path,
                                       absl::string_view bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_SPOOL_FILE_H_
