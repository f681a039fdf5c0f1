// AdminService.
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/access/access_log.h"
#include "api/access/policy_keeper.h"
#include "api/ack.h"
#include "api/call.h"
#include "api/convert.h"
#include "api/intake.h"
#include "api/names.h"
#include "api/service.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"

namespace auditledger {
namespace {

absl::StatusOr<v1::CreateLedgerResponse> Create(ServiceContext& context,
                                                const v1::CreateLedgerRequest& request) {
  std::vector<FieldViolation> violations;
  const absl::Status id = CheckLedgerId(request.ledger_id());
  if (!id.ok()) violations.push_back({"ledger_id", "must be [a-z][a-z0-9-]{0,62}"});
  const absl::Status origin = CheckOrigin(request.origin());
  if (!origin.ok()) violations.push_back({"origin", std::string(origin.message())});
  if (!violations.empty()) return InvalidFields(violations, kReasonInvalidArgument);
  const absl::StatusOr<Ledger*> made =
      context.ledgers.Create(request.ledger_id(), request.origin(),
                             {request.predecessor_checkpoint(), request.predecessor_end()});
  if (absl::IsInvalidArgument(made.status())) {
    return InvalidField("predecessor_checkpoint", std::string(made.status().message()));
  }
  if (!made.ok()) {
    return WithResource(made.status(), "auditledger.v1.Ledger", LedgerName(request.ledger_id()));
  }
  context.log.Event("ledger_created",
                    {{"ledger", request.ledger_id()}, {"origin", request.origin()}});
  context.policy->Record(request.ledger_id(), **made);
  v1::CreateLedgerResponse response;
  *response.mutable_ledger() = ToLedger(
      {request.ledger_id(), request.origin(), *made, absl::OkStatus()}, /*full_reasons=*/true);
  return response;
}

absl::StatusOr<Freeze> ToFreeze(const v1::FreezeLedgerRequest& request) {
  Freeze freeze;
  freeze.confirmed_size = request.confirmed_size();
  freeze.successor_origin = request.successor_origin();
  if (!freeze.successor_origin.empty() && !CheckOrigin(freeze.successor_origin).ok()) {
    return InvalidField("successor_origin", "is no origin");
  }
  if (request.successor_vkey().empty()) return freeze;
  const absl::StatusOr<NoteVerifier> key = NoteVerifier::Parse(request.successor_vkey());
  if (!key.ok() || key->name() != freeze.successor_origin) {
    return InvalidField("successor_vkey", "is no key of the successor's origin");
  }
  freeze.successor_key_hash = LogKeyHash(key->type(), key->public_key());
  return freeze;
}

absl::StatusOr<v1::FreezeLedgerResponse> FreezeOne(const Call& call,
                                                   const v1::FreezeLedgerRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, ParseLedgerName("ledger", request.ledger()));
  ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(call, "ledger", request.ledger()));
  ASSIGN_OR_RETURN(const Freeze freeze, ToFreeze(request));
  const absl::Status frozen = ledger->FreezeLog(freeze);
  if (absl::IsInvalidArgument(frozen)) {
    return InvalidField("confirmed_size", "is beyond the log's size");
  }
  RETURN_IF_ERROR(frozen);
  call.context().log.Warning("ledger_frozen",
                             {{"ledger", id}, {"size", absl::StrCat(ledger->head()->head.size)}});
  v1::FreezeLedgerResponse response;
  *response.mutable_ledger() =
      ToLedger({id, ledger->origin(), ledger, absl::OkStatus()}, /*full_reasons=*/true);
  return response;
}

// Who asked is an event: the ledger's own entry of it lies open in the leaf, and names nobody.
absl::Status RecordRotation(const Call& call, Ledger& ledger, bool keep) {
  std::promise<absl::Status> answer;
  call.context().access_log.RecordChange(
      ledger,
      {SecurityChange::kWrappingKey,
       absl::StrCat("wrapping key, old one ", keep ? "kept" : "destroyed"), call.principal().name},
      [&answer](const absl::Status& status) { answer.set_value(status); });
  return answer.get_future().get();
}

absl::StatusOr<v1::RotateWrappingKeyResponse> RotateOne(
    const Call& call, const v1::RotateWrappingKeyRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, ParseLedgerName("ledger", request.ledger()));
  ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(call, "ledger", request.ledger()));
  if (request.old_key() != v1::RotateWrappingKeyRequest::OLD_KEY_KEEP &&
      request.old_key() != v1::RotateWrappingKeyRequest::OLD_KEY_DESTROY) {
    return InvalidField("old_key", "must be OLD_KEY_KEEP or OLD_KEY_DESTROY");
  }
  const bool keep = request.old_key() == v1::RotateWrappingKeyRequest::OLD_KEY_KEEP;
  RETURN_IF_ERROR(RecordRotation(call, *ledger, keep));
  ASSIGN_OR_RETURN(const uint16_t key_id,
                   ledger->RotateWrappingKey(keep ? OldKey::kKeep : OldKey::kDestroy));
  call.context().log.Warning(
      "wrapping_key_rotation",
      {{"ledger", id}, {"key_id", absl::StrCat(key_id)}, {"old", keep ? "kept" : "destroyed"}});
  v1::RotateWrappingKeyResponse response;
  response.set_key_id(key_id);
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* AdminServiceImpl::RotateWrappingKey(GrpcContext* grpc_context,
                                                              const Bytes* in, Bytes* out) {
  return HandleUnary<v1::RotateWrappingKeyRequest>(
      context_, listener_, grpc_context, in, out, "AdminService/RotateWrappingKey",
      [](const std::shared_ptr<UnaryCall>& call, v1::RotateWrappingKeyRequest request) {
        RunRead<v1::RotateWrappingKeyResponse>(
            call, [call, request = std::move(request)] { return RotateOne(*call, request); });
      });
}

grpc::ServerUnaryReactor* AdminServiceImpl::FreezeLedger(GrpcContext* grpc_context, const Bytes* in,
                                                         Bytes* out) {
  return HandleUnary<v1::FreezeLedgerRequest>(
      context_, listener_, grpc_context, in, out, "AdminService/FreezeLedger",
      [](const std::shared_ptr<UnaryCall>& call, v1::FreezeLedgerRequest request) {
        RunRead<v1::FreezeLedgerResponse>(
            call, [call, request = std::move(request)] { return FreezeOne(*call, request); });
      });
}

grpc::ServerUnaryReactor* AdminServiceImpl::CreateLedger(GrpcContext* grpc_context, const Bytes* in,
                                                         Bytes* out) {
  return HandleUnary<v1::CreateLedgerRequest>(
      context_, listener_, grpc_context, in, out, "AdminService/CreateLedger",
      [](const std::shared_ptr<UnaryCall>& call, v1::CreateLedgerRequest request) {
        RunRead<v1::CreateLedgerResponse>(call, [call, request = std::move(request)] {
          return Create(call->context(), request);
        });
      });
}

grpc::ServerUnaryReactor* AdminServiceImpl::GetServerStatus(GrpcContext* grpc_context,
                                                            const Bytes* in, Bytes* out) {
  return HandleUnary<v1::GetServerStatusRequest>(
      context_, listener_, grpc_context, in, out, "AdminService/GetServerStatus",
      [](const std::shared_ptr<UnaryCall>& call, const v1::GetServerStatusRequest&) {
        ServiceContext& context = call->context();
        v1::GetServerStatusResponse response;
        response.set_version(context.version);
        response.set_uptime_seconds((context.clock.MonotonicMicros() - context.started_us) /
                                    1'000'000);
        for (const LedgerSet::Slot& slot : context.ledgers.List()) {
          if (!call->MaySee(slot.id)) continue;
          v1::Ledger* const added = response.add_ledgers();
          *added = ToLedger(slot, /*full_reasons=*/true);
          AddWitnessing(context, slot.id, /*full_reasons=*/true, *added);
        }
        call->Finish(response);
      });
}

}  // namespace auditledger
