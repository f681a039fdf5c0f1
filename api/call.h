// One rpc from arrival to its finish, so that each is admitted, authorised, counted, logged and
// finished in one way, exactly once.
//
//   Call        principal, time, counters; base of unary calls and streams
//   UnaryCall   finishes gRPC's default reactor; the first Finish counts, later ones are ignored (a
//   callback that
//               comes after the server's own deadline, for one)
//
// Example, a handler:
//   return HandleUnary<v1::GetCheckpointRequest>(context, listener, grpc_context, in, out, kMethod,
//       [](const std::shared_ptr<UnaryCall>& call, const v1::GetCheckpointRequest& request) {
//         call->Finish(...);
//       });
//
// Authorisation cannot be forgotten: HandleUnary (and HandleHeadStream of head_stream.h) asks
// AccessOf about the parsed request, a method that the table of access/permissions.h does not name
// is refused, and FindLedger (intake.h) gives a call no ledger but the one it was authorised for.
//
// Thread-safety: Finish may be called by any thread.
#ifndef AUDITLEDGER_API_CALL_H_
#define AUDITLEDGER_API_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/access/access_log.h"
#include "api/access/access_request.h"
#include "api/access/authenticator.h"
#include "api/message_io.h"
#include "api/service_context.h"

namespace auditledger {

class Call {
 public:
  Call(ServiceContext& context, absl::string_view method);

  // Authenticates, refuses who may call this method on no ledger, and counts the call as in flight.
  // Unavailable while draining.
  absl::Status Admit(const grpc::ServerContextBase& grpc_context, const ListenerIdentity& listener);
  // Decides whether the caller may have what the request asks for. REQUIRES: admitted; called
  // before anything is looked up for it, by one thread.
  absl::Status Authorize(const AccessRequest& request);
  // Unauthenticated once the token that opened a stream has expired.
  absl::Status StillAuthenticated() const;
  // Both decisions once more: a token or a grant ends, or the policy changes, while a stream is
  // open.
  absl::Status StillAllowed() const;
  // Whether this method would be allowed for that ledger: for answers about many.
  bool MaySee(absl::string_view ledger_id) const;
  // Whether one more event, of that stream, may be appended. REQUIRES: authorised.
  absl::Status AllowStream(absl::string_view stream_id) const;
  // What Authorize was asked about: "ledgers/main"; empty before.
  const std::string& authorized_ledger() const { return ledger_; }
  // Whether the answer holds payloads or openings, so that it has to be on record first.
  bool content() const { return content_; }
  AccessRead ReadOf(AccessPhase phase, EntrySpan range) const {
    return {principal_.name, method_, ledger_, phase, range, 0};
  }
  // Metrics and log. Called once, just before the reactor is finished.
  void Record(const absl::Status& status);
  // Out of flight. Called once, after the reactor was finished: a drain that saw the call leave
  // earlier would shut the server down under its answer.
  void Leave();

  ServiceContext& context() const { return context_; }
  const Principal& principal() const { return principal_; }
  uint64_t ElapsedMicros() const { return context_.clock.MonotonicMicros() - started_us_; }
  uint64_t started_us() const { return started_us_; }

 protected:
  // Whether a write that began then waits for a reader who takes nothing.
  bool IsStuck(uint64_t write_began_us) const;
  // What such a stream ends with.
  static absl::Status SlowReader();
  // Ends the rpc under a write that is stuck; the write then fails. REQUIRES: Admit was OK, and the
  // reactor is not finished.
  void CancelRpc() const { grpc_context_->TryCancel(); }

 private:
  ServiceContext& context_;
  const std::string method_;
  const uint64_t started_us_;
  Principal principal_;
  const grpc::ServerContextBase* grpc_context_ = nullptr;  // lives as long as the reactor
  bool entered_ = false;
  std::string asked_;     // as the request had it
  std::string ledger_;    // of Authorize
  bool content_ = false;  // the same
};

class UnaryCall : public TrackedCall, public Call {
 public:
  UnaryCall(ServiceContext& context, absl::string_view method, grpc::ServerUnaryReactor* reactor,
            grpc::ByteBuffer* out)
      : Call(context, method), reactor_(reactor), out_(out) {}

  // Refused for an answer with payloads: that is FinishOnRecord's.
  void Finish(const google::protobuf::Message& response);
  // The answer to a read of entries, or to a query, once it is on record who got it.
  static void FinishOnRecord(const std::shared_ptr<UnaryCall>& call, AccessPhase phase,
                             EntrySpan range, const google::protobuf::Message& response);
  void FinishSerialized(absl::string_view response);
  // Takes `bytes` until ReturnBytes, or until the call is finished. ResourceExhausted when too much
  // is taken already.
  absl::Status Hold(InFlightBytes& appends, size_t bytes);
  // Returns them sooner; again is nothing.
  void ReturnBytes();
  void Fail(const absl::Status& status);
  template <typename Response>
  void Finish(const absl::StatusOr<Response>& result) {
    if (result.ok()) {
      Finish(static_cast<const google::protobuf::Message&>(*result));
    } else {
      Fail(result.status());
    }
  }
  bool finished() const { return finished_.load(); }
  void Abort(const absl::Status& why) override { Fail(why); }

 private:
  void Answer(const grpc::ByteBuffer& response);
  void LeaveAndReturn();

  InFlightBytes* appends_ = nullptr;  // what Hold took from
  std::atomic<size_t> held_bytes_{0};

  std::atomic<bool> finished_{false};
  grpc::ServerUnaryReactor* const reactor_;  // gRPC's; not touched once finished_
  grpc::ByteBuffer* const out_;              // gRPC's; not touched once finished_
};

// `held`: where the request's bytes are taken from before it is parsed, if anywhere.
template <typename Request, typename Handler>
grpc::ServerUnaryReactor* HandleUnary(ServiceContext& context, const ListenerIdentity& listener,
                                      grpc::CallbackServerContext* grpc_context,
                                      const grpc::ByteBuffer* in, grpc::ByteBuffer* out,
                                      absl::string_view method, Handler handler,
                                      InFlightBytes* held = nullptr) {
  grpc::ServerUnaryReactor* const reactor = grpc_context->DefaultReactor();
  // Cancelled before its message came. Nobody waits for an answer; under a flood of resets
  // (reset_watch.h) nothing may be spent on it.
  if (!in->Valid()) {
    reactor->Finish(grpc::Status::CANCELLED);
    return reactor;
  }
  auto call = std::make_shared<UnaryCall>(context, method, reactor, out);
  Request request;
  absl::Status status = call->Admit(*grpc_context, listener);
  if (status.ok() && held != nullptr) status = call->Hold(*held, in->Length());
  if (status.ok()) status = ParseMessage(*in, request);
  if (status.ok()) status = call->Authorize(AccessOf(request));
  if (!status.ok()) {
    call->Fail(status);
    return reactor;
  }
  context.tracker.AddUnary(call,
                           call->started_us() + context.limits.max_deadline_seconds * 1'000'000);
  handler(std::move(call), std::move(request));
  return reactor;
}

// Which entries an answer holds: what is recorded of a read with payloads. Answers that hold none.
template <typename Response>
EntrySpan EntriesIn(const Response&) {
  return {};
}
EntrySpan EntriesIn(const v1::GetEntryResponse& response);
EntrySpan EntriesIn(const v1::ListEntriesResponse& response);

// Finishes `call` with what `read` gives, on the read pool.
template <typename Response>
void RunRead(const std::shared_ptr<UnaryCall>& call,
             std::function<absl::StatusOr<Response>()> read) {
  ReadPool& pool = call->context().read_pool;
  const bool queued = pool.Submit([call, read = std::move(read)] {
    if (call->finished()) return;
    const absl::StatusOr<Response> result = read();
    if (!result.ok() || !call->content()) return call->Finish(result);
    UnaryCall::FinishOnRecord(call, AccessPhase::kRead, EntriesIn(*result), *result);
  });
  if (!queued) call->Fail(PoolIsFull());
}

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CALL_H_
