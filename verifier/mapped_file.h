// A file as bytes in memory, read by the system as they are asked for: what is checked may be
// larger than memory.
//
// The file must not shrink while it is mapped; whoever can do that can end this program.
//
// Example:
//   ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
//   Check(file.bytes());
//
// Thread-safety: const methods are safe. Ownership: the bytes live as long as the object.
// Errors: as file_io.h.
#ifndef AUDITLEDGER_VERIFIER_MAPPED_FILE_H_
#define AUDITLEDGER_VERIFIER_MAPPED_FILE_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

class MappedFile {
 public:
  static absl::StatusOr<MappedFile> Open(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&&) = delete;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  MappedFile(void* data, size_t size) : data_(data), size_(size) {}
  void* data_;  // nullptr of an empty file
  size_t size_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_MAPPED_FILE_H_
