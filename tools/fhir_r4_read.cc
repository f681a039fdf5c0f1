#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "merkle/base64.h"
#include "tools/fhir_r4.h"
#include "tools/fhir_r4_typed.h"
#include "tools/fhir_time.h"
#include "tools/fhir_types.h"

namespace auditledger::fhir {
namespace {

v1::Action ReadAction(const std::string& code) {
  if (code == "C") return v1::ACTION_CREATE;
  if (code == "R") return v1::ACTION_READ;
  if (code == "U") return v1::ACTION_UPDATE;
  if (code == "D") return v1::ACTION_DELETE;
  if (code == "E") return v1::ACTION_EXECUTE;
  return v1::ACTION_UNSPECIFIED;
}

v1::Outcome::Indicator ReadIndicator(const std::string& code) {
  if (code == "0") return v1::Outcome::INDICATOR_SUCCESS;
  if (code == "4") return v1::Outcome::INDICATOR_MINOR_FAILURE;
  if (code == "8") return v1::Outcome::INDICATOR_SERIOUS_FAILURE;
  if (code == "12") return v1::Outcome::INDICATOR_MAJOR_FAILURE;
  return v1::Outcome::INDICATOR_UNSPECIFIED;
}

v1::NetworkAccessPoint::Type ReadNetworkType(const std::string& code) {
  if (code.size() != 1 || code[0] < '1' || code[0] > '5') {
    return v1::NetworkAccessPoint::TYPE_UNSPECIFIED;
  }
  return static_cast<v1::NetworkAccessPoint::Type>(code[0] - '0');
}

v1::Agent::Kind KindOf(const v1::Reference& who) {
  const std::string& reference = who.reference();
  if (absl::StrContains(reference, "Practitioner/")) return v1::Agent::KIND_HUMAN;
  if (absl::StrContains(reference, "PractitionerRole/")) return v1::Agent::KIND_HUMAN;
  if (absl::StrContains(reference, "RelatedPerson/")) return v1::Agent::KIND_HUMAN;
  if (absl::StrContains(reference, "Patient/")) return v1::Agent::KIND_PATIENT;
  if (absl::StrContains(reference, "Device/")) return v1::Agent::KIND_DEVICE;
  if (absl::StrContains(reference, "Organization/")) return v1::Agent::KIND_ORGANIZATION;
  return v1::Agent::KIND_UNSPECIFIED;
}

// otherId and assuranceLevel become fields of their own when nothing of them is lost.
void ReadAgentExtension(const Json& json, v1::Agent& agent) {
  const v1::Extension extension = ReadExtension(json);
  if (extension.url() == kOtherIdUrl && extension.has_identifier_value()) {
    *agent.add_other_id() = extension.identifier_value();
  } else if (extension.url() == kAssuranceLevelUrl && extension.has_concept_value() &&
             !agent.has_assurance_level()) {
    *agent.mutable_assurance_level() = extension.concept_value();
  } else {
    *agent.add_extension() = extension;
  }
}

v1::Agent ReadAgent(const Json& json) {
  v1::Agent out;
  if (const Json& type = Member(json, "type"); type.is_object()) {
    *out.mutable_type() = ReadConcept(type);
  }
  for (const Json& role : Elements(json, "role")) *out.add_role() = ReadConcept(role);
  if (const Json& who = Member(json, "who"); who.is_object()) {
    *out.mutable_who() = ReadReference(who);
    out.set_kind(KindOf(out.who()));
  }
  out.set_alt_id(Text(json, "altId"));
  out.set_name(Text(json, "name"));
  if (const Json& requestor = Member(json, "requestor"); requestor.is_boolean()) {
    out.set_requestor(requestor);
  }
  if (const Json& location = Member(json, "location"); location.is_object()) {
    *out.mutable_location() = ReadReference(location);
  }
  for (const Json& policy : Elements(json, "policy")) {
    out.add_policy(TextOf(policy));
  }
  if (const Json& media = Member(json, "media"); media.is_object()) {
    *out.mutable_media() = ReadCoding(media);
  }
  if (const Json& network = Member(json, "network"); network.is_object()) {
    out.mutable_network()->set_address(Text(network, "address"));
    out.mutable_network()->set_type(ReadNetworkType(Text(network, "type")));
  }
  for (const Json& purpose : Elements(json, "purposeOfUse")) {
    *out.add_purpose_of_use() = ReadConcept(purpose);
  }
  for (const Json& extension : Elements(json, "extension")) ReadAgentExtension(extension, out);
  return out;
}

v1::Source ReadSource(const Json& json) {
  v1::Source out;
  if (const Json& observer = Member(json, "observer"); observer.is_object()) {
    *out.mutable_observer() = ReadReference(observer);
  }
  if (const std::string site = Text(json, "site"); !site.empty()) {
    out.mutable_site()->set_display(site);
  }
  for (const Json& type : Elements(json, "type")) *out.add_type() = ConceptOfCoding(type);
  return out;
}

v1::Detail ReadDetail(const Json& json) {
  v1::Detail out;
  out.mutable_type()->set_text(Text(json, "type"));
  if (Member(json, "valueString").is_string()) {
    out.set_string_value(Text(json, "valueString"));
  } else if (Member(json, "valueBase64Binary").is_string()) {
    auto bytes = DecodeBase64("detail", Text(json, "valueBase64Binary"));
    if (bytes.ok()) out.set_bytes_value(*std::move(bytes));
  }
  return out;
}

v1::Entity ReadEntity(const Json& json) {
  v1::Entity out;
  if (const Json& what = Member(json, "what"); what.is_object()) {
    *out.mutable_what() = ReadReference(what);
  }
  if (const Json& type = Member(json, "type"); type.is_object()) {
    *out.mutable_type() = ReadCoding(type);
  }
  if (const Json& role = Member(json, "role"); role.is_object()) {
    *out.mutable_role() = ConceptOfCoding(role);
  }
  if (const Json& lifecycle = Member(json, "lifecycle"); lifecycle.is_object()) {
    *out.mutable_lifecycle() = ReadCoding(lifecycle);
  }
  for (const Json& label : Elements(json, "securityLabel")) {
    *out.add_security_label() = ConceptOfCoding(label);
  }
  out.set_name(Text(json, "name"));
  out.set_description(Text(json, "description"));
  if (auto query = DecodeBase64("query", Text(json, "query")); query.ok()) {
    out.set_query(*std::move(query));
  }
  for (const Json& detail : Elements(json, "detail")) *out.add_detail() = ReadDetail(detail);
  for (const Json& extension : Elements(json, "extension")) {
    *out.add_extension() = ReadExtension(extension);
  }
  return out;
}

bool SameSubject(const v1::Reference& a, const v1::Reference& b) {
  return a.reference() == b.reference() && a.identifier().system() == b.identifier().system() &&
         a.identifier().value() == b.identifier().value();
}

// What the index needs and R4 keeps among the entities.
void Derive(v1::AuditEvent& event) {
  for (const v1::Entity& entity : event.entity()) {
    const bool is_patient =
        entity.role().coding_size() > 0 && entity.role().coding(0).code() == kPatientRole;
    const bool is_known =
        std::any_of(event.patient().begin(), event.patient().end(),
                    [&](const v1::Reference& other) { return SameSubject(other, entity.what()); });
    if (is_patient && entity.has_what() && !is_known) *event.add_patient() = entity.what();
    if (entity.type().code() == kRequestIdType && event.correlation().request_id().empty() &&
        !entity.what().identifier().value().empty()) {
      event.mutable_correlation()->set_request_id(entity.what().identifier().value());
    }
  }
}

void ReadTimes(const Json& json, v1::AuditEvent& event) {
  if (auto recorded = ParseFhirTime(Text(json, "recorded")); recorded.ok()) {
    *event.mutable_recorded() = *recorded;
  }
  const Json& period = Member(json, "period");
  if (auto start = ParseFhirTime(Text(period, "start")); start.ok()) {
    *event.mutable_occurred_start() = *start;
  }
  if (auto end = ParseFhirTime(Text(period, "end")); end.ok()) {
    *event.mutable_occurred_end() = *end;
  }
}

void ReadMeta(const Json& meta, v1::AuditEvent& event) {
  for (const Json& profile : Elements(meta, "profile")) {
    event.add_profile()->set_url(TextOf(profile));
  }
  for (const Json& label : Elements(meta, "security")) {
    *event.add_security_label() = ReadCoding(label);
  }
}

}  // namespace

v1::AuditEvent ReadTyped(const Json& json) {
  v1::AuditEvent event;
  event.set_event_id(Text(json, "id"));
  event.set_schema_version(1);
  ReadMeta(Member(json, "meta"), event);
  ReadTimes(json, event);
  if (const Json& type = Member(json, "type"); type.is_object()) {
    *event.add_category() = ConceptOfCoding(type);
  }
  for (const Json& subtype : Elements(json, "subtype"))
    *event.add_code() = ConceptOfCoding(subtype);
  event.set_action(ReadAction(Text(json, "action")));
  if (Member(json, "outcome").is_string()) {
    event.mutable_outcome()->set_indicator(ReadIndicator(Text(json, "outcome")));
  }
  if (const std::string description = Text(json, "outcomeDesc"); !description.empty()) {
    event.mutable_outcome()->set_description(description);
  }
  for (const Json& purpose : Elements(json, "purposeOfEvent")) {
    *event.add_purpose_of_use() = ReadConcept(purpose);
  }
  for (const Json& agent : Elements(json, "agent")) *event.add_agent() = ReadAgent(agent);
  if (const Json& source = Member(json, "source"); source.is_object()) {
    *event.mutable_source() = ReadSource(source);
  }
  for (const Json& entity : Elements(json, "entity")) *event.add_entity() = ReadEntity(entity);
  for (const Json& extension : Elements(json, "extension")) {
    // One that pretends to be a residual stays in ours.
    if (event.extension_size() == kMaxTypedExtensions) break;
    if (Text(extension, "url") != kFhirR4ResidualUrl)
      *event.add_extension() = ReadExtension(extension);
  }
  Derive(event);
  return event;
}

}  // namespace auditledger::fhir
