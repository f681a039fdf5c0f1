#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/base64.h"
#include "tools/fhir_r4.h"
#include "tools/fhir_r4_typed.h"
#include "tools/fhir_time.h"
#include "tools/fhir_types.h"

namespace auditledger::fhir {
namespace {

const char* WriteAction(v1::Action action) {
  switch (action) {
    case v1::ACTION_CREATE:
      return "C";
    case v1::ACTION_READ:
      return "R";
    case v1::ACTION_UPDATE:
      return "U";
    case v1::ACTION_DELETE:
      return "D";
    case v1::ACTION_EXECUTE:
      return "E";
    default:
      return "";
  }
}

const char* WriteIndicator(v1::Outcome::Indicator indicator) {
  switch (indicator) {
    case v1::Outcome::INDICATOR_SUCCESS:
      return "0";
    case v1::Outcome::INDICATOR_MINOR_FAILURE:
      return "4";
    case v1::Outcome::INDICATOR_SERIOUS_FAILURE:
      return "8";
    case v1::Outcome::INDICATOR_MAJOR_FAILURE:
      return "12";
    default:
      return "";
  }
}

Json WriteAgentExtensions(const v1::Agent& agent) {
  Json out = Json::array();
  for (const v1::Identifier& id : agent.other_id()) {
    out.push_back({{"url", kOtherIdUrl}, {"valueIdentifier", WriteIdentifier(id)}});
  }
  if (agent.has_assurance_level()) {
    out.push_back({{"url", kAssuranceLevelUrl},
                   {"valueCodeableConcept", WriteConcept(agent.assurance_level())}});
  }
  for (const v1::Extension& extension : agent.extension()) out.push_back(WriteExtension(extension));
  return out;
}

Json WriteAgent(const v1::Agent& agent) {
  Json out = Json::object();
  Put(out, "extension", WriteAgentExtensions(agent));
  Put(out, "type", WriteConcept(agent.type()));
  Put(out, "role", WriteAll(agent.role(), WriteConcept));
  Put(out, "who", WriteReference(agent.who()));
  Put(out, "altId", agent.alt_id());
  Put(out, "name", agent.name());
  if (agent.has_requestor()) out["requestor"] = agent.requestor();
  Put(out, "location", WriteReference(agent.location()));
  Put(out, "policy", WriteAll(agent.policy(), [](const std::string& text) { return text; }));
  Put(out, "media", WriteCoding(agent.media()));
  Json network = Json::object();
  Put(network, "address", agent.network().address());
  if (const int type = agent.network().type(); type >= 1 && type <= 5) {
    network["type"] = absl::StrCat(type);
  }
  Put(out, "network", std::move(network));
  Put(out, "purposeOfUse", WriteAll(agent.purpose_of_use(), WriteConcept));
  return out;
}

Json WriteSource(const v1::Source& source) {
  Json out = Json::object();
  Put(out, "site", source.site().display());
  Put(out, "observer", WriteReference(source.observer()));
  Put(out, "type", WriteAll(source.type(), WriteFirstCoding));
  return out;
}

Json WriteDetail(const v1::Detail& detail) {
  Json out = Json::object();
  Put(out, "type", detail.type().text());
  if (detail.value_case() == v1::Detail::kStringValue) {
    Put(out, "valueString", detail.string_value());
  } else if (detail.value_case() == v1::Detail::kBytesValue) {
    Put(out, "valueBase64Binary", EncodeBase64(detail.bytes_value()));
  }
  return out;
}

Json WriteEntity(const v1::Entity& entity) {
  Json out = Json::object();
  Put(out, "extension", WriteAll(entity.extension(), WriteExtension));
  Put(out, "what", WriteReference(entity.what()));
  Put(out, "type", WriteCoding(entity.type()));
  if (entity.has_role()) Put(out, "role", WriteFirstCoding(entity.role()));
  Put(out, "lifecycle", WriteCoding(entity.lifecycle()));
  Put(out, "securityLabel", WriteAll(entity.security_label(), WriteFirstCoding));
  Put(out, "name", entity.name());
  Put(out, "description", entity.description());
  Put(out, "query", EncodeBase64(entity.query()));
  Put(out, "detail", WriteAll(entity.detail(), WriteDetail));
  return out;
}

Json WriteMeta(const v1::AuditEvent& event) {
  Json out = Json::object();
  Put(out, "profile", WriteAll(event.profile(), [](const v1::Profile& p) { return p.url(); }));
  Put(out, "security", WriteAll(event.security_label(), WriteCoding));
  return out;
}

Json WriteExtensions(const v1::AuditEvent& event) {
  Json out = Json::array();
  for (const v1::Extension& extension : event.extension()) {
    if (extension.url() != kFhirR4ResidualUrl) out.push_back(WriteExtension(extension));
  }
  return out;
}

}  // namespace

Json WriteTyped(const v1::AuditEvent& event) {
  Json out = {{"resourceType", "AuditEvent"}};
  Put(out, "id", event.event_id());
  Put(out, "meta", WriteMeta(event));
  Put(out, "extension", WriteExtensions(event));
  if (event.category_size() > 0) Put(out, "type", WriteFirstCoding(event.category(0)));
  Put(out, "subtype", WriteAll(event.code(), WriteFirstCoding));
  Put(out, "action", WriteAction(event.action()));
  Json period = Json::object();
  if (event.has_occurred_start()) period["start"] = FormatFhirTime(event.occurred_start());
  if (event.has_occurred_end()) period["end"] = FormatFhirTime(event.occurred_end());
  Put(out, "period", std::move(period));
  if (event.has_recorded()) out["recorded"] = FormatFhirTime(event.recorded());
  Put(out, "outcome", WriteIndicator(event.outcome().indicator()));
  Put(out, "outcomeDesc", event.outcome().description());
  Put(out, "purposeOfEvent", WriteAll(event.purpose_of_use(), WriteConcept));
  Put(out, "agent", WriteAll(event.agent(), WriteAgent));
  Put(out, "source", WriteSource(event.source()));
  Put(out, "entity", WriteAll(event.entity(), WriteEntity));
  return out;
}

}  // namespace auditledger::fhir
