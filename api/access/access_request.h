// What each request asks for: one AccessOf for each request message there is. Call::Authorize is
// given its answer in the one place where a request is parsed (call.h, head_stream.h), so that a
// method whose request has no AccessOf does not compile.
//
// Thread-safety: pure functions. The answer's views are of the request.
#ifndef AUDITLEDGER_API_ACCESS_ACCESS_REQUEST_H_
#define AUDITLEDGER_API_ACCESS_ACCESS_REQUEST_H_

#include "api/access/authorizer.h"
#include "api/on_arena.h"
#include "auditledger/v1/admin_service.pb.h"
#include "auditledger/v1/erasure_service.pb.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "auditledger/v1/patient_service.pb.h"
#include "auditledger/v1/proof_service.pb.h"

namespace auditledger {

AccessRequest AccessOf(const v1::AppendEventRequest& request);
AccessRequest AccessOf(const v1::BatchAppendEventsRequest& request);
AccessRequest AccessOf(const v1::GetEntryRequest& request);
AccessRequest AccessOf(const v1::ListEntriesRequest& request);
AccessRequest AccessOf(const v1::TailEntriesRequest& request);
AccessRequest AccessOf(const v1::GetCheckpointRequest& request);
AccessRequest AccessOf(const v1::WatchCheckpointsRequest& request);
AccessRequest AccessOf(const v1::GetInclusionProofRequest& request);
AccessRequest AccessOf(const v1::GetConsistencyProofRequest& request);
AccessRequest AccessOf(const v1::GetLedgerRequest& request);
AccessRequest AccessOf(const v1::ListLedgersRequest& request);
AccessRequest AccessOf(const v1::ListStreamsRequest& request);
AccessRequest AccessOf(const v1::ListTimestampsRequest& request);
AccessRequest AccessOf(const v1::GetTimeBracketRequest& request);
AccessRequest AccessOf(const v1::GetCoseReceiptRequest& request);
AccessRequest AccessOf(const v1::FindSubjectRequest& request);
AccessRequest AccessOf(const v1::RequestErasureRequest& request);
AccessRequest AccessOf(const v1::ApproveErasureRequest& request);
AccessRequest AccessOf(const v1::PlaceLegalHoldRequest& request);
AccessRequest AccessOf(const v1::LiftLegalHoldRequest& request);
AccessRequest AccessOf(const v1::ListPatientEntriesRequest& request);
AccessRequest AccessOf(const v1::FreezeLedgerRequest& request);
AccessRequest AccessOf(const v1::RotateWrappingKeyRequest& request);
AccessRequest AccessOf(const v1::GetServerStatusRequest& request);
AccessRequest AccessOf(const v1::BackupLedgerRequest& request);
AccessRequest AccessOf(const v1::BackupSecretsRequest& request);
// Its name is made of an id, hence a string of its own.
struct CreateLedgerAccess {
  std::string ledger;
  operator AccessRequest() const { return {ledger, false, {}}; }
};
CreateLedgerAccess AccessOf(const v1::CreateLedgerRequest& request);

template <typename T>
auto AccessOf(const OnArena<T>& request) {
  return AccessOf(*request);
}

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_ACCESS_REQUEST_H_
