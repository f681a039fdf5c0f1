#include "ledger/backup_index.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "ledger/key_history.h"
#include "ledger/posix_file.h"
#include "merkle/bytes.h"
#include "merkle/frontier.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

constexpr absl::string_view kManifestLabel = "auditledger-backup/v1 ";
// With its closing 0x00.
constexpr absl::string_view kDigestLabel("auditledger/backup/v1", 22);

absl::Status In(absl::string_view file, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(file, ": ", status.message()));
}

absl::Status ReadManifest(absl::string_view text, BackupManifest& manifest) {
  absl::string_view line;
  RETURN_IF_ERROR(TakeLine("manifest", text, line));
  if (!absl::ConsumePrefix(&line, kManifestLabel)) {
    return absl::FailedPreconditionError("is no manifest of a backup of version 1");
  }
  manifest.origin = std::string(line);
  while (!text.empty()) {
    BackupManifest::Line& increment = manifest.lines.emplace_back();
    RETURN_IF_ERROR(TakeLine("manifest", text, line));
    const size_t space = line.find(' ');
    if (space == absl::string_view::npos) return absl::DataLossError("a line without a digest");
    ASSIGN_OR_RETURN(increment.size, ParseDecimal("size", line.substr(0, space)));
    ASSIGN_OR_RETURN(increment.digest, Hash::FromBase64(line.substr(space + 1)));
    const size_t count = manifest.lines.size();
    if (increment.size <= (count < 2 ? 0 : manifest.lines[count - 2].size)) {
      return absl::DataLossError("its sizes do not rise");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<BackupSegmentName>> ListSegments(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  std::vector<BackupSegmentName> out;
  for (const std::string& name : names) {
    const absl::StatusOr<BackupSegmentName> segment = ParseSegmentName(name);
    if (segment.ok()) out.push_back(*segment);
  }
  return out;  // names sort as their numbers do
}

// Takes the segments that tile [begin, end) off the front of `segments`.
absl::Status TakeSegments(const std::string& dir, uint64_t begin, uint64_t end, size_t& next,
                          const std::vector<BackupSegmentName>& segments,
                          BackupIncrement& increment, std::vector<Hash>& digests) {
  while (begin < end) {
    if (next == segments.size() || segments[next].first != begin || segments[next].end <= begin ||
        segments[next].end > end) {
      return absl::DataLossError(absl::StrCat(
          dir, ": the segment that begins with entry ", begin,
          " is missing, or another does not fit: the entries up to ", end, " are not whole"));
    }
    ASSIGN_OR_RETURN(digests.emplace_back(),
                     BackupSegmentDigest(BackupSegmentPath(dir, segments[next])));
    increment.segments.push_back(segments[next]);
    begin = segments[next++].end;
  }
  return absl::OkStatus();
}

absl::StatusOr<BackupManifest> LoadManifest(const std::string& dir, const NoteVerifier& key) {
  const std::string path = BackupManifestPath(dir);
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxBackupManifestBytes));
  auto manifest = ParseBackupManifest(text);
  RETURN_IF_ERROR(In(path, manifest.status()));
  if (manifest->origin == key.name()) return manifest;
  return absl::FailedPreconditionError(absl::StrCat(dir, " is the backup of ", manifest->origin,
                                                    ", and the key given is of ", key.name()));
}

}  // namespace

std::string BackupManifestPath(const std::string& dir) { return absl::StrCat(dir, "/manifest"); }
std::string BackupHeadPath(const std::string& dir, uint64_t size) {
  return absl::StrFormat("%s/head-%016x", dir, size);
}
std::string BackupSegmentPath(const std::string& dir, const BackupSegmentName& name) {
  return absl::StrCat(dir, "/", FormatSegmentName(name));
}

absl::StatusOr<Hash> BackupSegmentDigest(const std::string& path) {
  ASSIGN_OR_RETURN(const PosixFile file, PosixFile::Open(path, O_RDONLY));
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  if (size < Hash::kSize) return absl::DataLossError(absl::StrCat(path, ": is cut short"));
  ASSIGN_OR_RETURN(const std::string bytes, file.ReadExactly(size - Hash::kSize, Hash::kSize));
  return Hash::FromBytes(bytes);
}

std::string FormatBackupManifest(const BackupManifest& manifest) {
  std::string out = absl::StrCat(kManifestLabel, manifest.origin, "\n");
  for (const BackupManifest::Line& line : manifest.lines) {
    absl::StrAppend(&out, line.size, " ", line.digest.ToBase64(), "\n");
  }
  return out;
}

absl::StatusOr<BackupManifest> ParseBackupManifest(absl::string_view text) {
  BackupManifest manifest;
  const absl::Status status = ReadManifest(text, manifest);
  if (status.ok()) return manifest;
  if (absl::IsFailedPrecondition(status)) return status;
  return absl::DataLossError(status.message());
}

Hash BackupDigest(const Hash& before, absl::string_view origin, uint64_t size,
                  const std::vector<Hash>& segments, absl::string_view note) {
  std::string framed;
  PutBytes16(framed, origin);
  PutU64(framed, size);
  for (const Hash& segment : segments) absl::StrAppend(&framed, segment.view());
  return Sha256({kDigestLabel, before.view(), framed, note});
}

absl::StatusOr<BackupIndex> LoadBackupIndex(const std::string& dir, const NoteVerifier& key) {
  BackupIndex index;
  ASSIGN_OR_RETURN(const std::vector<BackupSegmentName> segments, ListSegments(dir));
  const absl::StatusOr<BackupManifest> manifest = LoadManifest(dir, key);
  if (absl::IsNotFound(manifest.status())) {
    index.unproven = segments;
    return index;
  }
  RETURN_IF_ERROR(manifest.status());
  ASSIGN_OR_RETURN(const KeyChain chain,
                   KeyChain::BuildFromLeaves(key, ReadKeyChangesFile(dir, key.name())));
  size_t next = 0;
  Hash before;
  for (const BackupManifest::Line& line : manifest->lines) {
    BackupIncrement increment;
    const std::string head_path = BackupHeadPath(dir, line.size);
    auto note = ReadWholeFile(head_path, kMaxNoteBytes);
    if (absl::IsNotFound(note.status())) {
      return absl::DataLossError(absl::StrCat(head_path, " is missing"));
    }
    RETURN_IF_ERROR(note.status());
    auto head = OpenCheckpoint(*note, key.name(), chain);
    RETURN_IF_ERROR(In(head_path, head.status()));
    increment.head = *std::move(head);
    if (increment.head.checkpoint.size != line.size) {
      return absl::DataLossError(absl::StrCat(head_path, ": is a head of another size"));
    }
    std::vector<Hash> digests;
    RETURN_IF_ERROR(TakeSegments(dir, index.size(), line.size, next, segments, increment, digests));
    increment.digest = BackupDigest(before, key.name(), line.size, digests, *note);
    if (increment.digest != line.digest) {
      return absl::DataLossError(
          absl::StrCat(dir, ": segments or head of the increment up to entry ", line.size,
                       " are not those its manifest was written for"));
    }
    before = increment.digest;
    index.increments.push_back(std::move(increment));
  }
  index.unproven.assign(segments.begin() + static_cast<std::ptrdiff_t>(next), segments.end());
  return index;
}

}  // namespace auditledger
