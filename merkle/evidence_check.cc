#include "absl/strings/str_cat.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "merkle/evidence.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/verify.h"

namespace auditledger {
namespace {

absl::Status ShowsNothing(absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("shows nothing: ", why));
}

absl::Status NotTheLogs(absl::string_view which, const absl::Status& status) {
  return ShowsNothing(
      absl::StrCat("the ", which, " head is not the pinned log's: ", status.message()));
}

std::string Named(const Checkpoint& head) {
  return absl::StrCat("size ", head.size, " and root ", head.root.ToHex());
}

absl::StatusOr<std::string> CheckFork(const Checkpoint& first, const Checkpoint& second) {
  if (first.size != second.size) return ShowsNothing("the heads are of different sizes");
  if (first.root == second.root) return ShowsNothing("the heads agree");
  return absl::StrCat("FORK: the log signed two heads of size ", first.size, ", with root ",
                      first.root.ToHex(), " and with root ", second.root.ToHex());
}

absl::StatusOr<std::string> CheckHistory(const Evidence& evidence, const Checkpoint& first,
                                         const Checkpoint& second) {
  if (first.size >= second.size) return ShowsNothing("the second head is not the larger");
  if (evidence.prefix == first.root) return ShowsNothing("the prefix is the first head's");
  const absl::Status proven =
      VerifyConsistency(first.size, evidence.prefix, second.size, second.root, evidence.proof);
  if (!proven.ok()) return ShowsNothing(proven.message());
  return absl::StrCat("FORK: the log signed a head of ", Named(first), ", and one of ",
                      Named(second), " whose first ", first.size, " entries have root ",
                      evidence.prefix.ToHex());
}

absl::StatusOr<std::string> CheckReceiptEvidence(const Evidence& evidence, const Checkpoint& first,
                                                 const Checkpoint& second) {
  if (evidence.first_hash == evidence.second_hash) return ShowsNothing("both have this entry");
  absl::Status proven =
      VerifyInclusion(evidence.index, first.size, evidence.first_hash, evidence.proof, first.root);
  if (!proven.ok()) return ShowsNothing(absl::StrCat("first head: ", proven.message()));
  proven = VerifyInclusion(evidence.index, second.size, evidence.second_hash, evidence.second_proof,
                           second.root);
  if (!proven.ok()) return ShowsNothing(absl::StrCat("second head: ", proven.message()));
  return absl::StrCat("FORK: under the head of ", Named(first), " entry ", evidence.index, " is ",
                      evidence.first_hash.ToHex(), ", under that of ", Named(second), " it is ",
                      evidence.second_hash.ToHex());
}

absl::StatusOr<std::string> CheckRollback(const Evidence& evidence, const EvidencePins& pins,
                                          const Checkpoint& first, const Checkpoint& second) {
  if (second.size >= first.size) return ShowsNothing("the second head is not the smaller");
  const auto before = VerifyCosignatures(evidence.first, pins.witnesses);
  if (!before.ok()) return ShowsNothing(before.status().message());
  const auto after = VerifyCosignatures(evidence.second, pins.witnesses);
  if (!after.ok()) return ShowsNothing(after.status().message());
  for (const Cosignature& earlier : *before) {
    for (const Cosignature& later : *after) {
      if (earlier.key != later.key || later.timestamp <= earlier.timestamp) continue;
      return absl::StrCat("ROLLBACK: witness ", pins.witnesses[earlier.key].name(),
                          " broke its promise: by its own dates it cosigned the head of ",
                          Named(first), " at ", earlier.timestamp, ", and the smaller one of ",
                          Named(second), " at ", later.timestamp,
                          "; this convicts the witness, of the log it proves nothing");
    }
  }
  return ShowsNothing("no pinned witness cosigned the larger head first and the smaller later");
}

// What is wrong with leaves that the log has committed to.
absl::StatusOr<std::string> FaultOf(const Evidence& evidence, uint64_t size) {
  std::vector<Leaf> leaves;
  for (size_t i = 0; i < evidence.leaves.size(); ++i) {
    const std::string& bytes = evidence.leaves[i];
    const absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
    if (leaf.ok()) {
      leaves.push_back(*leaf);
    } else if (!bytes.empty() && static_cast<uint8_t>(bytes[0]) != kLeafVersion) {
      return ShowsNothing("a leaf is of a version we do not know");
    } else {
      return absl::StrCat("entry ", evidence.index + i,
                          " breaks the format of leaves: ", leaf.status().message());
    }
  }
  if (leaves.size() == 2 && leaves[1].recorded_at_us <= leaves[0].recorded_at_us) {
    return absl::StrCat("entry ", evidence.index + 1, " was recorded at ", leaves[1].recorded_at_us,
                        " us, the entry before it at ", leaves[0].recorded_at_us, " us");
  }
  for (size_t i = 0; i < leaves.size(); ++i) {
    const uint64_t index = evidence.index + i;
    if (leaves[i].kind != EntryKind::kFreeze || !ParseFreeze(leaves[i].body).ok()) continue;
    if (index + 1 == size) continue;
    return absl::StrCat("entry ", index, " freezes the log, and ", size - index - 1,
                        " entries stand behind it");
  }
  return ShowsNothing("the leaves keep the rules");
}

absl::StatusOr<std::string> CheckLeaves(const Evidence& evidence, const Checkpoint& head) {
  std::vector<Hash> hashes;
  for (const std::string& leaf : evidence.leaves) hashes.push_back(LeafHash(leaf));
  const absl::Status proven =
      VerifyRange(evidence.index, hashes, head.size, evidence.proof, head.root);
  if (!proven.ok()) return ShowsNothing(proven.message());
  ASSIGN_OR_RETURN(const std::string fault, FaultOf(evidence, head.size));
  return absl::StrCat("BROKEN RULE: under the signed head of ", Named(head), " ", fault);
}

absl::StatusOr<std::string> CheckOrder(const Evidence& evidence, const Checkpoint& head) {
  if (evidence.leaves.size() != 2 || evidence.second_index <= evidence.index) {
    return ShowsNothing("the second entry is not the later");
  }
  absl::Status proven = VerifyInclusion(evidence.index, head.size, LeafHash(evidence.leaves[0]),
                                        evidence.proof, head.root);
  if (!proven.ok()) return ShowsNothing(absl::StrCat("first entry: ", proven.message()));
  proven = VerifyInclusion(evidence.second_index, head.size, LeafHash(evidence.leaves[1]),
                           evidence.second_proof, head.root);
  if (!proven.ok()) return ShowsNothing(absl::StrCat("second entry: ", proven.message()));
  const absl::StatusOr<Leaf> earlier = ParseLeaf(evidence.leaves[0]);
  const absl::StatusOr<Leaf> later = ParseLeaf(evidence.leaves[1]);
  if (!earlier.ok() || !later.ok()) return ShowsNothing("a leaf does not parse");
  if (later->recorded_at_us > earlier->recorded_at_us) {
    return ShowsNothing("the entries keep their order");
  }
  return absl::StrCat("BROKEN RULE: under the signed head of ", Named(head), " entry ",
                      evidence.second_index, " was recorded at ", later->recorded_at_us,
                      " us, entry ", evidence.index, ", which is before it, at ",
                      earlier->recorded_at_us, " us");
}

// By the key of its size, or, where that is not known, whichever of the pinned keys signed; the
// error is that of the first.
absl::StatusOr<SignedCheckpoint> OpenHead(const std::string& note, const EvidencePins& pins) {
  if (pins.chain) return OpenCheckpoint(note, pins.origin, *pins.chain);
  absl::StatusOr<SignedCheckpoint> head = OpenCheckpoint(note, pins.origin, pins.log_key);
  for (size_t i = 0; i < pins.other_keys.size() && !head.ok(); ++i) {
    absl::StatusOr<SignedCheckpoint> by_other =
        OpenCheckpoint(note, pins.origin, pins.other_keys[i]);
    if (by_other.ok()) return by_other;
  }
  return head;
}

}  // namespace

absl::StatusOr<std::string> CheckEvidence(const Evidence& evidence, const EvidencePins& pins) {
  const auto first = OpenHead(evidence.first, pins);
  if (!first.ok()) return NotTheLogs("first", first.status());
  if (evidence.kind == Evidence::Kind::kLeaf) return CheckLeaves(evidence, first->checkpoint);
  if (evidence.kind == Evidence::Kind::kOrder) return CheckOrder(evidence, first->checkpoint);
  const auto second = OpenHead(evidence.second, pins);
  if (!second.ok()) return NotTheLogs("second", second.status());
  switch (evidence.kind) {
    case Evidence::Kind::kFork:
      return CheckFork(first->checkpoint, second->checkpoint);
    case Evidence::Kind::kHistory:
      return CheckHistory(evidence, first->checkpoint, second->checkpoint);
    case Evidence::Kind::kReceipt:
      return CheckReceiptEvidence(evidence, first->checkpoint, second->checkpoint);
    case Evidence::Kind::kRollback:
      return CheckRollback(evidence, pins, first->checkpoint, second->checkpoint);
    case Evidence::Kind::kLeaf:
    case Evidence::Kind::kOrder:
      break;
  }
  return absl::InternalError("unknown kind");
}

}  // namespace auditledger
