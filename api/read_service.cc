// Entries, checkpoints and proofs.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/ack.h"
#include "api/call.h"
#include "api/convert.h"
#include "api/intake.h"
#include "api/list_position.h"
#include "api/names.h"
#include "api/paging.h"
#include "api/service.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using HeadPtr = std::shared_ptr<const PublishedHead>;

absl::StatusOr<v1::GetEntryResponse> ReadOne(Ledger& ledger, const HeadPtr& head, uint64_t index,
                                             const v1::GetEntryRequest& request) {
  const uint64_t size = request.tree_size() == 0 ? head->head.size : request.tree_size();
  v1::GetEntryResponse response;
  ASSIGN_OR_RETURN(const std::vector<Hash> hashes, ledger.Inclusion(index, size));
  ASSIGN_OR_RETURN(const StoredEntry entry,
                   ledger.ReadEntry(index, request.view() == v1::ENTRY_VIEW_FULL));
  *response.mutable_entry() = ToEntry(entry);
  *response.mutable_inclusion() = ToInclusion(index, size, hashes);
  response.mutable_checkpoint()->set_note(head->checkpoint);
  return response;
}

absl::StatusOr<v1::ListEntriesResponse> ListPage(ServiceContext& context, Ledger& ledger,
                                                 const v1::ListEntriesRequest& request) {
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  const std::string listing = absl::StrCat("ListEntries ", request.parent(), " ", request.view(),
                                           " ", request.start_index(), " ", request.end_index());
  ASSIGN_OR_RETURN(ListPosition at, PositionOf(context.tokens, listing, request.page_token(),
                                               request.start_index(), *ledger.head()));
  const uint64_t end = request.end_index() == 0 ? at.size : std::min(request.end_index(), at.size);
  v1::ListEntriesResponse response;
  response.mutable_checkpoint()->set_note(at.checkpoint);
  if (at.next >= end) return response;
  const uint64_t stop = std::min(end, at.next + static_cast<uint64_t>(page_size));
  size_t bytes = 0;
  RETURN_IF_ERROR(ledger.ReadEntries(at.next, stop, request.view() == v1::ENTRY_VIEW_FULL,
                                     [&](const StoredEntry& entry) {
                                       v1::Entry* added = response.add_entries();
                                       *added = ToEntry(entry);
                                       bytes += added->ByteSizeLong();
                                       at.next = entry.index + 1;
                                       return bytes < kMaxPageBytes;
                                     }));
  if (at.next < end) response.set_next_page_token(context.tokens.Seal(listing, EncodePosition(at)));
  return response;
}

absl::Status CheckView(v1::EntryView view) {
  if (v1::EntryView_IsValid(view)) return absl::OkStatus();
  return InvalidField("view", "is not a value this server knows");
}

absl::StatusOr<v1::GetInclusionProofResponse> Inclusion(
    Ledger& ledger, const HeadPtr& head, const v1::GetInclusionProofRequest& request) {
  const uint64_t size = request.tree_size() == 0 ? head->head.size : request.tree_size();
  ASSIGN_OR_RETURN(const std::vector<Hash> hashes, ledger.Inclusion(request.leaf_index(), size));
  v1::GetInclusionProofResponse response;
  *response.mutable_proof() = ToInclusion(request.leaf_index(), size, hashes);
  response.mutable_checkpoint()->set_note(head->checkpoint);
  return response;
}

absl::StatusOr<v1::GetConsistencyProofResponse> Consistency(
    Ledger& ledger, const HeadPtr& head, const v1::GetConsistencyProofRequest& request) {
  const uint64_t new_size = request.new_size() == 0 ? head->head.size : request.new_size();
  if (request.old_size() == 0) {
    return InvalidField("old_size", "must be at least 1: every tree extends the empty one");
  }
  if (request.old_size() > new_size) return InvalidField("old_size", "is over new_size");
  ASSIGN_OR_RETURN(const std::vector<Hash> hashes,
                   ledger.Consistency(request.old_size(), new_size));
  v1::GetConsistencyProofResponse response;
  response.mutable_proof()->set_old_size(request.old_size());
  response.mutable_proof()->set_new_size(new_size);
  for (const Hash& hash : hashes) response.mutable_proof()->add_hashes(std::string(hash.view()));
  response.mutable_checkpoint()->set_note(head->checkpoint);
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* LedgerServiceImpl::GetEntry(GrpcContext* grpc_context, const Bytes* in,
                                                      Bytes* out) {
  return HandleUnary<v1::GetEntryRequest>(
      context_, listener_, grpc_context, in, out, "LedgerService/GetEntry",
      [](const std::shared_ptr<UnaryCall>& call, v1::GetEntryRequest request) {
        RunRead<v1::GetEntryResponse>(
            call, [call, request = std::move(request)]() -> absl::StatusOr<v1::GetEntryResponse> {
              ASSIGN_OR_RETURN(const EntryName name, ParseEntryName("name", request.name()));
              RETURN_IF_ERROR(CheckView(request.view()));
              ASSIGN_OR_RETURN(Ledger* const ledger,
                               FindLedger(*call, "name", LedgerName(name.ledger_id)));
              ASSIGN_OR_RETURN(const HeadPtr head,
                               HeadFor(call->context(), *ledger, LedgerName(name.ledger_id),
                                       request.witnessed()));
              return ReadOne(*ledger, head, name.index, request);
            });
      });
}

grpc::ServerUnaryReactor* LedgerServiceImpl::ListEntries(GrpcContext* grpc_context, const Bytes* in,
                                                         Bytes* out) {
  return HandleUnary<v1::ListEntriesRequest>(
      context_, listener_, grpc_context, in, out, "LedgerService/ListEntries",
      [](const std::shared_ptr<UnaryCall>& call, v1::ListEntriesRequest request) {
        RunRead<v1::ListEntriesResponse>(
            call,
            [call, request = std::move(request)]() -> absl::StatusOr<v1::ListEntriesResponse> {
              RETURN_IF_ERROR(CheckView(request.view()));
              ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(*call, "parent", request.parent()));
              return ListPage(call->context(), *ledger, request);
            });
      });
}

grpc::ServerUnaryReactor* LedgerServiceImpl::GetCheckpoint(GrpcContext* grpc_context,
                                                           const Bytes* in, Bytes* out) {
  return HandleUnary<v1::GetCheckpointRequest>(
      context_, listener_, grpc_context, in, out, "LedgerService/GetCheckpoint",
      [](const std::shared_ptr<UnaryCall>& call, const v1::GetCheckpointRequest& request) {
        const absl::StatusOr<Ledger*> ledger = FindLedger(*call, "ledger", request.ledger());
        if (!ledger.ok()) return call->Fail(ledger.status());
        const absl::StatusOr<HeadPtr> head =
            HeadFor(call->context(), **ledger, request.ledger(), request.witnessed());
        if (!head.ok()) return call->Fail(head.status());
        v1::GetCheckpointResponse response;
        response.mutable_checkpoint()->set_note((*head)->checkpoint);
        call->Finish(response);
      });
}

grpc::ServerUnaryReactor* LedgerServiceImpl::GetInclusionProof(GrpcContext* grpc_context,
                                                               const Bytes* in, Bytes* out) {
  return HandleUnary<v1::GetInclusionProofRequest>(
      context_, listener_, grpc_context, in, out, "LedgerService/GetInclusionProof",
      [](const std::shared_ptr<UnaryCall>& call, v1::GetInclusionProofRequest request) {
        RunRead<v1::GetInclusionProofResponse>(
            call,
            [call,
             request = std::move(request)]() -> absl::StatusOr<v1::GetInclusionProofResponse> {
              ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(*call, "ledger", request.ledger()));
              ASSIGN_OR_RETURN(const HeadPtr head, HeadFor(call->context(), *ledger,
                                                           request.ledger(), request.witnessed()));
              return Inclusion(*ledger, head, request);
            });
      });
}

grpc::ServerUnaryReactor* LedgerServiceImpl::GetConsistencyProof(GrpcContext* grpc_context,
                                                                 const Bytes* in, Bytes* out) {
  return HandleUnary<v1::GetConsistencyProofRequest>(
      context_, listener_, grpc_context, in, out, "LedgerService/GetConsistencyProof",
      [](const std::shared_ptr<UnaryCall>& call, v1::GetConsistencyProofRequest request) {
        RunRead<v1::GetConsistencyProofResponse>(
            call,
            [call,
             request = std::move(request)]() -> absl::StatusOr<v1::GetConsistencyProofResponse> {
              ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(*call, "ledger", request.ledger()));
              ASSIGN_OR_RETURN(const HeadPtr head, HeadFor(call->context(), *ledger,
                                                           request.ledger(), request.witnessed()));
              return Consistency(*ledger, head, request);
            });
      });
}

}  // namespace auditledger
