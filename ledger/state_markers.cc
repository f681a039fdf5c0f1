#include "ledger/state_markers.h"

#include <fcntl.h>

#include <fstream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kMaxMarkerBytes = 4096;  // a boot id has 36
constexpr char kBootIdFile[] = "/proc/sys/kernel/random/boot_id";

std::string PathOf(const std::string& dir, const std::string& name) {
  return absl::StrCat(dir, "/", name);
}

// The kernel's file says of itself that it has no bytes: it is read to its end. Empty: not known.
std::string BootId() {
  std::ifstream in(kBootIdFile);
  std::string line;
  return std::getline(in, line) ? line + "\n" : "";
}

}  // namespace

absl::Status WriteSyncFailedMarker(const std::string& state_dir) {
  // Without a boot id the marker still stands, and only the operator can clear it.
  const std::string boot_id = BootId();
  return ReplaceFile(PathOf(state_dir, kSyncFailedMarker), boot_id.empty() ? "unknown\n" : boot_id);
}

bool SyncFailedThisBoot(const std::string& state_dir) {
  if (!HasMarker(state_dir, kSyncFailedMarker)) return false;
  const auto marker = ReadWholeFile(PathOf(state_dir, kSyncFailedMarker), kMaxMarkerBytes);
  const std::string boot_id = BootId();
  const bool known = marker.ok() && !boot_id.empty() && marker->size() == boot_id.size();
  return !known || *marker == boot_id;
}

absl::Status WriteAdoptedMarker(const std::string& state_dir) {
  return ReplaceFile(PathOf(state_dir, kAdoptedMarker), absl::StrCat(kAdoptedMarker, "\n"));
}

absl::Status AddRepairedMarker(const std::string& state_dir, const std::string& line) {
  const std::string path = PathOf(state_dir, kRepairedMarker);
  absl::StatusOr<std::string> lines = ReadWholeFile(path, kMaxRepairedBytes);
  if (absl::IsNotFound(lines.status())) lines = std::string();
  RETURN_IF_ERROR(lines.status());
  const std::string added = absl::StrCat(line, "\n");
  if (absl::EndsWith(*lines, added)) return absl::OkStatus();
  return ReplaceFile(path, absl::StrCat(*lines, added).substr(0, kMaxRepairedBytes));
}

absl::StatusOr<std::string> ReadRepairedMarker(const std::string& state_dir) {
  ASSIGN_OR_RETURN(std::string lines,
                   ReadWholeFile(PathOf(state_dir, kRepairedMarker), kMaxRepairedBytes));
  if (absl::EndsWith(lines, "\n")) lines.pop_back();
  std::string out;
  for (const char c : lines) {
    if (c == '\n') {
      out += "; ";
    } else {
      out += absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '?';
    }
  }
  return out;
}

// Its name alone counts, and it is made under that name: a temporary file left in the folder by a
// crash would look like keys that were used.
absl::Status WriteCreatingMarker(const std::string& key_dir) {
  ASSIGN_OR_RETURN(const PosixFile file,
                   PosixFile::Open(PathOf(key_dir, kCreatingMarker), O_WRONLY | O_CREAT));
  RETURN_IF_ERROR(file.WriteAt(0, absl::StrCat(kCreatingMarker, "\n")));
  RETURN_IF_ERROR(file.Sync());
  return SyncDirectory(key_dir);
}

bool HasMarker(const std::string& dir, const std::string& name) {
  return PathExists(PathOf(dir, name));
}

absl::Status RemoveMarker(const std::string& dir, const std::string& name) {
  if (!HasMarker(dir, name)) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveFile(PathOf(dir, name)));
  return SyncDirectory(dir);
}

}  // namespace auditledger
