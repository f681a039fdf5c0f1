#include "verifier/key_changes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "merkle/leaf.h"
#include "merkle/note.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"
#include "merkle/tile.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"
#include "verifier/verdict.h"

namespace auditledger {
namespace {

// The kind without parsing the leaf: of most of them nothing else is asked here.
EntryKind KindOf(absl::string_view leaf) {
  return leaf.size() < 2 ? EntryKind::kEvent
                         : static_cast<EntryKind>(static_cast<uint8_t>(leaf[1]));
}

const LoggedKeyChange* FindAt(const std::vector<LoggedKeyChange>& changes, uint64_t index) {
  for (const LoggedKeyChange& change : changes) {
    if (change.index == index) return &change;
  }
  return nullptr;
}

// How many entries the export says it has: its files are named by that. A hint.
uint64_t ClaimedSize(const std::string& dir) {
  const auto bytes = ReadFileLimited(absl::StrCat(dir, "/", kCheckpointFile), kMaxNoteBytes);
  const auto note = bytes.ok() ? ParseNote(*bytes) : bytes.status();
  const auto head = note.ok() ? ParseCheckpoint(note->text) : note.status();
  return head.ok() ? head->size : 0;
}

// What the export shows of them, each with its proof under the head of `size`.
std::vector<LoggedKeyChange> Exported(const std::string& dir, uint64_t size) {
  std::vector<LoggedKeyChange> out;
  ExportTileReader tiles(dir);
  const uint64_t exported = ClaimedSize(dir);
  for (LoggedKeyChange& change : ReadLandmarks(dir, exported).key_changes) {
    TileNodeReader nodes(tiles, std::max(size, exported));
    auto proof = InclusionProof(change.index, size, nodes);
    if (!proof.ok()) continue;  // tiles are missing, or the change lies beyond the head
    change.inclusion = *std::move(proof);
    out.push_back(std::move(change));
  }
  return out;
}

// A leaf that does not parse is reported where all are checked.
void TakeErasure(uint64_t index, absl::string_view entry, Landmarks& out) {
  const absl::StatusOr<Leaf> leaf = ParseLeaf(entry);
  if (!leaf.ok()) return;
  const absl::Status fits = out.erasures.Add(index, leaf->kind, leaf->body);
  if (fits.ok() || out.broken_erasures.size() >= kMaxReasons) return;
  out.broken_erasures.push_back(
      absl::StrCat("entry ", index, " (", EntryKindName(leaf->kind), "): ", fits.message()));
}

void TakeIndexHead(uint64_t index, absl::string_view entry, Landmarks& out) {
  const absl::StatusOr<Leaf> leaf = ParseLeaf(entry);
  const absl::StatusOr<IndexHead> head = leaf.ok() ? ParseIndexHead(leaf->body) : leaf.status();
  if (head.ok()) out.index_heads.push_back({index, *head});
}

}  // namespace

Landmarks ReadLandmarks(const std::string& dir, uint64_t size) {
  Landmarks out;
  for (uint64_t bundle = 0; bundle * kTileWidth < size; ++bundle) {
    const uint64_t width = std::min(kTileWidth, size - bundle * kTileWidth);
    const absl::StatusOr<std::string> bytes = ReadEntriesFile(dir, bundle, width);
    auto entries = bytes.ok() ? ParseEntryBundle(*bytes, width) : bytes.status();
    if (!entries.ok()) return out;
    for (uint64_t i = 0; i < width; ++i) {
      std::string& entry = (*entries)[i];
      const uint64_t index = bundle * kTileWidth + i;
      if (KindOf(entry) == EntryKind::kKeyChange && out.key_changes.size() <= kMaxKeyChanges) {
        out.key_changes.push_back({index, std::move(entry), {}});
      } else if (KindOf(entry) == EntryKind::kFreeze && !out.freeze.has_value()) {
        const absl::StatusOr<Leaf> leaf = ParseLeaf(entry);
        const absl::StatusOr<Freeze> freeze = leaf.ok() ? ParseFreeze(leaf->body) : leaf.status();
        out.freeze = {index, freeze.ok() ? *freeze : Freeze()};
      } else if (KindOf(entry) == EntryKind::kIndexHead) {
        TakeIndexHead(index, entry, out);
      } else if (ErasureHistory::Takes(KindOf(entry))) {
        TakeErasure(index, entry, out);
      }
    }
  }
  return out;
}

std::string FreezeText(const std::pair<uint64_t, Freeze>& freeze) {
  const auto& [index, body] = freeze;
  std::string out = absl::StrCat("the log ends: entry ", index, " freezes it");
  if (!body.successor_origin.empty()) {
    absl::StrAppend(&out, " and names ", body.successor_origin, " as its successor");
  }
  if (body.confirmed_size > 0 && body.confirmed_size < index) {
    absl::StrAppend(&out, "; entries ", body.confirmed_size, " to ", index - 1,
                    " came after the last head that, by the operator's word, somebody outside had "
                    "confirmed");
  }
  return out;
}

absl::StatusOr<KeyChain> ChainOf(const Pin& pin, const std::vector<LoggedKeyChange>& changes) {
  absl::Status first;
  for (const NoteVerifier& key : PinnedKeys(pin)) {
    absl::StatusOr<KeyChain> chain = KeyChain::BuildFromLeaves(key, changes);
    if (chain.ok()) return chain;
    if (first.ok()) first = chain.status();
  }
  return first;
}

absl::StatusOr<SignedCheckpoint> OpenRotated(absl::string_view note, const Pin& pin,
                                             const std::vector<LoggedKeyChange>& changes,
                                             NoteVerifier* signed_by) {
  if (changes.empty()) return OpenPinned(note, pin, signed_by);
  ASSIGN_OR_RETURN(const KeyChain chain, ChainOf(pin, changes));
  ASSIGN_OR_RETURN(const Note parsed, ParseNote(note));
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, ParseCheckpoint(parsed.text));
  absl::Status first;
  for (const NoteVerifier& key : chain.KeysOf(checkpoint.size)) {
    absl::StatusOr<SignedCheckpoint> head = OpenCheckpoint(note, pin.origin, key);
    if (head.ok()) {
      if (signed_by != nullptr) *signed_by = key;
      return head;
    }
    first = head.status();
  }
  return absl::Status(
      first.code(),
      absl::StrCat(first.message(), " (the log's key was rotated; at size ", checkpoint.size,
                   " it is ", chain.KeysOf(checkpoint.size).back().ToVkey(), ")"));
}

absl::StatusOr<ChangesForHead> JoinChanges(std::vector<LoggedKeyChange> remembered,
                                           const std::optional<KeyChangeList>& given,
                                           const std::string& log_dir, const Pin& pin,
                                           uint64_t size) {
  ChangesForHead out;
  out.changes = std::move(remembered);
  std::vector<LoggedKeyChange> more;
  if (given.has_value()) {
    if (given->origin != pin.origin) {
      return absl::FailedPreconditionError(
          absl::StrCat("the key changes given are those of ", given->origin));
    }
    if (given->size == size) more = given->changes;
  }
  if (!log_dir.empty()) {
    for (LoggedKeyChange& change : Exported(log_dir, size)) {
      if (FindAt(more, change.index) == nullptr) more.push_back(std::move(change));
    }
  }
  for (LoggedKeyChange& change : more) {
    // What is remembered needs no proof; another leaf at its place is for the comparison of heads.
    if (change.index >= size || FindAt(out.changes, change.index) != nullptr) continue;
    out.unproven.push_back(change);
    out.changes.push_back(std::move(change));
  }
  std::sort(out.changes.begin(), out.changes.end(),
            [](const LoggedKeyChange& a, const LoggedKeyChange& b) { return a.index < b.index; });
  return out;
}

Pin WithFirstKey(const Pin& pin, const std::vector<LoggedKeyChange>& changes) {
  Pin out = pin;
  const absl::StatusOr<KeyChain> chain = ChainOf(pin, changes);
  if (chain.ok() && !changes.empty()) out.other_keys.push_back(chain->first());
  return out;
}

}  // namespace auditledger
