#include "verifier/verify.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"
#include "verifier/entry_check.h"
#include "verifier/erasures.h"

namespace auditledger {
namespace {

// An add-checkpoint body begins "old N"; a note begins with the origin, which has no space.
bool IsUpdate(absl::string_view text) { return absl::StartsWith(text, "old "); }

void CheckFrom(const std::string& from, const OpenedHead& opened, const Pin& pin,
               const History& history, Verdict& verdict) {
  const SignedCheckpoint& head = opened.head;
  // Whoever vouches for this head vouches for all it extends: the older one needs no witnesses.
  Pin log_alone = pin;
  log_alone.policy.reset();
  Verdict old_verdict = Verdict::About("checkpoint", log_alone);
  const std::optional<SignedCheckpoint> old =
      OpenHead(from, log_alone, old_verdict, opened.key_changes);
  if (!old) {
    for (const std::string& reason : old_verdict.reasons) {
      verdict.Lower(old_verdict.outcome, absl::StrCat("the earlier head: ", reason));
    }
    return;
  }
  const HeadRelation relation = RelateHeads(old->checkpoint, head.checkpoint, history);
  switch (relation.kind) {
    case HeadRelation::Kind::kSame:
      verdict.proven.push_back("both heads are of the same size and root");
      return;
    case HeadRelation::Kind::kExtends:
      verdict.proven.push_back(absl::StrCat("everything under the earlier head (size ",
                                            old->checkpoint.size,
                                            ") stands unchanged, in order, in this one"));
      return;
    case HeadRelation::Kind::kExtendedBy:
    case HeadRelation::Kind::kUnproven:
      return verdict.CannotTell(old->checkpoint.size > head.checkpoint.size
                                    ? "the head called earlier is the larger one"
                                    : absl::StrCat("missing proof: no consistency proof from size ",
                                                   old->checkpoint.size, " to ",
                                                   head.checkpoint.size));
    case HeadRelation::Kind::kBadProof:
      return verdict.Refuse(relation.detail);
    case HeadRelation::Kind::kFork:
      verdict.Refuse(absl::StrCat("FORK: the log's key has signed two histories: ", relation.detail,
                                  "; the two files prove it"));
      if (history.store == nullptr) return;
      return KeepEvidence(ForkEvidence(*old, head, relation), pin, *history.store, verdict);
  }
}

}  // namespace

void CheckReceiptOpening(const ReceiptInput& input, const Leaf& leaf, ReceiptExtra extra,
                         const Pin& pin, Verdict& verdict) {
  if (MayHavePayloadLater(leaf.kind)) {
    if (extra.opening) verdict.not_proven.push_back("what the opening says: not of a known kind");
    if (input.event)
      verdict.CannotTell("an event was given, and this version cannot open this kind");
    return;
  }
  if (!HasPayload(leaf.kind)) {
    if (input.event) verdict.Refuse("an event was given, and this entry is the ledger's own");
    if (extra.opening) verdict.Refuse("an opening of an entry that has none");
    return;
  }
  if (!input.event) {
    verdict.not_proven.push_back("what the event says: no event was given to compare");
    return;
  }
  if (!extra.opening) {
    return verdict.CannotTell(
        "an event was given, and the receipt carries no opening (seed and header) to compare it");
  }
  extra.opening->event = *input.event;
  std::optional<absl::string_view> index_key;
  if (input.index_key) index_key = *input.index_key;
  const absl::StatusOr<EmitterProof> opened =
      CheckOpening(pin.origin, leaf, *extra.opening, index_key);
  if (absl::IsDataLoss(opened.status())) return verdict.Refuse(opened.status().message());
  if (!opened.ok()) return verdict.CannotTell(opened.status().message());
  verdict.proven.push_back("the event and its header are, to the byte, what the entry commits to");
  if (*opened == EmitterProof::kSigned) {
    verdict.proven.push_back("the holder of the emitter key named in the header signed the event");
  } else {
    verdict.not_proven.push_back("who sent the event: the header is the ledger's word");
  }
  if (input.index_key) {
    verdict.proven.push_back(
        "the entry's tags are exactly those of the event, under the key given");
    verdict.not_proven.push_back("that the index key given is the one genesis names");
  } else {
    verdict.not_proven.push_back("the entry's tags: no index key was given");
  }
}

void AddStandingLimits(Verdict& verdict) {
  verdict.not_proven.push_back("that recorded times are true: they are the ledger's claim");
  if (verdict.witnessed()) {
    const int64_t survives = verdict.witnesses->survives;
    verdict.not_proven.push_back(
        survives < 0
            ? std::string("that others are shown the same history: two quorums of the policy can "
                          "share nobody, and so vouch for two histories")
            : absl::StrCat("that others are shown the same history, should ", survives + 1,
                           " of the policy's witnesses be dishonest together; those that one "
                           "operator runs count as one"));
  } else if (!verdict.witnesses || verdict.outcome == Outcome::kVerified) {
    verdict.not_proven.push_back(
        "that others are shown the same history: no witness policy given: this head is vouched for "
        "by the log's own key alone");
  }
}

Verdict VerifyReceipt(const ReceiptInput& input, const Pin& pin, const History& history) {
  Verdict verdict = Verdict::About("receipt", pin);
  const absl::StatusOr<TlogProof> proof = ParseTlogProof(input.receipt);
  if (!proof.ok()) {
    verdict.CannotTell(proof.status().message());
    return verdict;
  }
  const std::optional<OpenedHead> opened = OpenHeadOf(proof->checkpoint, pin, history, verdict);
  if (!opened) return verdict;
  const SignedCheckpoint* head = &opened->head;
  verdict.proven.push_back("the log's key signed this head");
  absl::StatusOr<ReceiptExtra> extra =
      proof->extra ? ParseReceiptExtra(*proof->extra)
                   : absl::InvalidArgumentError("the receipt carries no leaf (no extra line)");
  const absl::StatusOr<Leaf> leaf = extra.ok() ? ParseLeaf(extra->leaf) : extra.status();
  if (!leaf.ok()) {
    verdict.CannotTell(leaf.status().message());
    return verdict;
  }
  const absl::Status included =
      VerifyInclusion(proof->index, head->checkpoint.size, LeafHash(extra->leaf), proof->path,
                      head->checkpoint.root);
  if (!included.ok()) {
    verdict.Refuse(included.message());
    return verdict;
  }
  verdict.proven.push_back(absl::StrCat("entry ", proof->index, " (", EntryKindName(leaf->kind),
                                        ", recorded ", FormatMicros(leaf->recorded_at_us),
                                        ") is in the log under this head, unchanged"));
  const absl::Status rules =
      CheckLeafRules(proof->index, *leaf, WithFirstKey(pin, opened->key_changes));
  if (!rules.ok()) {
    verdict.Refuse(absl::StrCat("entry ", proof->index, ": ", rules.message()));
  } else if (!IsKnownKind(leaf->kind)) {
    verdict.not_proven.push_back("what this entry means: this version does not know its kind");
  } else if (leaf->kind == EntryKind::kConflict) {
    // Asked whether the event is recorded, this is no proof that it is.
    if (input.event) verdict.CannotTell(RefusalText(*leaf));
    if (!input.event) verdict.proven.push_back(RefusalText(*leaf));
  }
  const std::string said = ErasureText(proof->index, *leaf);
  if (!said.empty()) verdict.proven.push_back(said);
  const std::optional<ProvenErasure> erasure =
      history.log_dir.empty() ? std::nullopt : FindErasureIn(history.log_dir, pin, proof->index);
  if (erasure) ReportErasure(proof->index, *erasure, input.event.has_value(), verdict);
  CheckReceiptOpening(input, *leaf, *std::move(extra), pin, verdict);
  if (input.timestamps) {
    CheckTimestamps({*input.timestamps, pin, head->checkpoint, history, proof->index,
                     proof->index + 1, std::nullopt, leaf->recorded_at_us, opened->key_changes},
                    verdict);
  }
  CompareWithStore(*head, pin, history, HeadUse::kReceipt, verdict, opened->key_changes);
  AddStandingLimits(verdict);
  return verdict;
}

Verdict VerifyHead(const CheckpointInput& input, const Pin& pin, const History& history) {
  Verdict verdict = Verdict::About("checkpoint", pin);
  History links = history;
  std::string note = input.text;
  if (IsUpdate(input.text)) {
    absl::StatusOr<CheckpointUpdate> update = ParseCheckpointUpdate(input.text);
    if (!update.ok()) {
      verdict.CannotTell(update.status().message());
      return verdict;
    }
    absl::StatusOr<HeadProof> proof = HeadProofOf(*update);
    if (!proof.ok()) {
      verdict.CannotTell(proof.status().message());
      return verdict;
    }
    note = update->checkpoint;
    links.proofs.push_back(*std::move(proof));
  }
  const std::optional<OpenedHead> opened = OpenHeadOf(note, pin, links, verdict);
  if (!opened) return verdict;
  const SignedCheckpoint& head = opened->head;
  verdict.proven.push_back("the log's key signed this head");
  if (input.from) CheckFrom(*input.from, *opened, pin, links, verdict);
  CompareWithStore(head, pin, links, HeadUse::kCheckpoint, verdict, opened->key_changes);
  verdict.not_proven.push_back("anything about single entries: only heads were looked at");
  AddStandingLimits(verdict);
  return verdict;
}

Verdict VerifyTwoHeads(const ConsistencyInput& input, const Pin& pin) {
  Verdict verdict = Verdict::About("consistency", pin);
  History links;
  links.proofs = input.proofs;
  links.key_changes = input.key_changes;
  const std::optional<OpenedHead> head = OpenHeadOf(input.new_note, pin, links, verdict);
  if (!head) return verdict;
  verdict.proven.push_back("the log's key signed the newer head");
  CheckFrom(input.old_note, *head, pin, links, verdict);
  AddStandingLimits(verdict);
  return verdict;
}

}  // namespace auditledger
