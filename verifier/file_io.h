// Reading files with a hard size limit, and replacing them atomically.
//
// Example:
//   ASSIGN_OR_RETURN(const std::string note, ReadFileLimited(path, kMaxNoteBytes));
//   RETURN_IF_ERROR(WriteFileAtomically({.path = path, .temporary = path + ".tmp"}, note));
//
// Thread-safety: free functions, safe everywhere; two writers must not share one temporary name.
// Errors: NotFound (absent), OutOfRange (over the limit), FailedPrecondition (not a regular file),
// Unavailable (any other failure of the file system). The message names the path.
#ifndef AUDITLEDGER_VERIFIER_FILE_IO_H_
#define AUDITLEDGER_VERIFIER_FILE_IO_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// What a key, a vkey or an index key file may have: each is one short line.
inline constexpr size_t kMaxKeyFileBytes = 4096;
// A pins file: a thousand origins with their keys.
inline constexpr size_t kMaxPinsFileBytes = 1 << 20;
// A tlog-proof or add-checkpoint body: a note, 63 hashes and an extra of a leaf and a header.
inline constexpr size_t kMaxProofFileBytes = 1 << 21;
// An event file: JSON may spend several bytes on one of the event's 65,536.
inline constexpr size_t kMaxEventFileBytes = 1 << 20;

// The whole file, at most `max_bytes` of it.
absl::StatusOr<std::string> ReadFileLimited(const std::string& path, size_t max_bytes);

struct AtomicWrite {
  std::string path;
  std::string temporary;     // on the same file system; replaced if it is there
  bool sync = true;          // file and folder reach the disk before OK
  unsigned int mode = 0644;  // before umask
};
// The file at `path` is the old one or has exactly `bytes`, whenever power fails (given `sync`).
absl::Status WriteFileAtomically(const AtomicWrite& target, absl::string_view bytes);

// Makes a folder and those above it; OK when it is there.
absl::Status MakeFolders(const std::string& path);
// Everything written so far to the file system that holds `path` reaches the disk.
absl::Status SyncFileSystem(const std::string& path);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_FILE_IO_H_
