#include "api/client/emitter_events.h"

#include <algorithm>

namespace auditledger {
namespace {

constexpr char kDicom[] = "http://dicom.nema.org/resources/ontology/DCM";
constexpr char kObjectType[] = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
constexpr char kOwn[] = "urn:auditledger:emitter";
constexpr size_t kMaxReasonBytes = 256;

void AddCode(const char* system, const char* code, const char* display, v1::CodeableConcept& out) {
  v1::Coding& coding = *out.add_coding();
  coding.set_system(system);
  coding.set_code(code);
  coding.set_display(display);
}

v1::AuditEvent Begin(const v1::Source& source, uint64_t now_us) {
  v1::AuditEvent event;
  event.set_schema_version(1);
  SetEventTime(now_us, *event.mutable_recorded());
  event.set_action(v1::ACTION_EXECUTE);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  v1::Agent& agent = *event.add_agent();
  agent.set_requestor(true);
  agent.set_kind(v1::Agent::KIND_SERVICE);
  *agent.mutable_who() = source.observer();
  *event.mutable_source() = source;
  v1::Entity& entity = *event.add_entity();
  *entity.mutable_what() = source.observer();
  v1::Coding& type = *entity.mutable_type();
  type.set_system(kObjectType);
  type.set_code("2");
  type.set_display("System Object");
  return event;
}

v1::AuditEvent Recording(const v1::Source& source, uint64_t now_us, const char* code,
                         const char* display) {
  v1::AuditEvent event = Begin(source, now_us);
  AddCode(kDicom, "110113", "Security Alert", *event.add_category());
  AddCode(kDicom, code, display, *event.add_code());
  return event;
}

// At most `limit` bytes, and no character of UTF-8 cut in two.
std::string Cut(const std::string& text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

void SetEventTime(uint64_t us, v1::Time& out) {
  out.mutable_at()->set_seconds(static_cast<int64_t>(us / 1'000'000));
  out.mutable_at()->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
  out.set_utc_offset_minutes(0);
  out.set_fraction_digits(6);
}

v1::AuditEvent RecordingStartedEvent(const v1::Source& source, uint64_t now_us) {
  return Recording(source, now_us, "110134", "Audit Recording Started");
}

v1::AuditEvent RecordingStoppedEvent(const v1::Source& source, uint64_t now_us) {
  return Recording(source, now_us, "110133", "Audit Recording Stopped");
}

v1::AuditEvent OutageEvent(const v1::Source& source, uint64_t now_us, const EmitterOutage& outage) {
  v1::AuditEvent event = RecordingStoppedEvent(source, now_us);
  AddCode(kOwn, "outage", "Events were not taken", *event.add_code());
  // Clocks are set back; an event that ends before it begins would be refused.
  SetEventTime(std::min(outage.from_us, outage.to_us), *event.mutable_occurred_start());
  SetEventTime(std::max(outage.from_us, outage.to_us), *event.mutable_occurred_end());
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SERIOUS_FAILURE);
  event.mutable_outcome()->set_description(Cut(outage.reason, kMaxReasonBytes));
  event.mutable_entity(0)->set_record_count(outage.events);
  return event;
}

v1::AuditEvent HeartbeatEvent(const v1::Source& source, uint64_t now_us) {
  v1::AuditEvent event = Begin(source, now_us);
  AddCode(kDicom, "110100", "Application Activity", *event.add_category());
  AddCode(kOwn, "heartbeat", "Nothing else to report", *event.add_code());
  return event;
}

}  // namespace auditledger
