// Acknowledgement levels and witnessed heads, for the handlers.
//
// Example, an append:
//   ASSIGN_OR_RETURN(Cosigner* const cosigner, CosignerFor(context, request.ledger(), "ack", ack));
//   ledger->Append(std::move(sealed), WithAck(cosigner, [call](absl::StatusOr<AppendOutcome> o) {
//     ...  // o->head is a witnessed one where that was asked for
//   }));
//
// Thread-safety: pure functions over thread-safe parts.
#ifndef AUDITLEDGER_API_ACK_H_
#define AUDITLEDGER_API_ACK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/service_context.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "ledger/ledger.h"

namespace auditledger {

class Cosigner;

// Who has the heads of `ledger` ("ledgers/main", which is known) cosigned, where `ack` asks for it;
// nullptr for DURABLE. InvalidArgument for a level that is not known; FailedPrecondition
// (NO_WITNESS_POLICY).
absl::StatusOr<Cosigner*> CosignerFor(ServiceContext& context, const std::string& ledger,
                                      absl::string_view field, v1::AckLevel ack);

// `done` as it is for nullptr; else it is called when the entries lie under a witnessed head, which
// then is the outcome's with its proofs, or with the error of Cosigner::WhenWitnessed.
AppendCallback WithAck(Cosigner* cosigner, AppendCallback done);

// The newest signed head, or the newest witnessed one. FailedPrecondition (NO_WITNESS_POLICY);
// Unavailable (WITNESSES_UNAVAILABLE) while there is none.
absl::StatusOr<std::shared_ptr<const PublishedHead>> HeadFor(ServiceContext& context,
                                                             Ledger& ledger,
                                                             const std::string& name,
                                                             bool witnessed);

// Adds how its heads are cosigned, where they are.
void AddWitnessing(ServiceContext& context, const std::string& ledger_id, bool full_reasons,
                   v1::Ledger& ledger);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACK_H_
