#include "tools/load_proc.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Fields after the name of the program, which stands in brackets and may hold anything (proc(5):
// utime is field 14 and stime 15, the state after the name is 3).
constexpr size_t kUserTime = 11;
constexpr size_t kSystemTime = 12;
constexpr uint64_t kBlockBytes = 512;  // of st_blocks, whatever the file system's own is

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return absl::NotFoundError(absl::StrCat(path, " cannot be read"));
  return text.str();
}

absl::StatusOr<uint64_t> KiloBytes(absl::string_view status, absl::string_view name) {
  for (const absl::string_view line : absl::StrSplit(status, '\n')) {
    const std::vector<absl::string_view> parts =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    uint64_t value = 0;
    if (parts.size() == 3 && parts[0] == name && absl::SimpleAtoi(parts[1], &value)) return value;
  }
  return absl::DataLossError(absl::StrCat("no ", name, " in a process's status"));
}

}  // namespace

absl::StatusOr<ProcessUse> ParseProcessUse(absl::string_view stat, absl::string_view status) {
  const size_t name_end = stat.rfind(") ");
  if (name_end == absl::string_view::npos) return absl::DataLossError("no process's stat");
  const std::vector<absl::string_view> fields = absl::StrSplit(stat.substr(name_end + 2), ' ');
  uint64_t user = 0;
  uint64_t system = 0;
  if (fields.size() <= kSystemTime || !absl::SimpleAtoi(fields[kUserTime], &user) ||
      !absl::SimpleAtoi(fields[kSystemTime], &system)) {
    return absl::DataLossError("no times in a process's stat");
  }
  ProcessUse out;
  out.cpu_seconds = static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  ASSIGN_OR_RETURN(const uint64_t resident, KiloBytes(status, "VmRSS:"));
  ASSIGN_OR_RETURN(const uint64_t peak, KiloBytes(status, "VmHWM:"));
  out.resident_bytes = resident * 1024;
  out.peak_resident_bytes = peak * 1024;
  return out;
}

absl::StatusOr<ProcessUse> UseOf(pid_t pid) {
  ASSIGN_OR_RETURN(const std::string stat, ReadAll(absl::StrCat("/proc/", pid, "/stat")));
  ASSIGN_OR_RETURN(const std::string status, ReadAll(absl::StrCat("/proc/", pid, "/status")));
  return ParseProcessUse(stat, status);
}

ProcessUse OwnUse() { return UseOf(getpid()).value_or(ProcessUse{}); }

absl::StatusOr<uint64_t> FolderBytes(const std::string& dir) {
  std::error_code error;
  std::filesystem::recursive_directory_iterator it(dir, error);
  if (error) return absl::NotFoundError(absl::StrCat(dir, ": ", error.message()));
  uint64_t bytes = 0;
  for (const auto end = std::filesystem::end(it); it != end; it.increment(error)) {
    struct stat about = {};
    // A file may go while we look: the engine removes what it has compacted.
    if (lstat(it->path().c_str(), &about) == 0 && S_ISREG(about.st_mode)) {
      bytes += static_cast<uint64_t>(about.st_blocks) * kBlockBytes;
    }
    if (error) break;
  }
  return bytes;
}

}  // namespace auditledger
