// Whole receipts out of the answer to a batch, also where its new entries share one proof
// (BatchAppendEventsRequest.share_proof): each then stands for itself and can be kept alone.
//
// Example:
//   request.set_share_proof(true);
//   ...
//   ASSIGN_OR_RETURN(const std::vector<v1::Receipt> receipts,
//                    WholeReceipts(std::move(response), events.size()));
//   for (size_t i = 0; i < events.size(); ++i) RETURN_IF_ERROR(CheckReceipt(receipts[i], ...));
//
// Nothing is believed here: a receipt made of a proof that was falsified, or of another's leaf,
// fails CheckReceipt (receipt_check.h) as any other.
//
// Thread-safety: pure function. Cost: two hashes an entry.
// Errors: DataLoss, saying which parts of the answer do not fit together.
#ifndef AUDITLEDGER_API_CLIENT_SHARED_PROOF_H_
#define AUDITLEDGER_API_CLIENT_SHARED_PROOF_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "auditledger/v1/ledger_service.pb.h"

namespace auditledger {

// One for each of `events` events, in their order; another number is refused before anything is
// made of it. An answer of whole receipts, as an older server gives, is handed back as it is.
absl::StatusOr<std::vector<v1::Receipt>> WholeReceipts(v1::BatchAppendEventsResponse response,
                                                       size_t events);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_SHARED_PROOF_H_
