// The answer to BatchAppendEvents, as bytes of the wire: a whole receipt for each event, or one
// proof for all that is new in the batch.
//
// Example:
//   ASSIGN_OR_RETURN(const std::string response, BatchAnswer(*outcome, openings, share_proof));
//
// Thread-safety: pure function. Errors: Internal when the outcome's proofs are none of its head.
#ifndef AUDITLEDGER_API_BATCH_ANSWER_H_
#define AUDITLEDGER_API_BATCH_ANSWER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/ledger.h"

namespace auditledger {

// A serialised v1.BatchAppendEventsResponse. `openings`: of each event, whether its receipt has its
// opening. With `share_proof` only the first and the last of the new entries need to have their
// proof: the range proof is made of these two.
absl::StatusOr<std::string> BatchAnswer(const AppendOutcome& outcome,
                                        const std::vector<bool>& openings, bool share_proof);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_BATCH_ANSWER_H_
