#include "api/client/shared_proof.h"

#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/hash.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"

namespace auditledger {
namespace {

absl::Status DoesNotFit(absl::string_view why) {
  return absl::DataLossError(absl::StrCat("answer to a batch: ", why));
}

// Whether a receipt has what an answer with a shared proof leaves it.
absl::Status CheckParts(size_t position, const v1::Receipt& receipt) {
  if (receipt.has_checkpoint()) {
    return DoesNotFit(absl::StrCat("receipts[", position, "] has a checkpoint beside the shared"));
  }
  if (receipt.has_inclusion() == receipt.repeated_event()) return absl::OkStatus();
  return DoesNotFit(absl::StrCat("receipts[", position, "] is of ",
                                 receipt.repeated_event() ? "a repeated event and has no proof"
                                                          : "a new entry and has its own proof"));
}

// The inclusion proof of each of `added` out of the range proof.
absl::StatusOr<std::vector<std::vector<Hash>>> Unfold(const v1::RangeProof& range,
                                                      const std::vector<v1::Receipt*>& added) {
  std::vector<absl::string_view> leaves;
  for (const v1::Receipt* const receipt : added) {
    const uint64_t due = range.first_index() + leaves.size();
    if (receipt->index() != due) {
      return DoesNotFit(absl::StrCat("entry ", receipt->index(), " where ", due, " is due"));
    }
    leaves.push_back(receipt->leaf());
  }
  std::vector<Hash> proof;
  for (const std::string& raw : range.hashes()) {
    const absl::StatusOr<Hash> hash = Hash::FromBytes(raw);
    if (!hash.ok()) return DoesNotFit(hash.status().message());
    proof.push_back(*hash);
  }
  auto paths = UnfoldRange(range.first_index(), LeafHashes(leaves), range.tree_size(), proof);
  if (!paths.ok()) return DoesNotFit(paths.status().message());
  return paths;
}

absl::Status AddInclusions(const v1::RangeProof& range, const std::vector<v1::Receipt*>& added) {
  ASSIGN_OR_RETURN(const auto paths, Unfold(range, added));
  for (size_t i = 0; i < added.size(); ++i) {
    v1::InclusionProof& inclusion = *added[i]->mutable_inclusion();
    inclusion.set_leaf_index(added[i]->index());
    inclusion.set_tree_size(range.tree_size());
    for (const Hash& hash : paths[i]) inclusion.add_hashes(hash.bytes.data(), Hash::kSize);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<v1::Receipt>> WholeReceipts(v1::BatchAppendEventsResponse response,
                                                       size_t events) {
  auto& given = *response.mutable_receipts();
  if (static_cast<size_t>(given.size()) != events) {
    return DoesNotFit(absl::StrCat(given.size(), " receipts for ", events, " events"));
  }
  std::vector<v1::Receipt> receipts(std::make_move_iterator(given.begin()),
                                    std::make_move_iterator(given.end()));
  if (!response.has_checkpoint()) {
    if (response.has_range()) return DoesNotFit("a range proof without a checkpoint");
    return receipts;
  }
  std::vector<v1::Receipt*> added;
  for (size_t i = 0; i < receipts.size(); ++i) {
    RETURN_IF_ERROR(CheckParts(i, receipts[i]));
    if (!receipts[i].has_inclusion()) added.push_back(&receipts[i]);
    *receipts[i].mutable_checkpoint() = response.checkpoint();
  }
  if (added.empty() == response.has_range()) {
    return DoesNotFit(added.empty() ? "a range proof where no entry is new"
                                    : "no range proof of the new entries");
  }
  if (!added.empty()) RETURN_IF_ERROR(AddInclusions(response.range(), added));
  return receipts;
}

}  // namespace auditledger
