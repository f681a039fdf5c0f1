#include "verifier/export_archive.h"

#include <algorithm>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "merkle/tile.h"
#include "merkle/timestamp.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

// Where the fields of a header are that differ from file to file.
constexpr size_t kSizeAt = 124;
constexpr size_t kSizeDigits = 11;
constexpr size_t kChecksumAt = 148;
constexpr size_t kChecksumBytes = 8;

std::optional<size_t> TimestampLimit(absl::string_view name) {
  for (const auto& [suffix, limit] :
       {std::pair<absl::string_view, size_t>(".checkpoint", kMaxNoteBytes),
        {".tst", kMaxTimestampBytes},
        {".tlog-proof", kMaxProofFileBytes}}) {
    absl::string_view stem = name;
    if (absl::ConsumeSuffix(&stem, suffix) && IsTimestampFileStem(stem)) return limit;
  }
  return std::nullopt;
}

// Fills `to`; fewer bytes only where the source ends.
absl::StatusOr<size_t> ReadFully(ByteSource source, std::string& to) {
  size_t used = 0;
  while (used < to.size()) {
    ASSIGN_OR_RETURN(const size_t got, source(to.data() + used, to.size() - used));
    if (got == 0) break;
    used += got;
  }
  return used;
}

absl::StatusOr<std::string> ReadExactly(ByteSource source, size_t size) {
  std::string bytes(size, '\0');
  ASSIGN_OR_RETURN(const size_t got, ReadFully(source, bytes));
  if (got == size) return bytes;
  return absl::DataLossError("archive: ends early");
}

struct FileHeader {
  std::string name;
  size_t size = 0;
};

absl::StatusOr<FileHeader> ParseHeaderBlock(absl::string_view block) {
  FileHeader header;
  header.name = std::string(block.substr(0, std::min(block.find('\0'), kMaxArchiveName)));
  for (const char digit : block.substr(kSizeAt, kSizeDigits)) {
    if (digit < '0' || digit > '7') return absl::DataLossError("archive: a size is no number");
    header.size = header.size * 8 + static_cast<size_t>(digit - '0');
  }
  const std::optional<size_t> limit = ExportFileLimit(header.name);
  if (!limit) {
    return absl::DataLossError(
        absl::StrCat("archive: no export has a file named '", absl::CHexEscape(header.name), "'"));
  }
  if (header.size > *limit) {
    return absl::DataLossError(
        absl::StrCat("archive: ", header.name, " has ", header.size, " bytes, at most ", *limit));
  }
  if (block == ArchiveHeader(header.name, header.size)) return header;
  return absl::DataLossError(
      absl::StrCat("archive: the header of ", header.name, " is not as export writes it"));
}

// Behind the first block of zeros.
absl::Status CheckEnd(ByteSource source) {
  std::string rest(kArchiveBlock + 1, '\0');
  ASSIGN_OR_RETURN(const size_t got, ReadFully(source, rest));
  rest.resize(got);
  if (rest == std::string(kArchiveBlock, '\0')) return absl::OkStatus();
  return absl::DataLossError("archive: does not end as export ends it");
}

}  // namespace

std::optional<size_t> ExportFileLimit(absl::string_view name) {
  if (name == kCheckpointFile) return kMaxNoteBytes;
  if (name == kVkeyFile) return kMaxKeyFileBytes;
  if (absl::ConsumePrefix(&name, "timestamps/")) return TimestampLimit(name);
  if (absl::ConsumePrefix(&name, "payload/")) {
    const bool known = ParseTilePath(absl::StrCat("tile/entries/", name)).ok();
    return known ? std::optional<size_t>(kMaxPayloadFileBytes) : std::nullopt;
  }
  const absl::StatusOr<ParsedTilePath> tile = ParseTilePath(name);
  if (!tile.ok()) return std::nullopt;
  return tile->entries ? kMaxEntriesFileBytes : kMaxTileFileBytes;
}

std::string ArchiveHeader(absl::string_view name, size_t size) {
  constexpr absl::string_view kNumber = "0000000";
  std::string header(name);
  header.resize(kMaxArchiveName, '\0');
  absl::StrAppend(&header, "0000600", absl::string_view("\0", 1));
  for (int owner_and_group = 0; owner_and_group < 2; ++owner_and_group) {
    absl::StrAppend(&header, kNumber, absl::string_view("\0", 1));
  }
  absl::StrAppend(&header, absl::StrFormat("%011o", size), absl::string_view("\0", 1));
  absl::StrAppend(&header, "00000000000", absl::string_view("\0", 1));
  header.append(kChecksumBytes, ' ');
  header.push_back('0');
  header.resize(257, '\0');
  absl::StrAppend(&header, "ustar", absl::string_view("\0", 1), "00");
  header.resize(kArchiveBlock, '\0');
  unsigned int sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  // Six digits, a zero byte and the space that stands there.
  header.replace(kChecksumAt, kChecksumBytes - 1, absl::StrFormat("%06o", sum).append(1, '\0'));
  return header;
}

std::string ArchivePadding(size_t size) {
  return std::string((kArchiveBlock - size % kArchiveBlock) % kArchiveBlock, '\0');
}

absl::Status ReadArchive(ByteSource source, ExportSink& files) {
  std::set<std::string> seen;
  while (true) {
    ASSIGN_OR_RETURN(const std::string block, ReadExactly(source, kArchiveBlock));
    if (block == std::string(kArchiveBlock, '\0')) return CheckEnd(source);
    ASSIGN_OR_RETURN(const FileHeader header, ParseHeaderBlock(block));
    if (!seen.insert(header.name).second) {
      return absl::DataLossError(absl::StrCat("archive: has ", header.name, " twice"));
    }
    ASSIGN_OR_RETURN(const std::string bytes, ReadExactly(source, header.size));
    ASSIGN_OR_RETURN(const std::string padding,
                     ReadExactly(source, ArchivePadding(header.size).size()));
    if (padding != ArchivePadding(header.size)) {
      return absl::DataLossError(
          absl::StrCat("archive: ", header.name, " is not followed by zeros"));
    }
    RETURN_IF_ERROR(files.Put(header.name, bytes));
  }
}

}  // namespace auditledger
