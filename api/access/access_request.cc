#include "api/access/access_request.h"

#include "api/names.h"

namespace auditledger {
namespace {

AccessRequest On(absl::string_view ledger) { return {ledger, /*content=*/false, {}}; }

// Of a view that comes later: it may show more than a leaf.
bool ShowsContent(v1::EntryView view) {
  return view != v1::ENTRY_VIEW_UNSPECIFIED && view != v1::ENTRY_VIEW_LEAF;
}

}  // namespace

AccessRequest AccessOf(const v1::AppendEventRequest& request) {
  return {request.ledger(), /*content=*/false, {request.event().source().stream_id()}};
}

AccessRequest AccessOf(const v1::BatchAppendEventsRequest& request) {
  AccessRequest out = On(request.ledger());
  for (const v1::AppendEventRequest& one : request.requests()) {
    const absl::string_view stream = one.event().source().stream_id();
    // Most batches are of one stream.
    if (out.stream_ids.empty() || out.stream_ids.back() != stream) out.stream_ids.push_back(stream);
  }
  return out;
}

AccessRequest AccessOf(const v1::GetEntryRequest& request) {
  const absl::string_view name = request.name();
  return {name.substr(0, name.find("/entries/")), ShowsContent(request.view()), {}};
}

AccessRequest AccessOf(const v1::ListEntriesRequest& request) {
  return {request.parent(), ShowsContent(request.view()), {}};
}

AccessRequest AccessOf(const v1::TailEntriesRequest& request) {
  return {request.ledger(), ShowsContent(request.view()), {}};
}

AccessRequest AccessOf(const v1::GetCheckpointRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::WatchCheckpointsRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::GetInclusionProofRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::GetConsistencyProofRequest& request) {
  return On(request.ledger());
}
AccessRequest AccessOf(const v1::GetLedgerRequest& request) { return On(request.name()); }
AccessRequest AccessOf(const v1::ListLedgersRequest&) { return On(""); }
AccessRequest AccessOf(const v1::ListStreamsRequest& request) { return On(request.parent()); }
AccessRequest AccessOf(const v1::ListTimestampsRequest& request) { return On(request.parent()); }
AccessRequest AccessOf(const v1::GetTimeBracketRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::GetCoseReceiptRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::FindSubjectRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::RequestErasureRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::ApproveErasureRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::PlaceLegalHoldRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::LiftLegalHoldRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::ListPatientEntriesRequest& request) {
  return On(request.parent());
}
AccessRequest AccessOf(const v1::FreezeLedgerRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::RotateWrappingKeyRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::GetServerStatusRequest&) { return On(""); }
AccessRequest AccessOf(const v1::BackupLedgerRequest& request) { return On(request.ledger()); }
AccessRequest AccessOf(const v1::BackupSecretsRequest& request) { return On(request.ledger()); }

CreateLedgerAccess AccessOf(const v1::CreateLedgerRequest& request) {
  return {LedgerName(request.ledger_id())};
}

}  // namespace auditledger
