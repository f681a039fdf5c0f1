#include "verifier/erasures.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/note.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"
#include "merkle/tile.h"
#include "merkle/verify.h"
#include "verifier/entry_check.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"
#include "verifier/key_changes.h"

namespace auditledger {
namespace {

// The leaf of entry `index`, proven to be under the head.
absl::StatusOr<Leaf> ProvenLeaf(const std::string& dir, const Checkpoint& head, uint64_t index) {
  const uint64_t bundle = index / kTileWidth;
  const uint64_t width = TileWidthAt({0, bundle}, head.size);
  ASSIGN_OR_RETURN(const std::string bytes, ReadEntriesFile(dir, bundle, width));
  ASSIGN_OR_RETURN(const std::vector<std::string> leaves, ParseEntryBundle(bytes, width));
  const std::string& leaf = leaves[index % kTileWidth];
  ExportTileReader tiles(dir);
  TileNodeReader nodes(tiles, head.size);
  ASSIGN_OR_RETURN(const std::vector<Hash> proof, InclusionProof(index, head.size, nodes));
  RETURN_IF_ERROR(VerifyInclusion(index, head.size, LeafHash(leaf), proof, head.root));
  return ParseLeaf(leaf);
}

std::optional<ProvenErasure> Prove(const std::string& dir, const Checkpoint& head, uint64_t index,
                                   const ErasureHistory& erasures) {
  const std::optional<uint64_t> by = erasures.ErasedBy(index);
  if (!by || *by >= head.size) return std::nullopt;
  absl::StatusOr<Leaf> leaf = ProvenLeaf(dir, head, *by);
  if (!leaf.ok()) return std::nullopt;
  return ProvenErasure{*by, *std::move(leaf)};
}

}  // namespace

std::optional<ProvenErasure> FindErasure(const std::string& dir, const Checkpoint& head,
                                         uint64_t index) {
  return Prove(dir, head, index, ReadLandmarks(dir, head.size).erasures);
}

std::optional<ProvenErasure> FindErasureIn(const std::string& dir, const Pin& pin, uint64_t index) {
  const auto note = ReadFileLimited(absl::StrCat(dir, "/", kCheckpointFile), kMaxNoteBytes);
  const auto parsed = note.ok() ? ParseNote(*note) : note.status();
  const auto claimed = parsed.ok() ? ParseCheckpoint(parsed->text) : parsed.status();
  if (!claimed.ok()) return std::nullopt;
  const Landmarks landmarks = ReadLandmarks(dir, claimed->size);
  const auto head = OpenRotated(*note, pin, landmarks.key_changes);
  if (!head.ok()) return std::nullopt;
  return Prove(dir, head->checkpoint, index, landmarks.erasures);
}

void ReportErasure(uint64_t index, const ProvenErasure& erasure, bool shown, Verdict& verdict) {
  ErasedEntries entries;
  entries.by = erasure.by;
  (shown ? entries.shown_count : entries.count) = 1;
  (shown ? entries.shown : entries.entries) = absl::StrCat(index);
  verdict.erased.push_back(std::move(entries));
  verdict.proven.push_back(ErasureText(erasure.by, erasure.leaf));
  verdict.not_proven.push_back(
      shown ? absl::StrCat("that it was carried out: the event was erased by entry ", erasure.by,
                           ", yet it is shown here")
            : absl::StrCat("what the event says: erased by entry ", erasure.by));
}

}  // namespace auditledger
