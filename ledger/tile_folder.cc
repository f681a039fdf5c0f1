#include "ledger/tile_folder.h"

#include <fcntl.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ledger/key_history.h"
#include "merkle/hash.h"
#include "merkle/key_change_list.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kCheckpoint[] = "checkpoint";
constexpr char kTemporary[] = "writing.tmp";
constexpr char kLock[] = "lock";
constexpr mode_t kFileMode = 0644;
constexpr mode_t kFolderMode = 0755;

// The daemon's umask takes what a web server needs. Where that cannot be given back, the web server
// says so at its first request.
void MakePublic(const std::string& path, mode_t mode) {
  std::error_code ignored;
  std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode), ignored);
}

absl::Status MakePublicFolder(const std::string& path) {
  const bool there = PathExists(path);
  RETURN_IF_ERROR(MakeDirectory(path, kFolderMode));
  if (!there) MakePublic(path, kFolderMode);
  return absl::OkStatus();
}

template <typename PathOf>
absl::StatusOr<std::string> ReadPartialOrFull(const std::string& dir, uint64_t width,
                                              const PathOf& path_of) {
  const auto read = [&](uint64_t w) {
    return ReadWholeFile(absl::StrCat(dir, "/", path_of(w)), kMaxTileFolderFileBytes);
  };
  absl::StatusOr<std::string> bytes = read(width);
  if (width < kTileWidth && absl::IsNotFound(bytes.status())) return read(kTileWidth);
  return bytes;
}

// Where the partial forms of `path`, that of a full tile or bundle, lie.
std::string PartialsOf(const std::string& path) { return path + ".p"; }

}  // namespace

absl::StatusOr<std::string> TileFolderReader::ReadTile(TileId id, uint64_t width) {
  ASSIGN_OR_RETURN(std::string tile,
                   ReadPartialOrFull(dir_, width, [&](uint64_t w) { return TilePath(id, w); }));
  if (tile.size() < width * Hash::kSize || tile.size() % Hash::kSize != 0) {
    return absl::DataLossError(absl::StrCat(dir_, "/", TilePath(id, width), ": is cut short"));
  }
  return tile;
}

absl::StatusOr<std::vector<std::string>> TileFolderReader::ReadEntries(uint64_t index,
                                                                       uint64_t width) {
  const std::string path = EntriesPath(index, width);
  absl::StatusOr<std::string> bytes =
      ReadWholeFile(absl::StrCat(dir_, "/", path), kMaxTileFolderFileBytes);
  uint64_t count = width;
  if (width < kTileWidth && absl::IsNotFound(bytes.status())) {
    count = kTileWidth;
    bytes =
        ReadWholeFile(absl::StrCat(dir_, "/", EntriesPath(index, count)), kMaxTileFolderFileBytes);
  }
  RETURN_IF_ERROR(bytes.status());
  absl::StatusOr<std::vector<std::string>> leaves = ParseEntryBundle(*bytes, count);
  if (!leaves.ok()) {
    return absl::DataLossError(absl::StrCat(dir_, "/", path, ": ", leaves.status().message()));
  }
  leaves->resize(width);
  return leaves;
}

absl::StatusOr<std::unique_ptr<TileFolder>> TileFolder::Open(Log log) {
  RETURN_IF_ERROR(MakePublicFolder(log.dir));
  ASSIGN_OR_RETURN(PosixFile lock,
                   PosixFile::Open(absl::StrCat(log.dir, "/", kLock), O_RDWR | O_CREAT, kFileMode));
  ASSIGN_OR_RETURN(const bool locked, lock.TryLock());
  if (!locked) {
    return absl::FailedPreconditionError(
        absl::StrCat(log.dir, ": another process writes this folder"));
  }
  std::unique_ptr<TileFolder> folder(new TileFolder(std::move(log), std::move(lock)));
  folder->changes_ = ReadKeyChangesFile(folder->log_.dir, folder->log_.origin);
  for (const LoggedKeyChange& change : folder->log_.key_changes) folder->TakeKeyChange(change);
  const absl::StatusOr<std::string> note =
      ReadWholeFile(absl::StrCat(folder->log_.dir, "/", kCheckpoint), kMaxNoteBytes);
  if (absl::IsNotFound(note.status())) return folder;
  RETURN_IF_ERROR(note.status());
  RETURN_IF_ERROR(folder->Resume(*note));
  return folder;
}

absl::StatusOr<SignedCheckpoint> TileFolder::OpenHead(absl::string_view note) const {
  ASSIGN_OR_RETURN(const KeyChain chain, KeyChain::BuildFromLeaves(log_.key, changes_));
  return OpenCheckpoint(note, log_.origin, chain);
}

// A leaf at a place where another was thought to be takes its place.
void TileFolder::TakeKeyChange(const LoggedKeyChange& change) {
  const auto at = std::lower_bound(
      changes_.begin(), changes_.end(), change,
      [](const LoggedKeyChange& a, const LoggedKeyChange& b) { return a.index < b.index; });
  if (at == changes_.end() || at->index != change.index) {
    changes_.insert(at, change);
  } else {
    *at = change;
  }
}

absl::Status TileFolder::WriteKeyChanges(uint64_t size) {
  KeyChangeList list{log_.origin, 0, {}};
  for (const LoggedKeyChange& change : changes_) {
    if (change.index < size) list.changes.push_back({change.index, change.leaf, {}});
  }
  if (list.changes.empty() || ReadKeyChangesFile(log_.dir, log_.origin) == list.changes) {
    return absl::OkStatus();
  }
  return Write(kKeyChangesFile, FormatKeyChangeList(list));
}

absl::Status TileFolder::Resume(absl::string_view note) {
  absl::StatusOr<SignedCheckpoint> head = OpenHead(note);
  if (!head.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        log_.dir, ": is the folder of another log, or of another key: ", head.status().message()));
  }
  const uint64_t size = head->checkpoint.size;
  TileFolderReader tiles(log_.dir);
  ASSIGN_OR_RETURN(edge_, TreeEdge::Load(size, tiles));
  if (edge_.Root() != head->checkpoint.root) {
    return absl::DataLossError(
        absl::StrCat(log_.dir, ": its tiles do not lead to its head; empty it to start anew"));
  }
  const uint64_t width = size % kTileWidth;
  if (width > 0) {
    ASSIGN_OR_RETURN(const std::string tile, tiles.ReadTile({0, size / kTileWidth}, width));
    ASSIGN_OR_RETURN(leaves_, tiles.ReadEntries(size / kTileWidth, width));
    for (uint64_t i = 0; i < width; ++i) {
      if (LeafHash(leaves_[i]).view() ==
          absl::string_view(tile).substr(i * Hash::kSize, Hash::kSize)) {
        continue;
      }
      return absl::DataLossError(
          absl::StrCat(log_.dir, ": entry ", size - width + i,
                       " is not what its tile says; empty it to start anew"));
    }
  }
  // What a crash kept RemoveStale from.
  for (uint64_t level = 0, hashes = size; hashes >= kTileWidth; ++level, hashes /= kTileWidth) {
    const uint64_t last_full = hashes / kTileWidth - 1;
    filled_.push_back(PartialsOf(TilePath({static_cast<uint8_t>(level), last_full}, kTileWidth)));
    if (level == 0) filled_.push_back(PartialsOf(EntriesPath(last_full, kTileWidth)));
  }
  published_ = *std::move(head);
  return absl::OkStatus();
}

absl::Status TileFolder::Append(std::string leaf) {
  if (leaf.size() > kMaxEntryBytes) {
    return absl::InvalidArgumentError(absl::StrCat("entry ", size(), ": leaf has ", leaf.size(),
                                                   " bytes, at most ", kMaxEntryBytes));
  }
  if (leaf.size() > 1 && leaf[1] == static_cast<char>(EntryKind::kKeyChange)) {
    TakeKeyChange({size(), leaf, {}});
  }
  edge_.Append(LeafHash(leaf));
  leaves_.push_back(std::move(leaf));
  if (leaves_.size() < kTileWidth) return absl::OkStatus();
  const std::string path = EntriesPath(size() / kTileWidth - 1, kTileWidth);
  ASSIGN_OR_RETURN(const std::string bundle, EncodeEntryBundle(leaves_));
  RETURN_IF_ERROR(Write(path, bundle));
  filled_.push_back(PartialsOf(path));
  leaves_.clear();
  return TakeTiles();
}

// Writes tiles that are full; keeps partial ones for the next head.
absl::Status TileFolder::TakeTiles() {
  for (auto& [id, hashes] : edge_.TakeChangedTiles()) {
    if (hashes.size() < kTileWidth * Hash::kSize) {
      partials_[id.level] = {id, std::move(hashes)};
      continue;
    }
    const std::string path = TilePath(id, kTileWidth);
    RETURN_IF_ERROR(Write(path, hashes));
    filled_.push_back(PartialsOf(path));
    const auto partial = partials_.find(id.level);
    if (partial != partials_.end() && partial->second.first == id) partials_.erase(partial);
  }
  return absl::OkStatus();
}

absl::Status TileFolder::WritePartials() {
  if (!leaves_.empty()) {
    ASSIGN_OR_RETURN(const std::string bundle, EncodeEntryBundle(leaves_));
    RETURN_IF_ERROR(Write(EntriesPath(size() / kTileWidth, leaves_.size()), bundle));
  }
  RETURN_IF_ERROR(TakeTiles());
  for (const auto& [level, tile] : partials_) {
    const auto& [id, hashes] = tile;
    RETURN_IF_ERROR(Write(TilePath(id, hashes.size() / Hash::kSize), hashes));
  }
  partials_.clear();
  return absl::OkStatus();
}

absl::Status TileFolder::Publish(absl::string_view note) {
  absl::StatusOr<SignedCheckpoint> head = OpenHead(note);
  if (!head.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(log_.dir, ": not a head of this log: ", head.status().message()));
  }
  if (head->checkpoint.size != size() || head->checkpoint.root != Root()) {
    return absl::FailedPreconditionError(
        absl::StrCat(log_.dir, ": the head is of size ", head->checkpoint.size, " and root ",
                     head->checkpoint.root.ToHex(), ", the leaves are ", size(), " and lead to ",
                     Root().ToHex()));
  }
  RETURN_IF_ERROR(WritePartials());
  RETURN_IF_ERROR(WriteKeyChanges(size()));
  RETURN_IF_ERROR(Write(kCheckpoint, note));
  published_ = *std::move(head);
  RemoveStale();
  return absl::OkStatus();
}

absl::Status TileFolder::Write(const std::string& relative, absl::string_view bytes) {
  RETURN_IF_ERROR(MakeFolders(DirectoryOf(relative)));
  const std::string temporary = absl::StrCat(log_.dir, "/", kTemporary);
  {
    ASSIGN_OR_RETURN(const PosixFile file,
                     PosixFile::Open(temporary, O_WRONLY | O_CREAT | O_TRUNC, kFileMode));
    MakePublic(temporary, kFileMode);
    RETURN_IF_ERROR(file.WriteAt(0, bytes));
    RETURN_IF_ERROR(file.SyncData());
  }
  return RenameDurably(temporary, absl::StrCat(log_.dir, "/", relative));
}

absl::Status TileFolder::MakeFolders(const std::string& relative_dir) {
  if (relative_dir == "." || folders_.contains(relative_dir)) return absl::OkStatus();
  std::string path = log_.dir;
  for (const absl::string_view part : absl::StrSplit(relative_dir, '/')) {
    absl::StrAppend(&path, "/", part);
    RETURN_IF_ERROR(MakePublicFolder(path));
  }
  folders_.insert(relative_dir);
  return absl::OkStatus();
}

// Former partial forms are for readers who are behind: that they go is not worth an error.
void TileFolder::RemoveStale() {
  for (const std::string& folder : stale_) {
    std::error_code ignored;
    std::filesystem::remove_all(absl::StrCat(log_.dir, "/", folder), ignored);
    folders_.erase(folder);
  }
  stale_ = std::move(filled_);
  filled_.clear();
}

}  // namespace auditledger
