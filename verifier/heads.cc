#include "verifier/heads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/note.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"
#include "merkle/tile.h"
#include "merkle/verify.h"
#include "verifier/export_dir.h"

namespace auditledger {
namespace {

using Kind = HeadRelation::Kind;

std::string HeadName(const Checkpoint& head) {
  return absl::StrCat("size ", head.size, ", root ", head.root.ToHex());
}

bool IsOf(absl::string_view note, const Checkpoint& head) {
  const absl::StatusOr<Note> parsed = ParseNote(note);
  if (!parsed.ok()) return false;
  const absl::StatusOr<Checkpoint> checkpoint = ParseCheckpoint(parsed->text);
  return checkpoint.ok() && checkpoint->origin == head.origin && checkpoint->size == head.size &&
         checkpoint->root == head.root;
}

HeadRelation RelateByTiles(const Checkpoint& older, const Checkpoint& newer, Kind if_proven,
                           const std::string& dir) {
  ExportTileReader tiles(dir);
  TileNodeReader nodes(tiles, newer.size);
  const absl::StatusOr<Hash> new_root = RootAt(newer.size, nodes);
  const absl::StatusOr<Hash> old_root = RootAt(older.size, nodes);
  if (!new_root.ok() || !old_root.ok()) {
    const absl::Status& why = new_root.ok() ? old_root.status() : new_root.status();
    return {Kind::kUnproven, absl::StrCat("the export's tiles cannot be read: ", why.message())};
  }
  if (*new_root != newer.root) {
    return {Kind::kUnproven, "the export's tiles do not lead to the larger head"};
  }
  // The larger signed head commits to leaves whose first part has another root than was signed.
  if (*old_root != older.root) {
    return {Kind::kFork, absl::StrCat("the first ", older.size, " entries under the larger head ",
                                      "have root ", old_root->ToHex(), ", not the smaller head's")};
  }
  return {if_proven, "proven by the export's tiles"};
}

void KeepEvidence(const SignedCheckpoint& known, const SignedCheckpoint& other, const Pin& pin,
                  const TrustStore& store, Verdict& verdict) {
  absl::StatusOr<std::vector<std::string>> paths = store.KeepEvidence(pin, known.note, other.note);
  if (paths.ok()) {
    verdict.evidence = *std::move(paths);
    return;
  }
  // Then the verdict itself carries both notes: they must not get lost.
  verdict.Refuse(absl::StrCat("the evidence could not be saved (", paths.status().message(),
                              "); keep these two notes:\n", known.note, "\n", other.note));
}

void Remember(const SignedCheckpoint& head, const Pin& pin, const TrustStore& store,
              Verdict& verdict) {
  if (verdict.outcome != Outcome::kVerified) return;
  const absl::Status saved = store.Save(pin, head.note);
  if (!saved.ok()) {
    verdict.CannotTell(
        absl::StrCat("trust store: the head could not be remembered: ", saved.message()));
  }
}

void Unproven(const Checkpoint& known, const Checkpoint& head, const HeadRelation& relation,
              HeadUse use, Verdict& verdict) {
  if (head.size < known.size && use != HeadUse::kReceipt) {
    verdict.Refuse(absl::StrCat("ROLLBACK: this head has size ", head.size, ", and a head of size ",
                                known.size,
                                " of this log was verified before: entries are being hidden"));
    return;
  }
  const std::string what =
      absl::StrCat("consistency with the head of size ", known.size, " last seen",
                   relation.detail.empty() ? "" : ": ", relation.detail);
  verdict.not_proven.push_back(what);
  if (use == HeadUse::kReceipt) return;
  verdict.CannotTell(
      absl::StrCat("missing proof: ", what, ". Ask for a consistency proof from that size"));
}

}  // namespace

HeadRelation RelateHeads(const Checkpoint& known, const Checkpoint& other, const History& history) {
  if (known.size == other.size) {
    if (known.root == other.root) return {Kind::kSame, ""};
    return {Kind::kFork, absl::StrCat("two signed heads of one size: ", HeadName(known), ", and ",
                                      HeadName(other))};
  }
  const bool grew = other.size > known.size;
  const Checkpoint& older = grew ? known : other;
  const Checkpoint& newer = grew ? other : known;
  const Kind proven = grew ? Kind::kExtends : Kind::kExtendedBy;
  if (history.proof && history.proof->old_size == older.size &&
      IsOf(history.proof->checkpoint, newer)) {
    const absl::Status status =
        VerifyExtension(older.size, older.root, newer.size, newer.root, history.proof->proof);
    if (status.ok()) return {proven, "proven by the consistency proof"};
    return {Kind::kBadProof, absl::StrCat("the consistency proof from size ", older.size, " to ",
                                          newer.size, " does not verify: ", status.message())};
  }
  if (!history.log_dir.empty()) return RelateByTiles(older, newer, proven, history.log_dir);
  return {Kind::kUnproven, history.proof ? "the proof given is not between these two heads" : ""};
}

std::optional<SignedCheckpoint> OpenHead(absl::string_view note, const Pin& pin, Verdict& verdict) {
  absl::StatusOr<SignedCheckpoint> head = OpenCheckpoint(note, pin.origin, pin.key);
  if (head.ok()) {
    verdict.head = head->checkpoint;
    return *std::move(head);
  }
  if (absl::IsInvalidArgument(head.status())) {
    verdict.CannotTell(head.status().message());
  } else {
    verdict.Refuse(head.status().message());
  }
  return std::nullopt;
}

void CompareWithStore(const SignedCheckpoint& head, const Pin& pin, const History& history,
                      HeadUse use, Verdict& verdict) {
  if (history.store == nullptr) {
    verdict.not_proven.push_back("consistency with heads seen earlier: no trust store was used");
    return;
  }
  const absl::StatusOr<TrustStore::Lock> lock = history.store->Acquire(pin);
  if (!lock.ok()) return verdict.CannotTell(lock.status().message());
  const absl::StatusOr<std::optional<SignedCheckpoint>> known = history.store->Load(pin);
  if (!known.ok()) return verdict.CannotTell(known.status().message());
  if (!known->has_value()) {
    verdict.not_proven.push_back(
        "consistency with earlier heads: this is the first of this log that the trust store sees");
    return Remember(head, pin, *history.store, verdict);
  }
  const SignedCheckpoint& last = **known;
  const HeadRelation relation = RelateHeads(last.checkpoint, head.checkpoint, history);
  switch (relation.kind) {
    case Kind::kSame:
      verdict.proven.push_back("the head is the last one seen");
      return;
    case Kind::kExtends:
      verdict.proven.push_back(absl::StrCat("everything under the head of size ",
                                            last.checkpoint.size,
                                            " last seen stands unchanged, in order, in this one"));
      return Remember(head, pin, *history.store, verdict);
    case Kind::kExtendedBy:
      if (use == HeadUse::kReceipt) {
        verdict.proven.push_back(absl::StrCat("the head of size ", last.checkpoint.size,
                                              " last seen extends this receipt's"));
        return;
      }
      return Unproven(last.checkpoint, head.checkpoint, relation, use, verdict);
    case Kind::kUnproven:
      return Unproven(last.checkpoint, head.checkpoint, relation, use, verdict);
    case Kind::kBadProof:
      return verdict.Refuse(relation.detail);
    case Kind::kFork:
      verdict.Refuse(
          absl::StrCat("FORK: the log's key has signed two histories: ", relation.detail));
      return KeepEvidence(last, head, pin, *history.store, verdict);
  }
}

}  // namespace auditledger
