// A small file that is read again when it has changed: replaced, rewritten or touched.
//
// Example:
//   WatchedFile file("/etc/auditledger/jwks.json", kMaxJwksBytes);
//   ASSIGN_OR_RETURN(const std::optional<std::string> text, file.ReadIfChanged());
//   if (text.has_value()) ...    // the first time, and after each change
//
// Who writes it replaces it by rename: of a file that is rewritten in place half may be read, and
// the whole with the next look.
// Thread-safety: an object belongs to one thread.
// Errors: as ReadWholeFile (ledger/posix_file.h); the next look tries again.
#ifndef AUDITLEDGER_API_ACCESS_WATCHED_FILE_H_
#define AUDITLEDGER_API_ACCESS_WATCHED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace auditledger {

class WatchedFile {
 public:
  WatchedFile(std::string path, size_t max_bytes) : path_(std::move(path)), max_bytes_(max_bytes) {}

  // nullopt: it is what was read last.
  absl::StatusOr<std::optional<std::string>> ReadIfChanged();
  const std::string& path() const { return path_; }

 private:
  struct Version {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = -1;
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;
    bool operator==(const Version&) const = default;
  };

  const std::string path_;
  const size_t max_bytes_;
  Version read_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_WATCHED_FILE_H_
