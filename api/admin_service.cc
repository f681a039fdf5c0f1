// AdminService.
#include <memory>
#include <string>
#include <utility>

#include "api/ack.h"
#include "api/call.h"
#include "api/convert.h"
#include "api/names.h"
#include "api/service.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

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
      context.ledgers.Create(request.ledger_id(), request.origin());
  if (!made.ok()) {
    return WithResource(made.status(), "auditledger.v1.Ledger", LedgerName(request.ledger_id()));
  }
  context.log.Event("ledger_created",
                    {{"ledger", request.ledger_id()}, {"origin", request.origin()}});
  v1::CreateLedgerResponse response;
  *response.mutable_ledger() = ToLedger(
      {request.ledger_id(), request.origin(), *made, absl::OkStatus()}, /*full_reasons=*/true);
  return response;
}

}  // namespace

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
          v1::Ledger* const added = response.add_ledgers();
          *added = ToLedger(slot, /*full_reasons=*/true);
          AddWitnessing(context, slot.id, /*full_reasons=*/true, *added);
        }
        call->Finish(response);
      });
}

}  // namespace auditledger
