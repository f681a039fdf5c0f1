#include "verifier/folder_walk.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/opening.h"
#include "merkle/status_macros.h"
#include "merkle/tile.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

namespace fs = std::filesystem;

class FolderWalk {
 public:
  FolderWalk(const std::string& dir, uint64_t size, const BundleRules& rules, Findings& findings)
      : dir_(dir), size_(size), rules_(rules), findings_(findings) {}

  void Walk(const char* folder) {
    std::error_code error;
    const fs::path root = fs::path(dir_) / folder;
    if (!fs::exists(root, error)) return;  // the files that must be there are missed elsewhere
    fs::recursive_directory_iterator entry(root, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      std::error_code ignored;
      const fs::file_status status = entry->symlink_status(ignored);
      if (fs::is_directory(status)) continue;
      const std::string relative = entry->path().lexically_relative(dir_).generic_string();
      if (!fs::is_regular_file(status)) {
        findings_.CannotTell(absl::StrCat(relative, ": is not a regular file"));
        continue;
      }
      CheckFile(relative);
    }
    if (error) findings_.CannotTell(absl::StrCat(root.string(), ": ", error.message()));
  }

 private:
  void CheckFile(const std::string& relative) {
    std::string as_tile = relative;
    const bool payload = absl::StartsWith(relative, "payload/");
    if (payload) as_tile = absl::StrCat("tile/entries/", absl::StripPrefix(relative, "payload/"));
    const absl::StatusOr<ParsedTilePath> path = ParseTilePath(as_tile);
    if (!path.ok()) {
      findings_.CannotTell(absl::StrCat(relative, ": does not belong to the log"));
      return;
    }
    const uint64_t width = TileWidthAt(path->id, size_);  // entries have level 0
    if (path->width == width) return;
    if (path->width > width) {
      findings_.CannotTell(absl::StrCat(relative, ": is beyond the head; nothing vouches for it"));
      return;
    }
    const absl::Status status =
        payload ? CheckFormerPayload(*path, width) : CheckFormerPart(*path, width);
    if (!status.ok()) findings_.AddStatus(relative, status);
  }

  absl::Status CheckFormerPart(const ParsedTilePath& path, uint64_t width) {
    const size_t limit = path.entries ? kMaxEntriesFileBytes : kMaxTileFileBytes;
    const auto read = [&](uint64_t w) {
      return ReadFileLimited(
          absl::StrCat(dir_, "/",
                       path.entries ? EntriesPath(path.id.index, w) : TilePath(path.id, w)),
          limit);
    };
    ASSIGN_OR_RETURN(const std::string former, read(path.width));
    const absl::StatusOr<std::string> current = read(width);
    if (!current.ok()) return absl::UnavailableError("what has taken its place cannot be read");
    if (!absl::StartsWith(*current, former)) {
      return absl::DataLossError("is not the beginning of what has taken its place");
    }
    if (path.entries) return ParseEntryBundle(former, path.width).status();
    if (former.size() == path.width * Hash::kSize) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("has ", former.size(), " bytes"));
  }

  absl::Status CheckFormerPayload(const ParsedTilePath& path, uint64_t width) {
    ASSIGN_OR_RETURN(const std::string entries, ReadEntriesFile(dir_, path.id.index, width));
    ASSIGN_OR_RETURN(std::vector<std::string> leaves, ParseEntryBundle(entries, width));
    leaves.resize(path.width);
    BundleFiles files;
    files.bundle = path.id.index;
    files.width = path.width;
    files.entries = EncodeEntryBundle(leaves);
    files.payload = ReadPayloadFile(dir_, path.id.index, path.width);
    ExportTileReader tiles(dir_);
    files.tile = tiles.ReadTile({0, path.id.index}, width);
    if (files.tile.ok()) files.tile = files.tile->substr(0, path.width * Hash::kSize);
    const BundleResult result = CheckBundle(rules_, files);
    if (result.findings.empty()) return absl::OkStatus();
    return absl::DataLossError(result.findings.kept().front().text);
  }

  const std::string& dir_;
  const uint64_t size_;
  const BundleRules& rules_;
  Findings& findings_;
};

}  // namespace

void CheckOtherFiles(const std::string& dir, uint64_t size, const BundleRules& rules,
                     Findings& findings) {
  FolderWalk walk(dir, size, rules, findings);
  walk.Walk("tile");
  walk.Walk("payload");
}

}  // namespace auditledger
