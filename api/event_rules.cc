#include "api/event_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "api/field_scan.h"
#include "api/field_walk.h"
#include "api/limits.h"
#include "merkle/complete_answer.h"
#include "merkle/header.h"

namespace auditledger {
namespace {

constexpr char kObjectRoleSystem[] = "http://terminology.hl7.org/CodeSystem/object-role";
constexpr char kObjectRolePatient[] = "1";

int64_t Micros(const google::protobuf::Timestamp& time) {
  // Out of range is reported by the walk; here it only must not overflow.
  const int64_t seconds = std::clamp<int64_t>(time.seconds(), -253402300800, 253402300799);
  return seconds * 1'000'000 + time.nanos() / 1000;
}

bool Before(const google::protobuf::Timestamp& a, const google::protobuf::Timestamp& b) {
  return a.seconds() != b.seconds() ? a.seconds() < b.seconds() : a.nanos() < b.nanos();
}

bool NamesSomebody(const v1::Reference& who) {
  return !who.reference().empty() || !who.identifier().value().empty();
}

bool IsPatientRole(const v1::CodeableConcept& role) {
  return std::any_of(role.coding().begin(), role.coding().end(), [](const v1::Coding& coding) {
    return coding.system() == kObjectRoleSystem && coding.code() == kObjectRolePatient;
  });
}

// What must be there. Each as a violation below `path`.
void CheckRequired(const v1::AuditEvent& event, absl::string_view path,
                   std::vector<FieldViolation>& out) {
  const auto require = [&](bool present, absl::string_view field) {
    if (!present) out.push_back({absl::StrCat(path, ".", field), "is required and missing"});
  };
  require(!event.event_id().empty(), "event_id");
  if (event.schema_version() != kEventSchemaVersion) {
    out.push_back(
        {absl::StrCat(path, ".schema_version"), absl::StrCat("must be ", kEventSchemaVersion)});
  }
  require(event.has_recorded() && event.recorded().has_at(), "recorded.at");
  require(event.outcome().indicator() != v1::Outcome::INDICATOR_UNSPECIFIED, "outcome.indicator");
  require(event.agent_size() > 0, "agent");
  require(event.source().has_observer() && event.source().observer().ByteSizeLong() > 0,
          "source.observer");
  require(!event.source().stream_id().empty(), "source.stream_id");
}

// What is dated further ahead no answer about when it happened would find.
static_assert(kMaxFutureMs * 1000 <= kAnswerSkewUs);

void CheckTimes(const v1::AuditEvent& event, uint64_t now_us, absl::string_view path,
                EventVerdict& verdict) {
  if (event.occurred_start().has_at() && event.occurred_end().has_at() &&
      Before(event.occurred_end().at(), event.occurred_start().at())) {
    verdict.violations.push_back(
        {absl::StrCat(path, ".occurred_end"), "lies before occurred_start"});
  }
  if (!event.recorded().has_at()) return;
  const int64_t recorded = Micros(event.recorded().at());
  const int64_t now = static_cast<int64_t>(now_us);
  const auto us = [](uint64_t ms) { return static_cast<int64_t>(ms * 1000); };
  if (recorded > now + us(kMaxFutureMs)) {
    verdict.violations.push_back({absl::StrCat(path, ".recorded.at"),
                                  "lies more than 24 hours ahead of the ledger's clock"});
    ++verdict.ahead;
  }
  if (recorded > now + us(kSkewMs)) verdict.flags |= kFlagClockSkew;
  if (recorded < now - us(kLateMs)) verdict.flags |= kFlagLate;
  if (!event.recorded().has_utc_offset_minutes()) verdict.flags |= kFlagNoZone;
}

uint64_t AccessFlags(const v1::AuditEvent& event) {
  uint64_t flags = 0;
  bool purpose = event.purpose_of_use_size() > 0;
  bool network = false;
  int requestors = 0;
  for (const v1::Agent& agent : event.agent()) {
    network = network || !agent.network().address().empty() || agent.network().has_endpoint();
    if (!agent.requestor()) continue;
    ++requestors;
    purpose = purpose || agent.purpose_of_use_size() > 0;
    if (!NamesSomebody(agent.who())) flags |= kFlagNoRequestorId;
  }
  if (event.patient_size() > 0 && !purpose) flags |= kFlagNoPurpose;
  if (!network) flags |= kFlagNoNetwork;
  if (requestors != 1) flags |= kFlagProfile;
  const bool patient_entity =
      std::any_of(event.entity().begin(), event.entity().end(),
                  [](const v1::Entity& e) { return IsPatientRole(e.role()); });
  if (event.patient_size() == 0 && patient_entity) flags |= kFlagNoPatient;
  return flags;
}

// Rules of the event model that are no reason to refuse.
bool BreaksProfile(const v1::AuditEvent& event) {
  if (event.action() == v1::ACTION_UNSPECIFIED) return true;
  if (event.category_size() == 0 && event.code_size() == 0) return true;
  if (event.source().stream_sequence() == 0) return true;
  if (event.patient_size() > 0 && event.entity_size() == 0) return true;
  if (event.has_occurred_start() && !event.occurred_start().has_at()) return true;
  if (event.has_occurred_end() && !event.occurred_end().has_at()) return true;
  if (event.has_emergency_access() &&
      (event.emergency_access().phase() == v1::EmergencyAccess::PHASE_UNSPECIFIED ||
       event.emergency_access().override_id().empty())) {
    return true;
  }
  const auto no_url = [](const auto& item) { return item.url().empty(); };
  if (std::any_of(event.profile().begin(), event.profile().end(), no_url)) return true;
  if (std::any_of(event.extension().begin(), event.extension().end(), no_url)) return true;
  return std::any_of(event.entity().begin(), event.entity().end(), [&](const v1::Entity& entity) {
    return (!entity.has_what() && entity.query().empty()) ||
           std::any_of(entity.detail().begin(), entity.detail().end(),
                       [](const v1::Detail& detail) { return !detail.has_type(); }) ||
           std::any_of(entity.change().begin(), entity.change().end(),
                       [](const v1::FieldChange& change) { return change.path().empty(); }) ||
           std::any_of(entity.extension().begin(), entity.extension().end(), no_url);
  });
}

}  // namespace

absl::Status EventVerdict::status() const {
  if (violations.empty()) return absl::OkStatus();
  if (too_large) return InvalidFields(violations, kReasonEventTooLarge);
  const bool only_ahead = ahead == violations.size();
  return InvalidFields(violations, only_ahead ? kReasonEventAhead : kReasonMalformedEvent);
}

EventVerdict CheckEvent(const v1::AuditEvent& event, absl::string_view bytes,
                        size_t max_event_bytes, uint64_t now_us, absl::string_view path) {
  EventVerdict verdict;
  if (bytes.size() > max_event_bytes) {
    verdict.too_large = true;
    verdict.violations.push_back(
        {std::string(path),
         absl::StrCat(bytes.size(), " bytes, over the limit of ", max_event_bytes)});
    return verdict;
  }
  CheckRequired(event, path, verdict.violations);
  CheckTimes(event, now_us, path, verdict);
  WalkFindings walk;
  if (!HasNothingToReport(bytes)) walk = WalkFields(event, path);
  for (FieldViolation& violation : walk.violations)
    verdict.violations.push_back(std::move(violation));
  if (verdict.violations.size() > kMaxViolations) verdict.violations.resize(kMaxViolations);
  if (walk.unknown_fields) verdict.flags |= kFlagUnknownFields;
  if (walk.unknown_enum) verdict.flags |= kFlagUnknownEnum;
  verdict.flags |= AccessFlags(event);
  if (BreaksProfile(event)) verdict.flags |= kFlagProfile;
  return verdict;
}

}  // namespace auditledger
