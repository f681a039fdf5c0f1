#include "api/access/access_event.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "api/limits.h"
#include "api/version.h"

namespace auditledger {
namespace {

constexpr char kDicom[] = "http://dicom.nema.org/resources/ontology/DCM";
constexpr char kLifecycle[] = "http://terminology.hl7.org/CodeSystem/dicom-audit-lifecycle";
constexpr char kObjectType[] = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
constexpr char kPhases[] = "urn:auditledger:access-phase";

void Fill(const char* system, const char* code, const char* display, v1::Coding& out) {
  out.set_system(system);
  out.set_code(code);
  out.set_display(display);
}

void SetTime(uint64_t us, v1::Time& out) {
  out.mutable_at()->set_seconds(static_cast<int64_t>(us / 1'000'000));
  out.mutable_at()->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
  out.set_utc_offset_minutes(0);
  out.set_fraction_digits(6);
}

v1::AuditEvent Begin(const AccessEventBase& base, const std::string& principal) {
  v1::AuditEvent event;
  event.set_event_id(base.event_id);
  event.set_schema_version(kEventSchemaVersion);
  SetTime(base.now_us, *event.mutable_recorded());
  v1::Agent& agent = *event.add_agent();
  agent.set_requestor(true);
  if (principal.empty()) {
    agent.mutable_who()->set_display("unknown");
  } else {
    agent.mutable_who()->set_reference(principal);
  }
  v1::Source& source = *event.mutable_source();
  source.mutable_observer()->set_reference("ledger:" + base.origin);
  source.set_software("auditledgerd");
  source.set_software_version(kVersion);
  source.set_stream_id(kAccessStream);
  return event;
}

const char* PhaseCode(AccessPhase phase) {
  switch (phase) {
    case AccessPhase::kRead:
      return "read";
    case AccessPhase::kQuery:
      return "query";
    case AccessPhase::kOpened:
      return "opened";
    case AccessPhase::kGoesOn:
      return "goes-on";
    case AccessPhase::kEnded:
      return "ended";
  }
  return "";
}

// "ledgers/main/entries/5", "ledgers/main/entries/5-9", of an opening "ledgers/main/entries/5-".
std::string NameOf(const std::string& ledger, const EntrySpan& range) {
  std::string name = absl::StrCat(ledger, "/entries/", range.begin);
  if (range.end <= range.begin) return name + "-";
  if (range.end - range.begin > 1) absl::StrAppend(&name, "-", range.end - 1);
  return name;
}

}  // namespace

v1::AuditEvent ReadEvent(const AccessEventBase& base, const ReadEventInput& input) {
  v1::AuditEvent event = Begin(base, input.principal);
  v1::Coding& category = *event.add_category()->add_coding();
  if (input.phase == AccessPhase::kQuery) {
    Fill(kDicom, "110112", "Query", category);
  } else {
    Fill(kDicom, "110101", "Audit Log Used", category);
  }
  v1::CodeableConcept& code = *event.add_code();
  Fill(kPhases, PhaseCode(input.phase), "", *code.add_coding());
  code.set_text(input.method);
  event.set_action(v1::ACTION_READ);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  for (const EntrySpan& range : input.ranges) {
    v1::Entity& entity = *event.add_entity();
    entity.mutable_what()->set_reference(NameOf(input.ledger, range));
    Fill(kObjectType, "2", "System Object", *entity.mutable_type());
    Fill(kLifecycle, "6", "Access / Use", *entity.mutable_lifecycle());
    if (range.end > range.begin) entity.set_record_count(range.end - range.begin);
  }
  return event;
}

v1::AuditEvent RefusalEvent(const AccessEventBase& base, const RefusalEventInput& input) {
  v1::AuditEvent event = Begin(base, input.principal);
  Fill(kDicom, "110113", "Security Alert", *event.add_category()->add_coding());
  v1::CodeableConcept& code = *event.add_code();
  if (input.authenticated) {
    Fill(kDicom, "110132", "Use of Restricted Function", *code.add_coding());
  } else {
    Fill(kDicom, "110126", "Node Authentication", *code.add_coding());
  }
  code.set_text(input.method);
  event.set_action(v1::ACTION_EXECUTE);
  SetTime(std::min(input.first_us, base.now_us), *event.mutable_occurred_start());
  SetTime(base.now_us, *event.mutable_occurred_end());
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SERIOUS_FAILURE);
  v1::Entity& entity = *event.add_entity();
  entity.mutable_what()->set_reference("ledger:" + base.origin);
  Fill(kObjectType, "2", "System Object", *entity.mutable_type());
  entity.set_record_count(input.count);
  return event;
}

v1::AuditEvent ChangeEvent(const AccessEventBase& base, const ChangeEventInput& input) {
  v1::AuditEvent event =
      Begin(base, input.principal.empty() ? "ledger:" + base.origin : input.principal);
  // The same from every version: a key's change is told again at each start, and is a repeat.
  event.mutable_source()->clear_software_version();
  Fill(kDicom, "110113", "Security Alert", *event.add_category()->add_coding());
  v1::Coding& code = *event.add_code()->add_coding();
  if (input.change == SecurityChange::kAccessPolicy) {
    Fill(kDicom, "110136", "Security Roles Changed", code);
  } else {
    Fill(kDicom, "110129", "Security Configuration", code);
  }
  event.set_action(v1::ACTION_UPDATE);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  v1::Entity& entity = *event.add_entity();
  entity.mutable_what()->set_display(input.what);
  Fill(kObjectType, "2", "System Object", *entity.mutable_type());
  return event;
}

}  // namespace auditledger
