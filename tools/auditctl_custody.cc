#include "tools/auditctl_custody.h"

#include <array>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "api/client/receipt_check.h"
#include "merkle/status_macros.h"
#include "tools/auditctl_receipt.h"
#include "verifier/bundle_custody.h"
#include "verifier/bundle_proofs.h"
#include "verifier/bundle_writer.h"

namespace auditledger::ctl {
namespace {

constexpr char kStream[] = "custody";
constexpr char kBundleSystem[] = "urn:auditledger:bundle";
constexpr uint64_t kMicrosPerSecond = 1'000'000;

void AddAgent(const std::string& who, const std::string& part, bool requestor,
              v1::AuditEvent& event) {
  if (who.empty()) return;
  v1::Agent* const agent = event.add_agent();
  v1::Coding* const type = agent->mutable_type()->add_coding();
  type->set_system(std::string(kCustodySystem));
  type->set_code(part);
  agent->mutable_who()->set_display(who);
  agent->mutable_who()->mutable_identifier()->set_value(who);
  agent->set_requestor(requestor);
}

absl::StatusOr<std::vector<Hash>> ExtendsBy(Connection& connection, const std::string& ledger,
                                            uint64_t old_size, uint64_t new_size) {
  v1::GetConsistencyProofRequest request;
  request.set_ledger(ledger);
  request.set_old_size(old_size);
  request.set_new_size(new_size);
  v1::GetConsistencyProofResponse response;
  RETURN_IF_ERROR(FromRpc(
      connection.ledgers().GetConsistencyProof(connection.Call().get(), request, &response)));
  return ProofHashes(response.proof().hashes());
}

}  // namespace

std::string RandomUuid() {
  std::random_device random;
  std::array<uint8_t, 16> bytes{};
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    absl::StrAppend(&out, absl::StrFormat("%02x", bytes[i]));
  }
  return out;
}

v1::AuditEvent CustodyEvent(const CustodyStep& step, absl::string_view event_id, uint64_t unix_us) {
  v1::AuditEvent event;
  event.set_event_id(std::string(event_id));
  event.set_schema_version(1);
  auto* const at = event.mutable_recorded()->mutable_at();
  at->set_seconds(static_cast<int64_t>(unix_us / kMicrosPerSecond));
  at->set_nanos(static_cast<int32_t>(unix_us % kMicrosPerSecond * 1000));
  event.mutable_recorded()->set_utc_offset_minutes(0);
  event.mutable_recorded()->set_fraction_digits(6);
  v1::Coding* const category = event.add_category()->add_coding();
  category->set_system("http://dicom.nema.org/resources/ontology/DCM");
  category->set_code("110106");
  category->set_display("Export");
  v1::Coding* const code = event.add_code()->add_coding();
  code->set_system(std::string(kCustodySystem));
  code->set_code(step.code);
  event.set_action(v1::ACTION_READ);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  event.add_purpose_of_use()->set_text(step.purpose);
  const bool made = step.code == kCustodyExport;
  AddAgent(step.who, made ? "requester" : "giver", true, event);
  AddAgent(step.other, made ? "approver" : "receiver", false, event);
  event.mutable_source()->mutable_observer()->set_reference("Device/auditctl");
  event.mutable_source()->set_stream_id(kStream);
  v1::Entity* const entity = event.add_entity();
  entity->mutable_what()->mutable_identifier()->set_system(kBundleSystem);
  entity->mutable_what()->mutable_identifier()->set_value(step.package);
  entity->set_name("evidence bundle");
  if (!step.case_id.empty()) entity->set_description(step.case_id);
  entity->set_content_sha256(std::string(step.manifest.view()));
  return event;
}

absl::StatusOr<uint64_t> RecordCustody(Connection& connection, const std::string& ledger,
                                       const std::string& path, uint64_t size,
                                       const CustodyStep& step) {
  v1::AppendEventRequest request;
  request.set_ledger(ledger);
  request.set_include_opening(true);
  *request.mutable_event() =
      CustodyEvent(step, RandomUuid(), static_cast<uint64_t>(absl::ToUnixMicros(absl::Now())));
  v1::AppendEventResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection.ledgers().AppendEvent(connection.Call().get(), request, &response)));
  const ProvenEntry entry = OfReceipt(response.receipt());
  if (!entry.opening) return NotProven(absl::DataLossError("the receipt has no opening"));
  ASSIGN_OR_RETURN(const std::string event,
                   SealedEventOf(*entry.opening, request.event().SerializeAsString()));
  RETURN_IF_ERROR(CheckAppended(connection, entry, event));
  ASSIGN_OR_RETURN(const SignedCheckpoint head, connection.Open(entry.checkpoint));
  ASSIGN_OR_RETURN(const std::vector<Hash> proof,
                   ExtendsBy(connection, ledger, size, head.checkpoint.size));
  ASSIGN_OR_RETURN(const std::string receipt, TlogProofText(entry));
  RETURN_IF_ERROR(AppendCustody(path, EncodeCustodyRecord(receipt, event, proof)));
  return entry.index;
}

}  // namespace auditledger::ctl
