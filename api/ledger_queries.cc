// GetLedger, ListLedgers, ListStreams.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "api/ack.h"
#include "api/call.h"
#include "api/convert.h"
#include "api/intake.h"
#include "api/names.h"
#include "api/paging.h"
#include "api/service.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::StatusOr<v1::GetLedgerResponse> GetOne(const Call& call, const std::string& name) {
  ServiceContext& context = call.context();
  ASSIGN_OR_RETURN(const std::string id, ParseLedgerName("name", name));
  for (const LedgerSet::Slot& slot : context.ledgers.List()) {
    if (slot.id != id || name != call.authorized_ledger()) continue;
    v1::GetLedgerResponse response;
    *response.mutable_ledger() = ToLedger(slot, /*full_reasons=*/false);
    AddWitnessing(context, slot.id, /*full_reasons=*/false, *response.mutable_ledger());
    return response;
  }
  return FindLedger(call, "name", name).status();  // says NOT_FOUND in the one way there is
}

// Those alone that the caller has a role for: of the others not even that they are there.
std::vector<LedgerSet::Slot> SlotsFor(const Call& call) {
  std::vector<LedgerSet::Slot> slots = call.context().ledgers.List();
  slots.erase(std::remove_if(slots.begin(), slots.end(),
                             [&](const LedgerSet::Slot& slot) { return !call.MaySee(slot.id); }),
              slots.end());
  return slots;
}

absl::StatusOr<v1::ListLedgersResponse> ListSlots(const Call& call,
                                                  const v1::ListLedgersRequest& request) {
  constexpr char kListing[] = "ListLedgers";
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  std::string after;
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(after, call.context().tokens.Open(kListing, request.page_token()));
  }
  v1::ListLedgersResponse response;
  const std::vector<LedgerSet::Slot> slots = SlotsFor(call);
  auto at = std::find_if(slots.begin(), slots.end(),
                         [&](const LedgerSet::Slot& s) { return s.id > after; });
  for (; at != slots.end() && response.ledgers_size() < page_size; ++at) {
    *response.add_ledgers() = ToLedger(*at, /*full_reasons=*/false);
  }
  if (at != slots.end())
    response.set_next_page_token(call.context().tokens.Seal(kListing, std::prev(at)->id));
  return response;
}

absl::StatusOr<v1::ListStreamsResponse> StreamPage(ServiceContext& context, Ledger& ledger,
                                                   const v1::ListStreamsRequest& request) {
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  const std::string listing = absl::StrCat("ListStreams ", request.parent());
  uint32_t first = 0;
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(const std::string body, context.tokens.Open(listing, request.page_token()));
    if (!absl::SimpleAtoi(body, &first))
      return absl::InternalError("a page token of ours does not parse");
  }
  // One more than the page tells whether this is the end.
  const size_t limit = static_cast<size_t>(page_size);
  std::vector<StreamInfo> streams = ledger.Streams(first, limit + 1, kMaxListedGaps);
  v1::ListStreamsResponse response;
  for (size_t i = 0; i < std::min(limit, streams.size()); ++i)
    *response.add_streams() = ToStream(streams[i]);
  if (streams.size() > limit) {
    response.set_next_page_token(context.tokens.Seal(listing, absl::StrCat(first + limit)));
  }
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* LedgerServiceImpl::GetLedger(GrpcContext* grpc_context, const Bytes* in,
                                                       Bytes* out) {
  return HandleUnary<v1::GetLedgerRequest>(
      context_, listener_, grpc_context, in, out, "LedgerService/GetLedger",
      [](const std::shared_ptr<UnaryCall>& call, const v1::GetLedgerRequest& request) {
        call->Finish(GetOne(*call, request.name()));
      });
}

grpc::ServerUnaryReactor* LedgerServiceImpl::ListLedgers(GrpcContext* grpc_context, const Bytes* in,
                                                         Bytes* out) {
  return HandleUnary<v1::ListLedgersRequest>(
      context_, listener_, grpc_context, in, out, "LedgerService/ListLedgers",
      [](const std::shared_ptr<UnaryCall>& call, const v1::ListLedgersRequest& request) {
        call->Finish(ListSlots(*call, request));
      });
}

grpc::ServerUnaryReactor* LedgerServiceImpl::ListStreams(GrpcContext* grpc_context, const Bytes* in,
                                                         Bytes* out) {
  return HandleUnary<v1::ListStreamsRequest>(
      context_, listener_, grpc_context, in, out, "LedgerService/ListStreams",
      [](const std::shared_ptr<UnaryCall>& call, v1::ListStreamsRequest request) {
        RunRead<v1::ListStreamsResponse>(
            call,
            [call, request = std::move(request)]() -> absl::StatusOr<v1::ListStreamsResponse> {
              ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(*call, "parent", request.parent()));
              return StreamPage(call->context(), *ledger, request);
            });
      });
}

}  // namespace auditledger
