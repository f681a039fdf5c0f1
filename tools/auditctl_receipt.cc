#include "tools/auditctl_receipt.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

absl::Status CheckOpening(const ProvenEntry& entry, absl::string_view event) {
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(entry.leaf));
  const Opening opening{entry.opening->seed(), entry.opening->header(), std::string(event)};
  return VerifyOpening(leaf, opening, std::nullopt);
}

}  // namespace

absl::StatusOr<std::vector<Hash>> ProofHashes(
    const google::protobuf::RepeatedPtrField<std::string>& hashes) {
  if (static_cast<size_t>(hashes.size()) > kMaxProofHashes) {
    return NotProven(absl::DataLossError("a proof of more than 63 hashes"));
  }
  std::vector<Hash> out;
  for (const std::string& raw : hashes) {
    auto hash = Hash::FromBytes(raw);
    if (!hash.ok()) return NotProven(hash.status());
    out.push_back(*hash);
  }
  return out;
}

absl::Status CheckEntry(const Connection& connection, const ProvenEntry& entry,
                        absl::string_view event) {
  ASSIGN_OR_RETURN(const SignedCheckpoint head, connection.Open(entry.checkpoint));
  ASSIGN_OR_RETURN(const std::vector<Hash> path, ProofHashes(entry.inclusion.hashes()));
  if (entry.inclusion.leaf_index() != entry.index ||
      entry.inclusion.tree_size() != head.checkpoint.size) {
    return NotProven(absl::DataLossError("the proof is of another entry or another head"));
  }
  RETURN_IF_ERROR(NotProven(VerifyInclusion(entry.index, head.checkpoint.size, LeafHash(entry.leaf),
                                            path, head.checkpoint.root)));
  if (!entry.opening || event.empty()) return absl::OkStatus();
  return NotProven(CheckOpening(entry, event));
}

absl::Status CheckAppended(const Connection& connection, const ProvenEntry& entry,
                           absl::string_view event) {
  if (!entry.opening) {
    return NotProven(absl::DataLossError("the receipt has no opening: it may be another event's"));
  }
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(entry.leaf));
  if (leaf.kind != EntryKind::kEvent) {
    return NotProven(absl::DataLossError("the receipt is of an entry that is not an event"));
  }
  return CheckEntry(connection, entry, event);
}

ProvenEntry OfReceipt(const v1::Receipt& receipt) {
  ProvenEntry out;
  out.index = receipt.index();
  out.leaf = receipt.leaf();
  if (receipt.has_opening()) out.opening = receipt.opening();
  out.inclusion = receipt.inclusion();
  out.checkpoint = receipt.checkpoint();
  return out;
}

absl::Status WriteReceiptFiles(const std::string& dir, const ProvenEntry& entry,
                               const std::string& event) {
  const std::string base = absl::StrCat(dir, "/", absl::StrFormat("%012d", entry.index));
  ASSIGN_OR_RETURN(const std::string proof, TlogProofText(entry));
  for (const auto& [path, bytes] :
       {std::pair(base + ".event.pb", event), std::pair(base + ".tlog-proof", proof)}) {
    RETURN_IF_ERROR(WriteFileAtomically(
        {.path = path, .temporary = path + ".tmp", .sync = false, .mode = 0600}, bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> TlogProofText(const ProvenEntry& entry) {
  ReceiptExtra extra;
  extra.leaf = entry.leaf;
  if (entry.opening) extra.opening = Opening{entry.opening->seed(), entry.opening->header(), ""};
  TlogProof proof;
  ASSIGN_OR_RETURN(proof.extra, EncodeReceiptExtra(extra));
  proof.index = entry.index;
  ASSIGN_OR_RETURN(proof.path, ProofHashes(entry.inclusion.hashes()));
  proof.checkpoint = entry.checkpoint.note();
  return FormatTlogProof(proof);
}

}  // namespace auditledger::ctl
