#include "verifier/export_dir.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/leaf.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

std::string Join(const std::string& dir, absl::string_view relative) {
  return absl::StrCat(dir, "/", relative);
}

// What was said at a former size may have given way to the full form.
template <typename PathOf>
absl::StatusOr<std::string> ReadPartialOrFull(const std::string& dir, const PathOf& path_of,
                                              uint64_t width, size_t max_bytes) {
  absl::StatusOr<std::string> bytes = ReadFileLimited(Join(dir, path_of(width)), max_bytes);
  if (absl::IsNotFound(bytes.status()) && width < kTileWidth) {
    absl::StatusOr<std::string> full = ReadFileLimited(Join(dir, path_of(kTileWidth)), max_bytes);
    if (full.ok()) return full;
  }
  return bytes;
}

Hash TileRoot(const std::vector<Hash>& hashes) {
  Frontier frontier;
  for (const Hash& hash : hashes) frontier.Append(hash);
  return frontier.Root();
}

uint64_t HashesAtLevel(size_t level, uint64_t size) {
  const size_t shift = level * static_cast<size_t>(kTileHeight);
  return shift < 64 ? size >> shift : 0;
}

}  // namespace

absl::StatusOr<std::string> ExportTileReader::ReadTile(TileId id, uint64_t width) {
  return ReadPartialOrFull(
      dir_, [&](uint64_t w) { return TilePath(id, w); }, width, kMaxTileFileBytes);
}

absl::StatusOr<std::string> ReadEntriesFile(const std::string& dir, uint64_t index,
                                            uint64_t width) {
  return ReadFileLimited(Join(dir, EntriesPath(index, width)), kMaxEntriesFileBytes);
}

absl::StatusOr<std::string> ReadPayloadFile(const std::string& dir, uint64_t index,
                                            uint64_t width) {
  return ReadFileLimited(Join(dir, PayloadPath(index, width)), kMaxPayloadFileBytes);
}

ExportWriter::ExportWriter(std::string dir)
    : dir_(std::move(dir)), folder_(std::make_unique<FolderSink>(dir_)), sink_(*folder_) {}

absl::StatusOr<std::unique_ptr<ExportWriter>> ExportWriter::Open(const std::string& dir) {
  RETURN_IF_ERROR(MakeFolders(dir));
  std::unique_ptr<ExportWriter> writer(new ExportWriter(dir));
  const absl::StatusOr<std::string> note =
      ReadFileLimited(Join(dir, kCheckpointFile), kMaxNoteBytes);
  if (absl::IsNotFound(note.status())) return writer;
  RETURN_IF_ERROR(note.status());
  ASSIGN_OR_RETURN(const Note parsed, ParseNote(*note));
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, ParseCheckpoint(parsed.text));
  RETURN_IF_ERROR(writer->Resume(checkpoint));
  return writer;
}

std::unique_ptr<ExportWriter> ExportWriter::Into(ExportSink& sink) {
  return std::unique_ptr<ExportWriter>(new ExportWriter(sink));
}

absl::Status ExportWriter::Resume(const Checkpoint& checkpoint) {
  size_ = checkpoint.size;
  ExportTileReader tiles(dir_);
  for (size_t level = 0; HashesAtLevel(level, size_) > 0; ++level) {
    const uint64_t hashes = HashesAtLevel(level, size_);
    std::vector<Hash>& edge = levels_.emplace_back();
    const uint64_t width = hashes % kTileWidth;
    if (width == 0) continue;
    const TileId id{static_cast<uint8_t>(level), hashes / kTileWidth};
    ASSIGN_OR_RETURN(const std::string bytes, tiles.ReadTile(id, width));
    if (bytes.size() < width * Hash::kSize) {
      return absl::DataLossError(absl::StrCat(TilePath(id, width), ": is cut short"));
    }
    for (uint64_t i = 0; i < width; ++i) {
      ASSIGN_OR_RETURN(const Hash hash, Hash::FromBytes(absl::string_view(bytes).substr(
                                            i * Hash::kSize, Hash::kSize)));
      edge.push_back(hash);
    }
  }
  const uint64_t width = size_ % kTileWidth;
  if (width != 0) {
    const uint64_t bundle = size_ / kTileWidth;
    ASSIGN_OR_RETURN(const std::string entries, ReadEntriesFile(dir_, bundle, width));
    ASSIGN_OR_RETURN(leaves_, ParseEntryBundle(entries, width));
    openings_.assign(width, std::nullopt);
    const absl::StatusOr<std::string> payload = ReadPayloadFile(dir_, bundle, width);
    if (payload.ok()) {
      ASSIGN_OR_RETURN(openings_, ParsePayloadBundle(*payload, width));
      stale_payloads_.push_back(PayloadPath(bundle, width));
    } else if (!absl::IsNotFound(payload.status())) {
      return payload.status();
    }
  }
  if (Root() != checkpoint.root) {
    return absl::DataLossError(absl::StrCat(dir_, ": its tiles do not lead to the root of its ",
                                            "checkpoint; export into an empty folder"));
  }
  return absl::OkStatus();
}

Hash ExportWriter::Root() const {
  // Each level's edge holds full subtrees, larger ones on higher levels: left to right from the
  // top. Frontiers of the edges, put one after another, are the frontier of the whole.
  std::vector<Hash> nodes;
  for (size_t level = levels_.size(); level-- > 0;) {
    Frontier edge;
    for (const Hash& hash : levels_[level]) edge.Append(hash);
    nodes.insert(nodes.end(), edge.nodes().begin(), edge.nodes().end());
  }
  const absl::StatusOr<Frontier> whole = Frontier::FromNodes(size_, std::move(nodes));
  return whole.ok() ? whole->Root() : Hash();  // the count is right by construction
}

absl::Status ExportWriter::Append(std::string leaf, std::optional<Opening> opening) {
  if (leaf.size() > kMaxLeafBytes) {
    return absl::InvalidArgumentError(absl::StrCat("entry ", size_, ": leaf has ", leaf.size(),
                                                   " bytes, at most ", kMaxLeafBytes));
  }
  const Hash hash = LeafHash(leaf);
  leaves_.push_back(std::move(leaf));
  openings_.push_back(std::move(opening));
  ++size_;
  if (leaves_.size() == kTileWidth) {
    RETURN_IF_ERROR(WriteBundle());
    leaves_.clear();
    openings_.clear();
  }
  return PushHash(0, hash);
}

absl::Status ExportWriter::PushHash(size_t level, const Hash& hash) {
  if (levels_.size() == level) levels_.emplace_back();
  std::vector<Hash>& edge = levels_[level];
  edge.push_back(hash);
  if (edge.size() < kTileWidth) return absl::OkStatus();
  const uint64_t index = HashesAtLevel(level, size_) / kTileWidth - 1;
  RETURN_IF_ERROR(WriteTile({static_cast<uint8_t>(level), index}, edge));
  const Hash root = TileRoot(edge);
  edge.clear();
  return PushHash(level + 1, root);
}

absl::Status ExportWriter::WriteTile(TileId id, const std::vector<Hash>& hashes) {
  std::string bytes;
  bytes.reserve(hashes.size() * Hash::kSize);
  for (const Hash& hash : hashes) absl::StrAppend(&bytes, hash.view());
  return sink_.Put(TilePath(id, hashes.size()), bytes);
}

absl::Status ExportWriter::WriteBundle() {
  const uint64_t index = (size_ - 1) / kTileWidth;
  ASSIGN_OR_RETURN(const std::string entries, EncodeEntryBundle(leaves_));
  RETURN_IF_ERROR(sink_.Put(EntriesPath(index, leaves_.size()), entries));
  for (const std::optional<Opening>& opening : openings_) {
    if (!opening) continue;
    ASSIGN_OR_RETURN(const std::string payload, EncodePayloadBundle(openings_));
    return sink_.Put(PayloadPath(index, openings_.size()), payload);
  }
  return absl::OkStatus();
}

absl::Status ExportWriter::Finish(absl::string_view checkpoint_note) {
  ASSIGN_OR_RETURN(const Note note, ParseNote(checkpoint_note));
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, ParseCheckpoint(note.text));
  if (checkpoint.size != size_ || checkpoint.root != Root()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "export: the checkpoint is of size ", checkpoint.size, " and root ",
        checkpoint.root.ToHex(), ", the entries are ", size_, " and lead to ", Root().ToHex()));
  }
  if (!leaves_.empty()) RETURN_IF_ERROR(WriteBundle());
  for (size_t level = 0; level < levels_.size(); ++level) {
    if (levels_[level].empty()) continue;
    const uint64_t index = HashesAtLevel(level, size_) / kTileWidth;
    RETURN_IF_ERROR(WriteTile({static_cast<uint8_t>(level), index}, levels_[level]));
  }
  RETURN_IF_ERROR(sink_.Commit(std::string(kCheckpointFile), checkpoint_note));

  const uint64_t width = leaves_.size();
  const std::string current = width > 0 ? PayloadPath(size_ / kTileWidth, width) : "";
  for (const std::string& stale : stale_payloads_) {
    if (stale == current) continue;
    const std::filesystem::path path(Join(dir_, stale));
    std::error_code ignored;  // a stale file that stays is checked like any other
    std::filesystem::remove(path, ignored);
    std::filesystem::remove(path.parent_path(), ignored);  // "NNN.p", if it is empty now
  }
  stale_payloads_.clear();
  if (!current.empty()) stale_payloads_.push_back(current);
  return absl::OkStatus();
}

}  // namespace auditledger
