#include "ledger/stream_ranges_file.h"

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kPrefix[] = "streams-";
constexpr size_t kNameLength = sizeof(kPrefix) - 1 + 16;
constexpr size_t kKept = 2;
// 65,536 streams with 1,024 ranges of 16 bytes each, and some.
constexpr size_t kMaxFileBytes = size_t{2} << 30;

std::string NameAt(uint64_t size) { return absl::StrFormat("%s%016x", kPrefix, size); }

// Ascending by size, which the fixed width makes the order of names.
absl::StatusOr<std::vector<std::string>> RangesFiles(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (absl::StartsWith(name, kPrefix) && name.size() == kNameLength) found.push_back(name);
  }
  return found;
}

}  // namespace

absl::Status SaveStreamRanges(const std::string& dir, uint64_t size, absl::string_view bytes) {
  RETURN_IF_ERROR(ReplaceFile(absl::StrCat(dir, "/", NameAt(size)), bytes));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, RangesFiles(dir));
  for (size_t i = 0; i + kKept < names.size(); ++i) {
    RETURN_IF_ERROR(RemoveFile(absl::StrCat(dir, "/", names[i])));
  }
  return absl::OkStatus();
}

uint64_t LoadStreamRanges(const std::string& dir, uint64_t size, StreamTable& table) {
  const absl::StatusOr<std::vector<std::string>> names = RangesFiles(dir);
  if (!names.ok()) return 0;
  for (auto name = names->rbegin(); name != names->rend(); ++name) {
    if (*name > NameAt(size)) continue;
    const auto bytes = ReadWholeFile(absl::StrCat(dir, "/", *name), kMaxFileBytes);
    if (!bytes.ok()) continue;
    const absl::StatusOr<uint64_t> as_of = table.LoadRanges(*bytes);
    if (as_of.ok() && NameAt(*as_of) == *name) return *as_of;
  }
  return 0;
}

}  // namespace auditledger
