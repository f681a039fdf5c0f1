#include "api/call.h"

#include "api/names.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {

Call::Call(ServiceContext& context, absl::string_view method)
    : context_(context), method_(method), started_us_(context.clock.MonotonicMicros()) {}

absl::Status Call::Admit(const grpc::ServerContextBase& grpc_context,
                         const ListenerIdentity& listener) {
  ASSIGN_OR_RETURN(principal_, Authenticate(grpc_context, listener));
  RETURN_IF_ERROR(context_.authorizer.Screen(principal_, method_));
  entered_ = context_.tracker.Enter();
  if (entered_) return absl::OkStatus();
  return WithReason(absl::UnavailableError("the server is shutting down"), kReasonShuttingDown);
}

absl::Status Call::Authorize(const AccessRequest& request) {
  RETURN_IF_ERROR(context_.authorizer.Allow(principal_, method_, request));
  ledger_ = std::string(request.ledger);
  content_ = request.content;
  return absl::OkStatus();
}

absl::Status Call::StillAllowed() const {
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
  context_.log.Rpc(method_, principal_.name, status, ElapsedMicros());
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

void UnaryCall::Finish(const google::protobuf::Message& response) {
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
