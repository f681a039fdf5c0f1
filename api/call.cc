#include "api/call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/access/access_refusals.h"
#include "api/access/caller_address.h"
#include "api/access/edge_identity.h"
#include "api/access/token_verifier.h"
#include "api/intake.h"
#include "api/names.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {

Call::Call(ServiceContext& context, absl::string_view method)
    : context_(context), method_(method), started_us_(context.clock.MonotonicMicros()) {}

namespace {

constexpr size_t kBytesBesideHeader = 32;  // of each, for its place in a table (RFC 7541 4.1)

// Of the caller's own, not of what an edge says.
size_t MetadataBytes(const grpc::ServerContextBase& context, const ListenerIdentity& listener) {
  size_t bytes = 0;
  for (const auto& [name, value] : context.client_metadata()) {
    const bool of_edge = name == kForwardedCertificate || name == kForwardedAddress;
    if (!listener.edge || !of_edge) bytes += name.size() + value.size() + kBytesBesideHeader;
  }
  return bytes;
}

// gRPC holds a client to this once the client has acknowledged it, which it need not do.
absl::Status CheckMetadata(const grpc::ServerContextBase& context,
                           const ListenerIdentity& listener) {
  if (MetadataBytes(context, listener) <= size_t{kMaxMetadataBytes}) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("metadata: over ", kMaxMetadataBytes, " bytes"));
}

std::string AddressOf(const grpc::ServerContextBase& context, const ListenerIdentity& listener) {
  return listener.edge ? AddressOfText(ForwardedAddressOf(context.client_metadata()))
                       : AddressOfPeer(context.peer());
}

}  // namespace

absl::Status Call::Admit(const grpc::ServerContextBase& grpc_context,
                         const ListenerIdentity& listener) {
  grpc_context_ = &grpc_context;
  RETURN_IF_ERROR(CheckMetadata(grpc_context, listener));
  absl::StatusOr<Principal> caller = Authenticate(grpc_context, listener);
  if (!caller.ok()) {
    // Else trying would be free, and would take nothing from what the address may do.
    if (context_.rates != nullptr)
      RETURN_IF_ERROR(context_.rates->TakeCall("", AddressOf(grpc_context, listener)));
    return caller.status();
  }
  principal_ = *std::move(caller);
  // Before the question whether he may: who is refused all the time is not free to ask.
  if (context_.rates != nullptr)
    RETURN_IF_ERROR(context_.rates->TakeCall(principal_.name, principal_.address));
  RETURN_IF_ERROR(context_.authorizer.Screen(principal_, method_));
  entered_ = context_.tracker.Enter();
  if (entered_) return absl::OkStatus();
  return WithReason(absl::UnavailableError("the server is shutting down"), kReasonShuttingDown);
}

absl::Status Call::Authorize(const AccessRequest& request) {
  asked_ = std::string(request.ledger);
  RETURN_IF_ERROR(context_.authorizer.Allow(principal_, method_, request));
  ledger_ = std::string(request.ledger);
  content_ = request.content;
  return absl::OkStatus();
}

absl::Status Call::StillAuthenticated() const {
  if (context_.clock.WallMicros() < principal_.valid_until_us) return absl::OkStatus();
  return RefuseToken(kReasonTokenExpired,
                     "has expired since this stream was opened: open it again with a new one, and "
                     "go on where it ended");
}

absl::Status Call::StillAllowed() const {
  RETURN_IF_ERROR(StillAuthenticated());
  return context_.authorizer.Allow(principal_, method_, {ledger_, content_, {}});
}

bool Call::MaySee(absl::string_view ledger_id) const {
  return context_.authorizer.Allow(principal_, method_, {LedgerName(ledger_id), false, {}}).ok();
}

absl::Status Call::AllowStream(absl::string_view stream_id) const {
  return context_.authorizer.Allow(principal_, method_, {ledger_, false, {stream_id}});
}

void Call::Record(const absl::Status& status) {
  context_.metrics.CountRpc(method_, status.code());
  if (!status.ok()) context_.metrics.CountRefusal(ReasonName(status));
  if (absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) {
    context_.refusals.Count(principal_.name, method_, asked_);
  }
  context_.log.Rpc(method_, principal_.log_name, status, ElapsedMicros());
}

bool Call::IsStuck(uint64_t write_began_us) const {
  const uint64_t limit_us = context_.limits.slow_reader_seconds * 1'000'000;
  return context_.clock.MonotonicMicros() - write_began_us > limit_us;
}

absl::Status Call::SlowReader() {
  return WithReason(absl::CancelledError("the reader took nothing for too long"),
                    kReasonSlowReader);
}

void Call::Leave() {
  if (entered_) context_.tracker.Leave();
}

absl::Status UnaryCall::Hold(InFlightBytes& appends, size_t bytes) {
  RETURN_IF_ERROR(appends.Take(bytes));
  appends_ = &appends;
  held_bytes_ = bytes;
  return absl::OkStatus();
}

void UnaryCall::ReturnBytes() {
  const size_t bytes = held_bytes_.exchange(0);
  if (bytes > 0) appends_->Return(bytes, ElapsedMicros());
}

void UnaryCall::LeaveAndReturn() {
  ReturnBytes();
  Leave();
}

EntrySpan EntriesIn(const v1::GetEntryResponse& response) {
  return {response.entry().index(), response.entry().index() + 1};
}

EntrySpan EntriesIn(const v1::ListEntriesResponse& response) {
  if (response.entries().empty()) return {};
  return {response.entries().begin()->index(), response.entries().rbegin()->index() + 1};
}

void UnaryCall::FinishOnRecord(const std::shared_ptr<UnaryCall>& call, AccessPhase phase,
                               EntrySpan range, const google::protobuf::Message& response) {
  const absl::StatusOr<Ledger*> ledger = FindLedger(*call, "ledger", call->authorized_ledger());
  if (!ledger.ok()) return call->Fail(ledger.status());
  // Serialised here: whoever calls back has other calls to answer.
  const auto answer = [call, bytes = SerializeMessage(response)](const absl::Status& recorded) {
    if (!recorded.ok()) return call->Fail(recorded);
    if (!call->finished_.exchange(true)) call->Answer(bytes);
  };
  AccessRead read = call->ReadOf(phase, range);
  read.answer_bytes = response.ByteSizeLong();
  const bool holds_none = phase == AccessPhase::kRead && range.end == range.begin;
  if (holds_none) return answer(absl::OkStatus());
  call->context().access_log.Record(**ledger, std::move(read), answer);
}

void UnaryCall::Finish(const google::protobuf::Message& response) {
  if (content()) return Fail(absl::InternalError("an answer with payloads is not on record"));
  if (finished_.exchange(true)) return;
  Answer(SerializeMessage(response));
}

void UnaryCall::FinishSerialized(absl::string_view response) {
  if (finished_.exchange(true)) return;
  const grpc::Slice slice(response.data(), response.size());
  Answer(grpc::ByteBuffer(&slice, 1));
}

void UnaryCall::Answer(const grpc::ByteBuffer& response) {
  *out_ = response;  // shares the slices
  Record(absl::OkStatus());
  reactor_->Finish(grpc::Status::OK);
  LeaveAndReturn();
}

void UnaryCall::Fail(const absl::Status& status) {
  if (finished_.exchange(true)) return;
  Record(status);
  reactor_->Finish(ToGrpcStatus(status));
  LeaveAndReturn();
}

}  // namespace auditledger
