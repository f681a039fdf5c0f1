// What LogMonitor does when a head contradicts the mirror, and with receipts.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/opening.h"
#include "merkle/status_macros.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"
#include "tools/monitor_log.h"

namespace auditledger {
namespace {

// Entries of a damaged bundle that are named; the rest is counted.
constexpr size_t kMaxNamedEntries = 20;
// Past these the rest is not fetched: `compare` counts them all.
constexpr uint64_t kMaxCountedEntries = 1000;

void Add(RoundReport& report, Severity severity, absl::string_view kind, const std::string& place,
         absl::string_view what) {
  report.findings.push_back({severity, std::string(kind), place, std::string(what), ""});
}

}  // namespace

// What a place's tiles say of its head, which is ahead of the mirror: whether the log committed to
// another past (then that is proven). Of what they do not lead to, the head is kept.
absl::StatusOr<LogMonitor::Told> LogMonitor::AskTiles(const Shown& shown, RoundReport& report) {
  const Checkpoint& head = shown.head.checkpoint;
  SourceTiles tiles(*shown.source);
  TileNodeReader nodes(tiles, head.size);
  const absl::StatusOr<Hash> root = RootAt(head.size, nodes);
  const uint64_t known = mirror_.size();
  const absl::StatusOr<Hash> prefix = known == 0 || !root.ok() ? root : RootAt(known, nodes);
  if (prefix.ok() && *root == head.root) {
    if (known == 0 || *prefix == mirror_.head()->checkpoint.root) return Told::kTheSamePast;
    Evidence evidence{.kind = Evidence::Kind::kHistory,
                      .first = mirror_.head()->note,
                      .second = shown.head.note,
                      .prefix = *prefix};
    absl::StatusOr<std::vector<Hash>> proof = ConsistencyProof(known, head.size, nodes);
    if (proof.ok()) evidence.proof = *std::move(proof);
    // Its tiles led to its head, but by other nodes than those of the prefix: these may be made up.
    ASSIGN_OR_RETURN(const EvidencePins pins, Pins());
    if (CheckEvidence(evidence, pins).ok()) {
      RETURN_IF_ERROR(Convict(shown.place, evidence, report).status());
      return Told::kAnotherPast;
    }
  }
  RETURN_IF_ERROR(KeepHead(shown.head));
  return Told::kNothing;
}

// The place's leaves do not lead to its head: is what it shows damaged, or of another past?
absl::Status LogMonitor::Diagnose(const Shown& shown, bool has_leaves, RoundReport& report) {
  const Checkpoint& head = shown.head.checkpoint;
  ASSIGN_OR_RETURN(const Told told, AskTiles(shown, report));
  if (told == Told::kAnotherPast) return absl::OkStatus();
  if (told == Told::kNothing) {
    if (!has_leaves) return absl::OkStatus();  // it shows nothing, which is said already
    Add(report, Severity::kCannotTell, "unproven_head", shown.place,
        absl::StrCat("its tiles do not lead to its signed head of size ", head.size,
                     ", which is kept beside the evidence; it may be of another history"));
    return absl::OkStatus();
  }
  SourceTiles tiles(*shown.source);
  Add(report, Severity::kCannotTell, "damaged", shown.place,
      absl::StrCat("shows other entries than its own tiles and its signed head: ",
                   DamagedEntries(tiles, head)));
  return absl::OkStatus();
}

std::string LogMonitor::DamagedEntries(SourceTiles& tiles, const Checkpoint& head) {
  std::vector<std::string> named;
  uint64_t count = 0;
  for (uint64_t bundle = mirror_.size() / kTileWidth; bundle * kTileWidth < head.size; ++bundle) {
    const uint64_t width = std::min(kTileWidth, head.size - bundle * kTileWidth);
    const absl::StatusOr<std::string> tile = tiles.ReadTile({0, bundle}, width);
    const absl::StatusOr<std::vector<std::string>> leaves = tiles.ReadEntries(bundle, width);
    if (absl::IsUnavailable(leaves.status())) break;  // gone meanwhile
    for (uint64_t i = 0; i < width; ++i) {
      const uint64_t index = bundle * kTileWidth + i;
      if (index < mirror_.size()) continue;
      const bool good = tile.ok() && leaves.ok() &&
                        LeafHash((*leaves)[i]).view() ==
                            absl::string_view(*tile).substr(i * Hash::kSize, Hash::kSize);
      if (good) continue;
      if (++count <= kMaxNamedEntries) named.push_back(absl::StrCat(index));
    }
    if (count > kMaxCountedEntries) break;
  }
  return absl::StrCat(count, " entries: ", absl::StrJoin(named, ", "),
                      count > named.size() ? " ..." : "");
}

absl::Status LogMonitor::CheckShown(const std::string& place, absl::string_view text,
                                    RoundReport& report) {
  if (absl::StartsWith(text, "c2sp.org/tlog-proof")) return CheckReceipt(place, text, report);
  const absl::StatusOr<SignedCheckpoint> head = OpenHead(text, nullptr);
  if (!head.ok()) {
    Add(report, Severity::kCannotTell, "not_this_log", place, head.status().message());
    return absl::OkStatus();
  }
  if (head->checkpoint.size <= mirror_.size()) {
    return CompareWithMirror(place, *head, report).status();
  }
  RETURN_IF_ERROR(KeepHead(*head));
  Add(report, Severity::kCannotTell, "ahead", place,
      absl::StrCat("a head of size ", head->checkpoint.size, " is beyond what any place shows, ",
                   mirror_.size(), " entries; it is kept, ask again later"));
  return absl::OkStatus();
}

absl::Status LogMonitor::CheckReceipt(const std::string& place, absl::string_view text,
                                      RoundReport& report) {
  const auto bad = [&](absl::string_view why) {
    Add(report, Severity::kCannotTell, "bad_receipt", place, why);
    return absl::OkStatus();
  };
  const absl::StatusOr<TlogProof> proof = ParseTlogProof(text);
  if (!proof.ok()) return bad(proof.status().message());
  const auto head = OpenHead(proof->checkpoint, nullptr);
  if (!head.ok()) return bad(head.status().message());
  const auto extra = ParseReceiptExtra(proof->extra.value_or(""));
  if (!extra.ok()) return bad("it does not carry its entry");
  const Hash hash = LeafHash(extra->leaf);
  const absl::Status included = VerifyInclusion(proof->index, head->checkpoint.size, hash,
                                                proof->path, head->checkpoint.root);
  if (!included.ok()) return bad(included.message());
  if (proof->index < mirror_.size()) {
    ASSIGN_OR_RETURN(const std::string leaf, mirror_.Leaf(proof->index));
    if (LeafHash(leaf) != hash) {
      Evidence evidence{.kind = Evidence::Kind::kReceipt,
                        .first = head->note,
                        .second = mirror_.head()->note,
                        .index = proof->index,
                        .first_hash = hash,
                        .second_hash = LeafHash(leaf),
                        .proof = proof->path};
      ASSIGN_OR_RETURN(evidence.second_proof, mirror_.Inclusion(proof->index));
      return Convict(place, evidence, report).status();
    }
  }
  return CheckShown(place, head->note, report);
}

}  // namespace auditledger
