// ProofService: timestamps of heads as they were stored, and COSE receipts.
#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "api/call.h"
#include "api/intake.h"
#include "api/names.h"
#include "api/paging.h"
#include "api/service.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "ledger/timestamp_store.h"
#include "merkle/status_macros.h"
#include "merkle/tlog_proof.h"

namespace auditledger {
namespace {

absl::Status BeyondSize(uint64_t index, uint64_t size) {
  return WithReason(
      absl::OutOfRangeError(absl::StrCat("index ", index, " in a log of size ", size)),
      kReasonIndexBeyondSize, {{"index", absl::StrCat(index)}, {"size", absl::StrCat(size)}});
}

absl::StatusOr<TimestampStore> StoreOf(const Call& call, const std::string& field,
                                       const std::string& name) {
  RETURN_IF_ERROR(FindLedger(call, field, name).status());
  ASSIGN_OR_RETURN(const std::string id, ParseLedgerName(field, name));
  return TimestampStore(absl::StrCat(call.context().data_root, "/", id, "/timestamps"));
}

// The size that a name of a timestamp begins with.
uint64_t SizeOf(const std::string& stem) {
  uint64_t size = 0;
  (void)absl::SimpleAtoi(stem.substr(0, stem.find('-')), &size);
  return size;
}

absl::StatusOr<StoredTimestamp> ReadStored(const TimestampStore& store, const std::string& stem) {
  absl::StatusOr<StoredTimestamp> stored = store.Read(stem);
  if (stored.ok()) return stored;
  return WithReason(
      absl::DataLossError(absl::StrCat("timestamp ", stem, ": ", stored.status().message())),
      kReasonStorageCorrupt);
}

void Fill(const StoredTimestamp& stored, v1::HeadTimestamp& out) {
  out.set_name(stored.stem);
  out.set_checkpoint(stored.checkpoint);
  out.set_token(stored.token);
  out.set_receipt(stored.receipt);
}

absl::StatusOr<v1::ListTimestampsResponse> TimestampPage(const Call& call,
                                                         const v1::ListTimestampsRequest& request) {
  const PageTokens& tokens = call.context().tokens;
  ASSIGN_OR_RETURN(const TimestampStore store, StoreOf(call, "parent", request.parent()));
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  const std::string listing = absl::StrCat("ListTimestamps ", request.parent());
  std::string after;
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(after, tokens.Open(listing, request.page_token()));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> stems, store.List());
  auto at = stems.begin();
  if (!after.empty()) at = std::next(std::find(stems.begin(), stems.end(), after));
  if (!after.empty() && std::find(stems.begin(), stems.end(), after) == stems.end()) {
    return InvalidField("page_token", "names a timestamp that is no longer there",
                        kReasonBadPageToken);
  }
  v1::ListTimestampsResponse response;
  for (; at != stems.end() && response.timestamps_size() < page_size &&
         response.ByteSizeLong() < kMaxPageBytes;
       ++at) {
    ASSIGN_OR_RETURN(const StoredTimestamp stored, ReadStored(store, *at));
    Fill(stored, *response.add_timestamps());
  }
  if (at != stems.end()) {
    response.set_next_page_token(tokens.Seal(listing, *std::prev(at)));
  }
  return response;
}

// The newest of a head up to `index` whose own entry stands before `index`: what comes after that
// entry came after the token. Entries follow their heads closely, so few are read.
absl::Status FindBefore(const TimestampStore& store, const std::vector<std::string>& stems,
                        uint64_t index, v1::GetTimeBracketResponse& response) {
  for (auto at = stems.rbegin(); at != stems.rend(); ++at) {
    if (SizeOf(*at) >= index) continue;
    ASSIGN_OR_RETURN(const StoredTimestamp stored, ReadStored(store, *at));
    const absl::StatusOr<TlogProof> receipt = ParseTlogProof(stored.receipt);
    if (!receipt.ok() || receipt->index >= index) continue;
    Fill(stored, *response.mutable_before());
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::GetTimeBracketResponse> TimeBracket(const Call& call,
                                                       const v1::GetTimeBracketRequest& request) {
  ASSIGN_OR_RETURN(const TimestampStore store, StoreOf(call, "ledger", request.ledger()));
  ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(call, "ledger", request.ledger()));
  const uint64_t size = ledger->head()->head.size;
  if (request.index() >= size) return BeyondSize(request.index(), size);
  ASSIGN_OR_RETURN(const std::vector<std::string> stems, store.List());
  v1::GetTimeBracketResponse response;
  RETURN_IF_ERROR(FindBefore(store, stems, request.index(), response));
  for (const std::string& stem : stems) {
    if (SizeOf(stem) <= request.index()) continue;
    ASSIGN_OR_RETURN(const StoredTimestamp stored, ReadStored(store, stem));
    Fill(stored, *response.mutable_after());
    break;
  }
  return response;
}

absl::StatusOr<v1::GetCoseReceiptResponse> CoseReceiptOf(Ledger& ledger, uint64_t index,
                                                         absl::StatusOr<CoseHead> signed_head) {
  RETURN_IF_ERROR(signed_head.status());
  CoseReceipt& receipt = signed_head->receipt;
  if (index >= receipt.size) return BeyondSize(index, receipt.size);
  if (receipt.size == 1) {
    return WithReason(
        absl::FailedPreconditionError(
            "a log of one entry has no COSE receipt: RFC 9942 wants one hash at least in a path"),
        kReasonLogTooSmall);
  }
  receipt.index = index;
  ASSIGN_OR_RETURN(receipt.path, ledger.Inclusion(index, receipt.size));
  ASSIGN_OR_RETURN(std::string bytes, EncodeCoseReceipt(receipt));
  v1::GetCoseReceiptResponse response;
  response.set_receipt(std::move(bytes));
  response.set_tree_size(receipt.size);
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* ProofServiceImpl::ListTimestamps(GrpcContext* grpc_context,
                                                           const Bytes* in, Bytes* out) {
  return HandleUnary<v1::ListTimestampsRequest>(
      context_, listener_, grpc_context, in, out, "ProofService/ListTimestamps",
      [](const std::shared_ptr<UnaryCall>& call, v1::ListTimestampsRequest request) {
        RunRead<v1::ListTimestampsResponse>(
            call, [call, request = std::move(request)] { return TimestampPage(*call, request); });
      });
}

grpc::ServerUnaryReactor* ProofServiceImpl::GetTimeBracket(GrpcContext* grpc_context,
                                                           const Bytes* in, Bytes* out) {
  return HandleUnary<v1::GetTimeBracketRequest>(
      context_, listener_, grpc_context, in, out, "ProofService/GetTimeBracket",
      [](const std::shared_ptr<UnaryCall>& call, v1::GetTimeBracketRequest request) {
        RunRead<v1::GetTimeBracketResponse>(
            call, [call, request = std::move(request)] { return TimeBracket(*call, request); });
      });
}

grpc::ServerUnaryReactor* ProofServiceImpl::GetCoseReceipt(GrpcContext* grpc_context,
                                                           const Bytes* in, Bytes* out) {
  return HandleUnary<v1::GetCoseReceiptRequest>(
      context_, listener_, grpc_context, in, out, "ProofService/GetCoseReceipt",
      [](const std::shared_ptr<UnaryCall>& call, const v1::GetCoseReceiptRequest& request) {
        const absl::StatusOr<Ledger*> ledger = FindLedger(*call, "ledger", request.ledger());
        if (!ledger.ok()) return call->Fail(ledger.status());
        const uint64_t size = (*ledger)->head()->head.size;
        // Before anything is signed for it.
        if (request.index() >= size) return call->Fail(BeyondSize(request.index(), size));
        (*ledger)->SignCoseHead([call, ledger = *ledger,
                                 index = request.index()](absl::StatusOr<CoseHead> signed_head) {
          RunRead<v1::GetCoseReceiptResponse>(
              call, [ledger, index, signed_head = std::move(signed_head)] {
                return CoseReceiptOf(*ledger, index, signed_head);
              });
        });
      });
}

}  // namespace auditledger
