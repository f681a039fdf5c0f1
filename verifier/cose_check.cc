#include "verifier/cose_check.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/status_macros.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"
#include "verifier/entry_check.h"
#include "verifier/verify.h"

namespace auditledger {
namespace {

absl::StatusOr<ReceiptExtra> LeafOf(const CoseInput& input) {
  if (input.leaf.has_value() == input.tlog_proof.has_value()) {
    return absl::InvalidArgumentError(
        "a COSE receipt does not carry the entry: give --leaf, or a --receipt that has it");
  }
  if (input.leaf) {
    ReceiptExtra extra;
    extra.leaf = *input.leaf;
    return extra;
  }
  ASSIGN_OR_RETURN(const TlogProof proof, ParseTlogProof(*input.tlog_proof));
  if (!proof.extra) return absl::InvalidArgumentError("the --receipt carries no leaf");
  return ParseReceiptExtra(*proof.extra);
}

// By any of the keys that are pinned.
absl::Status CheckInclusion(const CoseReceipt& receipt, const Hash& leaf_hash, const Pin& pin,
                            Verdict& verdict) {
  absl::Status status;
  for (const NoteVerifier& key : PinnedKeys(pin)) {
    status = VerifyCoseInclusion(receipt, leaf_hash, key);
    if (!status.ok()) continue;
    verdict.vkey = key.ToVkey();
    verdict.key_id = key.key_id();
    return absl::OkStatus();
  }
  return status;
}

// The signature is over the root alone: that a tree of this root is of this size, and so where the
// entry stands in it, only a checkpoint says.
void CheckPlace(const CoseReceipt& receipt, const Hash& leaf_hash, const CoseInput& input,
                const Pin& pin, Verdict& verdict) {
  const std::string place =
      absl::StrCat("is number ", receipt.index, " of a log of ", receipt.size, " entries");
  const absl::StatusOr<Hash> root =
      RootOfInclusion(receipt.index, receipt.size, leaf_hash, receipt.path);
  if (!input.checkpoint || !root.ok()) {
    verdict.not_proven.push_back(absl::StrCat(
        "that the entry ", place, ": a COSE receipt's index and size are not signed; give ",
        "--checkpoint, a signed head of that size"));
    return;
  }
  const absl::StatusOr<SignedCheckpoint> head = OpenPinned(*input.checkpoint, pin, nullptr);
  if (!head.ok()) return verdict.CannotTell(absl::StrCat("checkpoint: ", head.status().message()));
  if (head->checkpoint.size != receipt.size || head->checkpoint.root != *root) {
    return verdict.CannotTell(absl::StrCat("the checkpoint (size ", head->checkpoint.size,
                                           ") is not that of the receipt, which says size ",
                                           receipt.size, " and leads to root ", root->ToHex()));
  }
  verdict.head = head->checkpoint;
  verdict.proven.push_back(absl::StrCat("the entry ", place, ", by the checkpoint"));
}

}  // namespace

Verdict VerifyCose(const CoseInput& input, const Pin& pin) {
  Verdict verdict = Verdict::About("COSE receipt", pin);
  const absl::StatusOr<CoseReceipt> receipt = ParseCoseReceipt(input.receipt);
  absl::StatusOr<ReceiptExtra> extra = LeafOf(input);
  const absl::StatusOr<Leaf> leaf = extra.ok() ? ParseLeaf(extra->leaf) : extra.status();
  for (const absl::Status& status : {receipt.status(), leaf.status()}) {
    if (status.ok()) continue;
    verdict.CannotTell(status.message());
    return verdict;
  }
  const Hash leaf_hash = LeafHash(extra->leaf);
  const absl::Status included = CheckInclusion(*receipt, leaf_hash, pin, verdict);
  if (!included.ok()) {
    verdict.Refuse(included.message());
    return verdict;
  }
  verdict.proven.push_back(absl::StrCat("this entry (", EntryKindName(leaf->kind), ", recorded ",
                                        FormatMicros(leaf->recorded_at_us),
                                        ") is in a tree whose root the log's key signed"));
  CheckPlace(*receipt, leaf_hash, input, pin, verdict);
  const absl::Status rules = CheckLeafRules(receipt->index, *leaf, pin);
  if (!rules.ok()) verdict.Refuse(absl::StrCat("entry ", receipt->index, ": ", rules.message()));
  if (leaf->kind == EntryKind::kConflict) verdict.not_proven.push_back(RefusalText(*leaf));
  ReceiptInput opened;
  opened.event = input.event;
  CheckReceiptOpening(opened, *leaf, *std::move(extra), pin, verdict);
  if (pin.policy) {
    verdict.CannotTell(
        "a COSE receipt carries no cosignatures: for a head that witnesses vouch for use a "
        "tlog-proof");
  }
  verdict.not_proven.push_back(
      "consistency with heads seen earlier: a COSE receipt is checked by itself");
  verdict.not_proven.push_back(
      "that the key was not retired before it signed: a COSE receipt does not tell");
  AddStandingLimits(verdict);
  return verdict;
}

}  // namespace auditledger
