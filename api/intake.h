// From an AppendEventRequest to a sealed event: serialise once, check, seal.
//
// Thread-safety: pure functions over a thread-safe Sealer. Cost: 30 microseconds an event, one
// signature check more when the emitter sealed it.
#ifndef AUDITLEDGER_API_INTAKE_H_
#define AUDITLEDGER_API_INTAKE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/access/principal.h"
#include "api/service_context.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "ledger/ledger.h"

namespace auditledger {

class Call;

// The ledger a request names, if the call was authorised for that one. NotFound
// (LEDGER_NOT_FOUND), FailedPrecondition (LEDGER_REFUSED), InvalidArgument; PermissionDenied is a
// handler's mistake.
absl::StatusOr<Ledger*> FindLedger(const Call& call, absl::string_view field,
                                   absl::string_view name);

// ResourceExhausted (RATE_LIMITED) when that are more events than the caller, its address or the
// ledger may send now. InvalidArgument with all violations of all requests; their fields begin with
// "event", or with "requests[i].event" when `indexed`. One refused event refuses all.
absl::StatusOr<std::vector<SealedEvent>> SealEvents(
    ServiceContext& context, Ledger& ledger, const Principal& principal,
    const std::vector<const v1::AppendEventRequest*>& requests, bool indexed);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_INTAKE_H_
