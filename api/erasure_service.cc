// ErasureService: who asks for an erasure, approves it, holds entries. What is decided and done is
// the ledger's (ledger/eraser.h); here a request becomes ranges and an event that says who and why.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "api/call.h"
#include "api/intake.h"
#include "api/receipt_writer.h"
#include "api/service.h"
#include "api/status.h"
#include "ledger/random.h"
#include "merkle/erasure_entries.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/tags.h"

namespace auditledger {
namespace {

constexpr size_t kMaxWhyBytes = 1024;
// Leaves that one call reads: some 15 MB, a tenth of a second.
constexpr uint64_t kMaxScannedLeaves = 100'000;
constexpr size_t kEventIdBytes = 16;
constexpr char kStream[] = "auditledger-erasures";

enum class NeedsWhy { kYes, kNo };

absl::Status CheckWhy(const std::string& why, NeedsWhy needs) {
  if (why.empty() && needs == NeedsWhy::kYes) return InvalidField("why", "is required and missing");
  if (why.size() <= kMaxWhyBytes) return absl::OkStatus();
  return InvalidField("why", absl::StrCat("has ", why.size(), " bytes, at most ", kMaxWhyBytes));
}

template <typename Request>
absl::StatusOr<EntryRanges> RangesIn(const Request& request) {
  EntryRanges ranges;
  for (const v1::EntryRange& range : request.ranges()) {
    ranges.push_back({range.first(), range.last()});
  }
  const absl::Status valid = CheckRanges(ranges);
  if (!valid.ok()) return InvalidField("ranges", valid.message());
  return ranges;
}

void PutRanges(absl::Span<const EntryRange> ranges,
               google::protobuf::RepeatedPtrField<v1::EntryRange>& out) {
  for (const EntryRange& range : ranges) {
    v1::EntryRange* const added = out.Add();
    added->set_first(range.first);
    added->set_last(range.last);
  }
}

v1::Coding Coded(const char* system, const char* code, const char* display) {
  v1::Coding coding;
  coding.set_system(system);
  coding.set_code(code);
  coding.set_display(display);
  return coding;
}

// No patient: it is there for as long as the log is.
v1::AuditEvent EventOf(ServiceContext& context, const Principal& principal, const char* what,
                       const std::string& about, const std::string& why) {
  const uint64_t now_us = context.clock.WallMicros();
  v1::AuditEvent event;
  event.set_event_id(absl::BytesToHexString(Random::System().Bytes(kEventIdBytes)));
  event.set_schema_version(1);
  v1::Time& recorded = *event.mutable_recorded();
  recorded.mutable_at()->set_seconds(static_cast<int64_t>(now_us / 1'000'000));
  recorded.mutable_at()->set_nanos(static_cast<int32_t>(now_us % 1'000'000 * 1000));
  recorded.set_utc_offset_minutes(0);
  recorded.set_fraction_digits(6);
  *event.add_category()->add_coding() =
      Coded("http://dicom.nema.org/resources/ontology/DCM", "110113", "Security Alert");
  event.add_code()->set_text(what);
  event.set_action(v1::ACTION_EXECUTE);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  event.mutable_outcome()->set_description(why);
  v1::Agent& agent = *event.add_agent();
  agent.mutable_who()->mutable_identifier()->set_value(principal.name);
  agent.set_requestor(true);
  event.mutable_source()->mutable_observer()->set_display("auditledgerd");
  event.mutable_source()->set_stream_id(kStream);
  v1::Entity& entity = *event.add_entity();
  entity.mutable_what()->set_display("entries of this ledger");
  entity.set_description(about);
  return event;
}

// An entry of the ledger's own: what says who and why, sealed, and its canonical bytes.
struct Sealed {
  SealedEvent event;
  std::string bytes;
};
absl::StatusOr<Sealed> SealWhy(const UnaryCall& call, Ledger& ledger, const char* what,
                               const std::string& about, const std::string& why) {
  v1::AppendEventRequest request;
  *request.mutable_event() = EventOf(call.context(), call.principal(), what, about, why);
  ASSIGN_OR_RETURN(std::vector<SealedEvent> sealed,
                   SealEvents(call.context(), ledger, call.principal(), {&request}, false));
  const std::string& masked = sealed.front().masked_event;
  std::string bytes = masked.empty() ? request.event().SerializeAsString() : masked;
  return Sealed{std::move(sealed.front()), std::move(bytes)};
}

template <typename Response>
absl::StatusOr<Response> Answer(const absl::StatusOr<AppendOutcome>& outcome,
                                const std::string& event) {
  RETURN_IF_ERROR(outcome.status());
  std::string bytes;
  ReceiptWriter(*outcome->head)
      .Append(outcome->entries.front(), ReceiptForm::kWhole, /*with_opening=*/true,
              Response::kReceiptFieldNumber, bytes);
  Response response;
  if (!response.ParseFromString(bytes)) return absl::InternalError("a receipt does not parse");
  response.set_event(event);
  return response;
}

absl::StatusOr<v1::FindSubjectResponse> Find(const UnaryCall& call,
                                             const v1::FindSubjectRequest& request) {
  ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(call, "ledger", request.ledger()));
  const v1::Identifier& subject = request.subject();
  if (subject.value().empty()) return InvalidField("subject.value", "is required and missing");
  const absl::StatusOr<Hash> tag =
      ledger->sealer().TagOf({std::string(kTagKindPatient), subject.system(), subject.value()});
  if (!tag.ok()) return InvalidField("subject", tag.status().message());
  const uint64_t size = ledger->head()->head.size;
  const uint64_t end =
      std::min(size, std::max(request.start_index(), request.start_index() + kMaxScannedLeaves));
  EntryRanges ranges;
  uint64_t next = request.start_index();
  const auto look = [&](const StoredEntry& entry) {
    const absl::StatusOr<Leaf> leaf = ParseLeaf(entry.leaf);
    const bool is_theirs =
        leaf.ok() && (leaf->kind == EntryKind::kEvent || leaf->kind == EntryKind::kConflict) &&
        std::binary_search(leaf->tags.begin(), leaf->tags.end(), *tag) &&
        !ledger->ErasedBy(entry.index).has_value();
    if (is_theirs && !ranges.empty() && ranges.back().last + 1 == entry.index) {
      ranges.back().last = entry.index;
    } else if (is_theirs) {
      if (ranges.size() == kMaxErasureRanges) return false;
      ranges.push_back({entry.index, entry.index});
    }
    next = entry.index + 1;
    return true;
  };
  RETURN_IF_ERROR(ledger->ReadEntries(request.start_index(), end, false, look));
  v1::FindSubjectResponse response;
  PutRanges(ranges, *response.mutable_ranges());
  response.set_next_index(next);
  response.set_size(size);
  return response;
}

absl::StatusOr<v1::RequestErasureResponse> Request(const UnaryCall& call,
                                                   const v1::RequestErasureRequest& request) {
  ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(call, "ledger", request.ledger()));
  ErasureScope scope;
  ASSIGN_OR_RETURN(scope.ranges, RangesIn(request));
  if (scope.ranges.empty()) return InvalidField("ranges", "is required and missing");
  if (request.reason() == v1::ERASURE_REASON_UNSPECIFIED ||
      !v1::ErasureReason_IsValid(request.reason())) {
    return InvalidField("reason", "is required, and one of this server's");
  }
  scope.reason = static_cast<ErasureReason>(request.reason());
  RETURN_IF_ERROR(CheckWhy(request.why(), NeedsWhy::kYes));
  ASSIGN_OR_RETURN(Sealed sealed, SealWhy(call, *ledger, "request for an erasure",
                                          absl::StrCat(CountEntries(scope.ranges), " entries, ",
                                                       ErasureReasonName(scope.reason)),
                                          request.why()));
  return Answer<v1::RequestErasureResponse>(ledger->RequestErasure(scope, std::move(sealed.event)),
                                            sealed.bytes);
}

absl::StatusOr<v1::ApproveErasureResponse> Approve(const UnaryCall& call,
                                                   const v1::ApproveErasureRequest& request) {
  ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(call, "ledger", request.ledger()));
  RETURN_IF_ERROR(CheckWhy(request.why(), NeedsWhy::kNo));
  ASSIGN_OR_RETURN(
      Sealed sealed,
      SealWhy(call, *ledger, "erasure", absl::StrCat("as entry ", request.request_index(), " asks"),
              request.why()));
  const absl::StatusOr<AppendOutcome> outcome =
      ledger->Erase(request.request_index(), std::move(sealed.event));
  ASSIGN_OR_RETURN(v1::ApproveErasureResponse response,
                   Answer<v1::ApproveErasureResponse>(outcome, sealed.bytes));
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(outcome->entries.front().leaf));
  ASSIGN_OR_RETURN(const Erasure erasure, ParseErasure(leaf.body));
  PutRanges(erasure.scope.ranges, *response.mutable_ranges());
  return response;
}

absl::StatusOr<v1::PlaceLegalHoldResponse> Place(const UnaryCall& call,
                                                 const v1::PlaceLegalHoldRequest& request) {
  ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(call, "ledger", request.ledger()));
  LegalHold hold;
  ASSIGN_OR_RETURN(hold.ranges, RangesIn(request));
  RETURN_IF_ERROR(CheckWhy(request.why(), NeedsWhy::kYes));
  ASSIGN_OR_RETURN(Sealed sealed, SealWhy(call, *ledger, "legal hold placed", "", request.why()));
  return Answer<v1::PlaceLegalHoldResponse>(ledger->SetLegalHold(hold, std::move(sealed.event)),
                                            sealed.bytes);
}

absl::StatusOr<v1::LiftLegalHoldResponse> Lift(const UnaryCall& call,
                                               const v1::LiftLegalHoldRequest& request) {
  ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(call, "ledger", request.ledger()));
  RETURN_IF_ERROR(CheckWhy(request.why(), NeedsWhy::kYes));
  ASSIGN_OR_RETURN(Sealed sealed,
                   SealWhy(call, *ledger, "legal hold lifted",
                           absl::StrCat("of entry ", request.hold_index()), request.why()));
  return Answer<v1::LiftLegalHoldResponse>(
      ledger->SetLegalHold({true, {}, request.hold_index()}, std::move(sealed.event)),
      sealed.bytes);
}

template <typename Response, typename Request>
grpc::ServerUnaryReactor* OnPool(ServiceContext& context, const ListenerIdentity& listener,
                                 GrpcContext* grpc_context, const Bytes* in, Bytes* out,
                                 absl::string_view method,
                                 absl::StatusOr<Response> (*handle)(const UnaryCall&,
                                                                    const Request&)) {
  return HandleUnary<Request>(
      context, listener, grpc_context, in, out, method,
      [handle](const std::shared_ptr<UnaryCall>& call, Request request) {
        RunRead<Response>(
            call, [call, handle, request = std::move(request)] { return handle(*call, request); });
      });
}

}  // namespace

grpc::ServerUnaryReactor* ErasureServiceImpl::FindSubject(GrpcContext* grpc_context,
                                                          const Bytes* in, Bytes* out) {
  return HandleUnary<v1::FindSubjectRequest>(
      context_, listener_, grpc_context, in, out, "ErasureService/FindSubject",
      [](const std::shared_ptr<UnaryCall>& call, v1::FindSubjectRequest request) {
        const bool queued = call->context().read_pool.Submit([call, request = std::move(request)] {
          const absl::StatusOr<v1::FindSubjectResponse> found = Find(*call, request);
          if (!found.ok()) return call->Fail(found.status());
          UnaryCall::FinishOnRecord(call, AccessPhase::kQuery,
                                    {request.start_index(), found->next_index()}, *found);
        });
        if (!queued) call->Fail(PoolIsFull());
      });
}

grpc::ServerUnaryReactor* ErasureServiceImpl::RequestErasure(GrpcContext* grpc_context,
                                                             const Bytes* in, Bytes* out) {
  return OnPool(context_, listener_, grpc_context, in, out, "ErasureService/RequestErasure",
                &Request);
}

grpc::ServerUnaryReactor* ErasureServiceImpl::ApproveErasure(GrpcContext* grpc_context,
                                                             const Bytes* in, Bytes* out) {
  return OnPool(context_, listener_, grpc_context, in, out, "ErasureService/ApproveErasure",
                &Approve);
}

grpc::ServerUnaryReactor* ErasureServiceImpl::PlaceLegalHold(GrpcContext* grpc_context,
                                                             const Bytes* in, Bytes* out) {
  return OnPool(context_, listener_, grpc_context, in, out, "ErasureService/PlaceLegalHold",
                &Place);
}

grpc::ServerUnaryReactor* ErasureServiceImpl::LiftLegalHold(GrpcContext* grpc_context,
                                                            const Bytes* in, Bytes* out) {
  return OnPool(context_, listener_, grpc_context, in, out, "ErasureService/LiftLegalHold", &Lift);
}

}  // namespace auditledger
