#include "api/access/watched_file.h"

#include <sys/stat.h>

#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

absl::StatusOr<std::optional<std::string>> WatchedFile::ReadIfChanged() {
  // Looked at before it is read: what changes in between is read again.
  struct stat info {};
  Version found;
  if (stat(path_.c_str(), &info) == 0) {
    found = {info.st_dev, info.st_ino, info.st_size, Nanoseconds(info.st_mtim),
             Nanoseconds(info.st_ctim)};
    if (found == read_) return std::nullopt;
  }
  ASSIGN_OR_RETURN(std::string text, ReadWholeFile(path_, max_bytes_));
  read_ = found;
  return text;
}

}  // namespace auditledger
