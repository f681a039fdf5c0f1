// PatientService: the entries of one patient, found by their leaves' tags.
#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/access/patient_access.h"
#include "api/call.h"
#include "api/convert.h"
#include "api/intake.h"
#include "api/list_position.h"
#include "api/names.h"
#include "api/paging.h"
#include "api/service.h"
#include "merkle/leaf.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/tags.h"

namespace auditledger {
namespace {

// Until there is an index by patient, leaves are read one after the other: some 15 MB a call, a
// tenth of a second.
constexpr uint64_t kMaxScannedLeaves = 100'000;

bool IsTagged(const StoredEntry& entry, const Hash& tag) {
  const absl::StatusOr<Leaf> leaf = ParseLeaf(entry.leaf);
  return leaf.ok() && std::binary_search(leaf->tags.begin(), leaf->tags.end(), tag);
}

// By its role (FHIR object-role, whatever system is named for it) or by what it points at.
bool IsPatient(const v1::Entity& entity) {
  const auto& codings = entity.role().coding();
  if (std::any_of(codings.begin(), codings.end(),
                  [](const v1::Coding& coding) { return coding.code() == "1"; })) {
    return true;
  }
  const std::string& reference = entity.what().reference();
  return entity.what().type() == "Patient" || absl::StartsWith(reference, "Patient/") ||
         absl::StrContains(reference, "/Patient/");
}

// FHIR's reference to a version is one to what has versions.
absl::string_view WithoutVersion(absl::string_view reference) {
  return reference.substr(0, reference.find("/_history/"));
}

// Whether both name the same one: by what both have, of which there is something.
bool AreSame(const v1::Reference& a, const v1::Reference& b) {
  const auto key = [](const v1::Reference& who) {
    return std::tie(who.identifier().system(), who.identifier().value());
  };
  const bool references = !a.reference().empty() && !b.reference().empty();
  const bool identifiers = !a.identifier().value().empty() && !b.identifier().value().empty();
  if (references && WithoutVersion(a.reference()) != WithoutVersion(b.reference())) return false;
  if (identifiers && key(a) != key(b)) return false;
  return references || identifiers;
}

// Whether the event is about no patient but one. What it does not declare, nobody can tell.
bool IsOfOnePatient(const Opening& opening) {
  v1::AuditEvent event;
  if (!event.ParseFromString(opening.event) || event.patient_size() != 1) return false;
  return std::none_of(event.entity().begin(), event.entity().end(), [&](const v1::Entity& entity) {
    return IsPatient(entity) && !AreSame(entity.what(), event.patient(0));
  });
}

// Indexes of the next entries with that tag, from `at.next` on, which is moved behind what was
// looked at.
absl::StatusOr<std::vector<uint64_t>> FindTagged(Ledger& ledger, const Hash& tag, size_t count,
                                                 ListPosition& at) {
  std::vector<uint64_t> out;
  const uint64_t end = std::min(at.size, at.next + kMaxScannedLeaves);
  if (at.next >= end) return out;
  RETURN_IF_ERROR(
      ledger.ReadEntries(at.next, end, /*with_opening=*/false, [&](const StoredEntry& entry) {
        if (IsTagged(entry, tag)) out.push_back(entry.index);
        at.next = entry.index + 1;
        return out.size() < count;
      }));
  return out;
}

absl::StatusOr<v1::PatientEntry> ReadOne(Ledger& ledger, uint64_t index, uint64_t size,
                                         bool payloads) {
  v1::PatientEntry out;
  ASSIGN_OR_RETURN(StoredEntry entry, ledger.ReadEntry(index, payloads));
  const bool withheld = entry.opening.has_value() && !IsOfOnePatient(*entry.opening);
  if (withheld) entry.opening.reset();
  *out.mutable_entry() = ToEntry(entry);
  if (withheld) out.mutable_entry()->set_payload_state(v1::PAYLOAD_STATE_WITHHELD);
  ASSIGN_OR_RETURN(const std::vector<Hash> hashes, ledger.Inclusion(index, size));
  *out.mutable_inclusion() = ToInclusion(index, size, hashes);
  return out;
}

absl::StatusOr<PatientCapability> CapabilityFor(const Call& call, const Ledger& ledger,
                                                const v1::ListPatientEntriesRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, ParseLedgerName("parent", request.parent()));
  ServiceContext& context = call.context();
  const uint64_t now_us = context.clock.WallMicros();
  const std::vector<NoteVerifier> keys = context.authorizer.rules()->PatientKeysOf(id, now_us);
  return CheckPatientCapability(request.capability(),
                                {keys, ledger.origin(), call.principal().name, now_us / 1'000'000});
}

// An answer, and what is on record of it before it leaves.
struct PatientPage {
  v1::ListPatientEntriesResponse response;
  AccessPhase phase = AccessPhase::kQuery;
  EntrySpan span;
};

absl::StatusOr<PatientPage> Page(const Call& call, const v1::ListPatientEntriesRequest& request) {
  ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(call, "parent", request.parent()));
  ASSIGN_OR_RETURN(const PatientCapability may, CapabilityFor(call, *ledger, request));
  ASSIGN_OR_RETURN(const Hash tag,
                   ledger->sealer().TagOf({std::string(kTagKindPatient), may.system, may.id}));
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  const PageTokens& tokens = call.context().tokens;
  const std::string listing = absl::StrCat("ListPatientEntries ", request.parent(), " ",
                                           Sha256({request.capability()}).ToHex());
  ASSIGN_OR_RETURN(ListPosition at,
                   PositionOf(tokens, listing, request.page_token(), 0, *ledger->head()));
  PatientPage out;
  out.span.begin = at.next;
  ASSIGN_OR_RETURN(const std::vector<uint64_t> found,
                   FindTagged(*ledger, tag, static_cast<size_t>(page_size), at));
  v1::ListPatientEntriesResponse& response = out.response;
  response.mutable_checkpoint()->set_note(at.checkpoint);
  size_t bytes = 0;
  for (const uint64_t index : found) {
    if (bytes >= kMaxPageBytes) {
      at.next = index;
      break;
    }
    ASSIGN_OR_RETURN(*response.add_entries(), ReadOne(*ledger, index, at.size, may.payloads));
    bytes += response.entries().rbegin()->ByteSizeLong();
  }
  if (at.next < at.size) response.set_next_page_token(tokens.Seal(listing, EncodePosition(at)));
  out.span.end = at.next;
  if (may.payloads && !response.entries().empty()) {
    out.phase = AccessPhase::kRead;
    out.span = {response.entries().begin()->entry().index(),
                response.entries().rbegin()->entry().index() + 1};
  }
  return out;
}

}  // namespace

grpc::ServerUnaryReactor* PatientServiceImpl::ListPatientEntries(GrpcContext* grpc_context,
                                                                 const Bytes* in, Bytes* out) {
  return HandleUnary<v1::ListPatientEntriesRequest>(
      context_, listener_, grpc_context, in, out, "PatientService/ListPatientEntries",
      [](const std::shared_ptr<UnaryCall>& call, v1::ListPatientEntriesRequest request) {
        const bool queued = call->context().read_pool.Submit([call, request = std::move(request)] {
          if (call->finished()) return;
          const absl::StatusOr<PatientPage> page = Page(*call, request);
          if (!page.ok()) return call->Fail(page.status());
          UnaryCall::FinishOnRecord(call, page->phase, page->span, page->response);
        });
        if (!queued) call->Fail(PoolIsFull());
      });
}

}  // namespace auditledger
