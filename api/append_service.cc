// AppendEvent and BatchAppendEvents.
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/ack.h"
#include "api/batch_answer.h"
#include "api/call.h"
#include "api/intake.h"
#include "api/on_arena.h"
#include "api/receipt_writer.h"
#include "api/service.h"
#include "api/status.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kAppendEvent[] = "LedgerService/AppendEvent";
constexpr char kBatchAppendEvents[] = "LedgerService/BatchAppendEvents";

// While it waits for witnesses nothing has to be done for it, and their absence must not take the
// room of those who do not ask for them: how much waits there has a bound of its own (cosigner.h).
AppendCallback WithAckOf(const std::shared_ptr<UnaryCall>& call, Cosigner* cosigner,
                         AppendCallback done) {
  if (cosigner == nullptr) return done;
  return [call, then = WithAck(cosigner, std::move(done))](
             absl::StatusOr<AppendOutcome> outcome) mutable {
    call->ReturnBytes();
    then(std::move(outcome));
  };
}

void AppendOne(const std::shared_ptr<UnaryCall>& call, const v1::AppendEventRequest& request) {
  const absl::StatusOr<Ledger*> ledger = FindLedger(*call, "ledger", request.ledger());
  if (!ledger.ok()) return call->Fail(ledger.status());
  const absl::StatusOr<Cosigner*> cosigner =
      CosignerFor(call->context(), request.ledger(), "ack", request.ack());
  if (!cosigner.ok()) return call->Fail(cosigner.status());
  absl::StatusOr<std::vector<SealedEvent>> sealed =
      SealEvents(call->context(), **ledger, call->principal(), {&request}, /*indexed=*/false);
  if (!sealed.ok()) return call->Fail(sealed.status());
  const bool opening = request.include_opening();
  const auto answer = [call, opening](absl::StatusOr<AppendOutcome> outcome) {
    if (!outcome.ok()) return call->Fail(outcome.status());
    std::string response;
    ReceiptWriter(*outcome->head)
        .Append(outcome->entries[0], ReceiptForm::kWhole, opening,
                v1::AppendEventResponse::kReceiptFieldNumber, response);
    call->context().metrics.ObserveAppend(call->ElapsedMicros());
    call->FinishSerialized(response);
  };
  (*ledger)->Append(*std::move(sealed), WithAckOf(call, *cosigner, answer));
}

absl::Status CheckBatch(const v1::BatchAppendEventsRequest& request, const ApiLimits& limits) {
  const size_t count = static_cast<size_t>(request.requests_size());
  if (count == 0) return InvalidField("requests", "is required and missing");
  if (count > limits.max_batch_events) {
    return InvalidField("requests",
                        absl::StrCat(count, " events, over the limit of ", limits.max_batch_events),
                        kReasonBatchTooLarge);
  }
  const size_t bytes = request.ByteSizeLong();
  if (bytes > limits.max_batch_bytes) {
    return InvalidField("requests",
                        absl::StrCat(bytes, " bytes, over the limit of ", limits.max_batch_bytes),
                        kReasonBatchTooLarge);
  }
  for (int i = 0; i < request.requests_size(); ++i) {
    const std::string& ledger = request.requests(i).ledger();
    if (!ledger.empty() && ledger != request.ledger()) {
      return InvalidField(absl::StrCat("requests[", i, "].ledger"),
                          "must be empty or the batch's own");
    }
    const v1::AckLevel ack = request.requests(i).ack();
    if (ack != v1::ACK_LEVEL_UNSPECIFIED && ack != request.ack()) {
      return InvalidField(absl::StrCat("requests[", i, "].ack"),
                          "must be unspecified or the batch's own");
    }
  }
  return absl::OkStatus();
}

using BatchRequest = OnArena<v1::BatchAppendEventsRequest>;

void SealAndAppend(const std::shared_ptr<UnaryCall>& call, Ledger* ledger, Cosigner* cosigner,
                   const BatchRequest& request) {
  std::vector<const v1::AppendEventRequest*> events;
  for (const v1::AppendEventRequest& one : request->requests()) events.push_back(&one);
  absl::StatusOr<std::vector<SealedEvent>> sealed =
      SealEvents(call->context(), *ledger, call->principal(), events, /*indexed=*/true);
  if (!sealed.ok()) return call->Fail(sealed.status());
  // Not the request itself, which may be large and wait long.
  std::vector<bool> openings;
  for (const v1::AppendEventRequest* one : events) openings.push_back(one->include_opening());
  const auto answer = [call, openings = std::move(openings), share_proof = request->share_proof()](
                          absl::StatusOr<AppendOutcome> outcome) {
    if (!outcome.ok()) return call->Fail(outcome.status());
    if (call->finished()) return;
    const absl::StatusOr<std::string> response = BatchAnswer(*outcome, openings, share_proof);
    if (!response.ok()) return call->Fail(response.status());
    call->context().metrics.ObserveAppend(call->ElapsedMicros());
    call->FinishSerialized(*response);
  };
  ledger->Append(*std::move(sealed), WithAckOf(call, cosigner, answer));
}

void AppendBatch(const std::shared_ptr<UnaryCall>& call, const BatchRequest& request) {
  const absl::StatusOr<Ledger*> ledger = FindLedger(*call, "ledger", request->ledger());
  if (!ledger.ok()) return call->Fail(ledger.status());
  const absl::Status checked = CheckBatch(*request, call->context().limits);
  if (!checked.ok()) return call->Fail(checked);
  const absl::StatusOr<Cosigner*> cosigner =
      CosignerFor(call->context(), request->ledger(), "ack", request->ack());
  if (!cosigner.ok()) return call->Fail(cosigner.status());
  if (static_cast<size_t>(request->requests_size()) <= kMaxInlineSeals) {
    return SealAndAppend(call, *ledger, *cosigner, request);
  }
  const bool queued =
      call->context().seal_pool.Submit([call, ledger = *ledger, cosigner = *cosigner, request] {
        SealAndAppend(call, ledger, cosigner, request);
      });
  if (!queued) call->Fail(PoolIsFull());
}

}  // namespace

grpc::ServerUnaryReactor* LedgerServiceImpl::AppendEvent(GrpcContext* grpc_context, const Bytes* in,
                                                         Bytes* out) {
  return HandleUnary<v1::AppendEventRequest>(context_, listener_, grpc_context, in, out,
                                             kAppendEvent, AppendOne, &context_.appends);
}

grpc::ServerUnaryReactor* LedgerServiceImpl::BatchAppendEvents(GrpcContext* grpc_context,
                                                               const Bytes* in, Bytes* out) {
  return HandleUnary<BatchRequest>(context_, listener_, grpc_context, in, out, kBatchAppendEvents,
                                   AppendBatch, &context_.appends);
}

}  // namespace auditledger
