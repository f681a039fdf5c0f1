#include "ledger/fsck_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/stream_table.h"
#include "merkle/frontier.h"
#include "merkle/tile.h"

namespace auditledger {
namespace {

Hash HashAt(absl::string_view tile, uint64_t i) {
  return *Hash::FromBytes(tile.substr(i * Hash::kSize, Hash::kSize));
}

Hash RootOf(const std::vector<Hash>& hashes) {
  Frontier frontier;
  for (const Hash& hash : hashes) frontier.Append(hash);
  return frontier.Root();
}

// What kinds that this version knows must and must not have; later ones may do as they like.
bool CommitmentFits(const Leaf& leaf) {
  if (CarriesEvent(leaf.kind)) return leaf.commitment.has_value();
  return leaf.kind > EntryKind::kErasureRequest || !leaf.commitment.has_value();
}

const char* NameOf(RecordKind kind) {
  if (kind == RecordKind::kLeaf) return "leaf";
  return kind == RecordKind::kPayload ? "payload" : "identity record";
}

FindingPart PartOf(RecordKind kind) {
  if (kind == RecordKind::kLeaf) return FindingPart::kLeaf;
  return kind == RecordKind::kPayload ? FindingPart::kPayload : FindingPart::kIdentity;
}

std::string NameOf(TileId id) { return absl::StrCat("tile ", id.level, "/", id.index); }

}  // namespace

LogCheck::LogCheck(Engine& engine, const Head& head, LogCheckOptions options, Findings& findings)
    : engine_(engine),
      tiles_(engine),
      head_(head),
      options_(std::move(options)),
      findings_(findings) {}

void LogCheck::Step() {
  const uint64_t begin = next();
  const uint64_t end = std::min(head_.size, begin + options_.step_entries);
  entries_.clear();
  entries_.resize(end - begin);
  for (uint64_t i = begin; i < end; ++i) entries_[i - begin].index = i;
  ReadLeaves(begin, end);
  ReadIdentities(begin, end);
  if (!options_.skip_payloads) ReadPayloads(begin, end);
  for (const CheckedEntry& entry : entries_) CheckEntry(entry);
  for (uint64_t tile = begin / kTileWidth; tile * kTileWidth < end; ++tile) {
    const uint64_t first = tile * kTileWidth;
    CheckTile(tile, first - begin, std::min(end, first + kTileWidth) - begin);
  }
  CheckUpperTiles();
  if (!options_.on_entry) return;
  for (const CheckedEntry& entry : entries_) options_.on_entry(entry);
}

// One record is not there, or is there and cannot be read: LevelDB passes over a damaged block.
void LogCheck::AddUnread(RecordKind kind, const CheckedEntry& entry, bool missing,
                         const absl::Status& scanned) {
  absl::Status why = scanned;
  if (!why.ok()) {
    const absl::StatusOr<std::string> read = engine_.Read(kind, entry.index);
    why = read.status();
  }
  const bool unreadable = !why.ok() && !absl::IsNotFound(why);
  if (!missing && !unreadable) return;
  findings_.AddEntry(PartOf(kind), entry.index,
                     unreadable
                         ? absl::StrCat("its ", NameOf(kind), " cannot be read: ", why.message())
                         : absl::StrCat("its ", NameOf(kind), " is missing"));
}

void LogCheck::ReadLeaves(uint64_t begin, uint64_t end) {
  std::vector<bool> seen(end - begin);
  const absl::Status scanned =
      engine_.Scan(RecordKind::kLeaf, begin, end, [&](uint64_t index, absl::string_view bytes) {
        CheckedEntry& entry = entries_[index - begin];
        seen[index - begin] = true;
        entry.hash = LeafHash(bytes);
        absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
        entry.has_leaf = leaf.ok();
        if (leaf.ok()) {
          entry.leaf = *std::move(leaf);
        } else {
          findings_.AddEntry(FindingPart::kLeaf, index, leaf.status().message());
        }
        return true;
      });
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i]) continue;
    entries_[i].hash = Hash{};
    AddUnread(RecordKind::kLeaf, entries_[i], true, scanned);
  }
}

void LogCheck::ReadIdentities(uint64_t begin, uint64_t end) {
  std::vector<bool> seen(end - begin);
  const absl::Status scanned =
      engine_.Scan(RecordKind::kIdentity, begin, end, [&](uint64_t index, absl::string_view bytes) {
        CheckedEntry& entry = entries_[index - begin];
        seen[index - begin] = true;
        const absl::StatusOr<IdentityRecord> record = ParseIdentityRecord(bytes);
        if (record.ok()) {
          entry.identity = *record;
        } else {
          findings_.AddEntry(FindingPart::kIdentity, index, record.status().message());
        }
        return true;
      });
  for (size_t i = 0; i < seen.size(); ++i) {
    const CheckedEntry& entry = entries_[i];
    const bool wanted = entry.has_leaf && entry.leaf.commitment.has_value();
    if (seen[i] && entry.has_leaf && !wanted) {
      findings_.AddEntry(FindingPart::kIdentity, entry.index, "it has an identity and no event");
    }
    if (!seen[i] && (wanted || !scanned.ok())) {
      AddUnread(RecordKind::kIdentity, entry, wanted, scanned);
    }
  }
}

void LogCheck::ReadPayloads(uint64_t begin, uint64_t end) {
  const absl::Status scanned =
      engine_.Scan(RecordKind::kPayload, begin, end, [&](uint64_t index, absl::string_view bytes) {
        CheckedEntry& entry = entries_[index - begin];
        entry.has_payload = true;
        if (options_.keep_payloads) entry.payload = std::string(bytes);
        return true;
      });
  for (const CheckedEntry& entry : entries_) {
    const bool wanted = entry.has_leaf && entry.leaf.commitment.has_value();
    if (entry.has_payload && entry.has_leaf && !wanted) {
      findings_.AddEntry(FindingPart::kPayload, entry.index, "it has a payload and no commitment");
    }
    // With keep_payloads whoever gets it knows whether it was erased.
    if (entry.has_payload || (!wanted && scanned.ok())) continue;
    AddUnread(RecordKind::kPayload, entry, wanted && !options_.keep_payloads, scanned);
  }
}

void LogCheck::CheckEntry(const CheckedEntry& entry) {
  const auto wrong = [&](FindingPart part, absl::string_view what) {
    findings_.AddEntry(part, entry.index, what);
  };
  if (entry.identity.has_value()) {
    const uint32_t number = entry.identity->stream_number;
    if (options_.is_stopped && number >= options_.streams && number != kGapsUnknown) {
      wrong(FindingPart::kIdentity,
            absl::StrCat("it names stream ", number, ", of which there are ", options_.streams));
    }
  }
  if (!entry.has_leaf) return;
  if (entry.leaf.recorded_at_us <= last_time_us_) {
    wrong(FindingPart::kLeaf, "it is not recorded after the entry before it");
  }
  last_time_us_ = std::max(last_time_us_, entry.leaf.recorded_at_us);
  if ((entry.leaf.kind == EntryKind::kGenesis) != (entry.index == 0)) {
    wrong(FindingPart::kLeaf, "entry 0 is the genesis, and no other");
  }
  if (!CommitmentFits(entry.leaf)) {
    wrong(FindingPart::kLeaf, absl::StrCat("its kind, ", EntryKindName(entry.leaf.kind),
                                           ", and its commitment do not agree"));
  }
}

// Whether `hashes`, those of level-0 tile `tile`, are what is stored above them.
bool LogCheck::Confirms(uint64_t tile, const std::vector<Hash>& hashes) {
  if (hashes.size() == kTileWidth) {
    const absl::StatusOr<std::string> above =
        tiles_.ReadTile({1, tile / kTileWidth}, tile % kTileWidth + 1);
    return above.ok() && HashAt(*above, tile % kTileWidth) == RootOf(hashes);
  }
  TreeEdge edge = edge_;
  for (const Hash& hash : hashes) edge.Append(hash);
  return edge.size() == head_.size && edge.Root() == head_.root;
}

// Entries [begin, end) of the step are the tile's.
void LogCheck::CheckTile(uint64_t tile, uint64_t begin, uint64_t end) {
  const TileId id{0, tile};
  const size_t width = end - begin;
  absl::StatusOr<std::string> stored = tiles_.ReadTile(id, width);
  if (stored.ok() && options_.is_stopped && stored->size() > width * Hash::kSize) {
    findings_.Add(FindingPart::kTile,
                  absl::StrCat(NameOf(id), " has more than ", width, " hashes"));
  }
  if (!stored.ok()) {
    findings_.Add(FindingPart::kTile, absl::StrCat(NameOf(id), ": ", stored.status().message()));
  }
  std::vector<Hash> derived;
  std::vector<uint64_t> differ;
  bool all_read = true;
  for (size_t i = 0; i < width; ++i) {
    const CheckedEntry& entry = entries_[begin + i];
    const bool is_read = entry.hash != Hash{};
    all_read = all_read && is_read;
    derived.push_back(entry.hash);
    if (stored.ok() && is_read && entry.hash != HashAt(*stored, i)) differ.push_back(entry.index);
  }
  if (!stored.ok() && !all_read) broken_ = true;
  if (!stored.ok() || (differ.empty() && all_read)) {
    for (const Hash& hash : derived) Append(hash);
    return;
  }
  std::vector<Hash> kept;
  for (size_t i = 0; i < width; ++i) kept.push_back(HashAt(*stored, i));
  const bool leaves_are_right = all_read && Confirms(tile, derived);
  const bool tile_is_right = !leaves_are_right && Confirms(tile, kept);
  for (const uint64_t index : differ) {
    if (leaves_are_right) {
      findings_.Add(FindingPart::kTile,
                    absl::StrCat(NameOf(id), ": its hash of entry ", index, " is not the leaf's"));
    } else {
      findings_.AddEntry(FindingPart::kLeaf, index,
                         tile_is_right
                             ? "its leaf is not what was recorded: the tree has another hash of it"
                             : absl::StrCat("its leaf has another hash than ", NameOf(id),
                                            ", and what is above confirms neither"));
    }
  }
  for (const Hash& hash : leaves_are_right ? derived : kept) Append(hash);
}

void LogCheck::Append(const Hash& hash) {
  edge_.Append(hash);
  if (options_.watched_size == edge_.size() && !broken_) watched_root_ = edge_.Root();
}

// A partial tile is rewritten with every commit: it is compared at the end, or when it is full.
void LogCheck::CheckUpperTiles() {
  for (auto& [id, derived] : edge_.TakeChangedTiles()) {
    if (id.level == 0) continue;
    if (derived.size() < kTileWidth * Hash::kSize) {
      partial_[id.level] = {id, std::move(derived)};
      continue;
    }
    partial_.erase(id.level);
    if (!broken_) CheckUpperTile(id, derived);
  }
}

void LogCheck::CheckUpperTile(TileId id, const std::string& derived) {
  const uint64_t width = derived.size() / Hash::kSize;
  const absl::StatusOr<std::string> stored = tiles_.ReadTile(id, width);
  if (!stored.ok()) {
    findings_.Add(FindingPart::kTile, absl::StrCat(NameOf(id), ": ", stored.status().message()));
    return;
  }
  if (options_.is_stopped && stored->size() > derived.size()) {
    findings_.Add(FindingPart::kTile,
                  absl::StrCat(NameOf(id), " has more than ", width, " hashes"));
  }
  for (uint64_t i = 0; i < width; ++i) {
    if (HashAt(*stored, i) == HashAt(derived, i)) continue;
    const uint64_t span = uint64_t{1} << (id.level * kTileHeight);
    const uint64_t first = (id.index * kTileWidth + i) * span;
    findings_.Add(FindingPart::kTile,
                  absl::StrCat(NameOf(id), ": its hash ", i, ", over entries ", first, " to ",
                               first + span - 1, ", is not what the tiles below it give"));
  }
}

void LogCheck::Finish() {
  for (const auto& [level, tile] : partial_) {
    if (!broken_) CheckUpperTile(tile.first, tile.second);
  }
  if (broken_) {
    findings_.Add(FindingPart::kHead, "no root can be derived: leaves and their tiles are missing");
  } else if (edge_.Root() != head_.root) {
    findings_.Add(FindingPart::kHead, absl::StrCat("the log has root ", edge_.Root().ToHex(),
                                                   ", its head says ", head_.root.ToHex()));
  }
  if (last_time_us_ != head_.time_us && !entries_.empty() && entries_.back().has_leaf) {
    findings_.Add(FindingPart::kHead, "its time is not that of the last entry");
  }
}

}  // namespace auditledger
