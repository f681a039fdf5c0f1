// A file that lies in memory alone, for what must not lie on a disk in the clear: written and read
// as any file by its path, which means something in this process only, and gone with the object.
//
// What the system swaps out is beyond it: a machine that handles such data has encrypted swap, or
// none.
//
// Example:
//   ASSIGN_OR_RETURN(const MemoryFile file, MemoryFile::Create());
//   RETURN_IF_ERROR(Make(file.path()));
//   ASSIGN_OR_RETURN(const MappedFile made, MappedFile::Open(file.path()));
//
// Thread-safety: const methods are safe. Ownership: the file lives as long as the object, or as it
// is open elsewhere.
// Errors: Unavailable where the system gives none.
#ifndef AUDITLEDGER_VERIFIER_MEMORY_FILE_H_
#define AUDITLEDGER_VERIFIER_MEMORY_FILE_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace auditledger {

class MemoryFile {
 public:
  static absl::StatusOr<MemoryFile> Create();  // empty
  ~MemoryFile();
  MemoryFile(MemoryFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  MemoryFile& operator=(MemoryFile&&) = delete;

  std::string path() const;

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_MEMORY_FILE_H_
