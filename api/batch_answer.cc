#include "api/batch_answer.h"

#include "api/receipt_writer.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using Response = v1::BatchAppendEventsResponse;

// What stands once for all receipts: the checkpoint, and the proof of the entries that are new.
absl::StatusOr<std::string> SharedPart(const AppendOutcome& outcome, const ReceiptWriter& writer) {
  std::string out;
  writer.AppendCheckpoint(Response::kCheckpointFieldNumber, out);
  const AppendedEntry* first = nullptr;
  const AppendedEntry* last = nullptr;
  for (const AppendedEntry& entry : outcome.entries) {
    if (entry.repeated) continue;
    if (first == nullptr) first = &entry;
    last = &entry;
  }
  if (first == nullptr) return out;
  const absl::StatusOr<std::vector<Hash>> proof = RangeProofOfEnds(
      {first->index, last->index + 1}, outcome.head->head.size, first->inclusion, last->inclusion);
  if (!proof.ok()) return absl::InternalError(proof.status().message());
  writer.AppendRange(first->index, *proof, Response::kRangeFieldNumber, out);
  return out;
}

}  // namespace

absl::StatusOr<std::string> BatchAnswer(const AppendOutcome& outcome,
                                        const std::vector<bool>& openings, bool share_proof) {
  ReceiptWriter writer(*outcome.head);
  const ReceiptForm form = share_proof ? ReceiptForm::kShared : ReceiptForm::kWhole;
  std::string shared;
  if (share_proof) {
    ASSIGN_OR_RETURN(shared, SharedPart(outcome, writer));
  }
  size_t bytes = shared.size();
  for (size_t i = 0; i < outcome.entries.size(); ++i) {
    bytes += writer.SizeOf(outcome.entries[i], form, openings[i], Response::kReceiptsFieldNumber);
  }
  std::string out;
  out.reserve(bytes);
  for (size_t i = 0; i < outcome.entries.size(); ++i) {
    writer.Append(outcome.entries[i], form, openings[i], Response::kReceiptsFieldNumber, out);
  }
  out += shared;
  return out;
}

}  // namespace auditledger
