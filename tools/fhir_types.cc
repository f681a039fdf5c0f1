#include "tools/fhir_types.h"

#include <cstdint>
#include <utility>

#include "tools/strict_json.h"

namespace auditledger::fhir {
namespace {

// Reference.identifier.assigner.identifier ...: event.proto allows three identifiers in one
// another.
constexpr int kMaxAssignerDepth = 3;

v1::Reference ReadReferenceAt(const Json& json, int depth);

v1::Identifier ReadIdentifierAt(const Json& json, int depth) {
  v1::Identifier out;
  out.set_use(Text(json, "use"));
  out.set_system(Text(json, "system"));
  out.set_value(Text(json, "value"));
  if (Member(json, "type").is_object()) *out.mutable_type() = ReadConcept(Member(json, "type"));
  const Json& assigner = Member(json, "assigner");
  if (assigner.is_object() && depth < kMaxAssignerDepth) {
    *out.mutable_assigner() = ReadReferenceAt(assigner, depth + 1);
  }
  return out;
}

v1::Reference ReadReferenceAt(const Json& json, int depth) {
  v1::Reference out;
  out.set_reference(Text(json, "reference"));
  out.set_type(Text(json, "type"));
  out.set_display(Text(json, "display"));
  const Json& identifier = Member(json, "identifier");
  if (identifier.is_object() && depth <= kMaxAssignerDepth) {
    *out.mutable_identifier() = ReadIdentifierAt(identifier, depth);
  }
  return out;
}

// Sets the value that stands typed in `json`; none where its type has no field.
void ReadExtensionValue(const Json& json, v1::Extension& out) {
  if (const Json& text = Member(json, "valueString"); text.is_string()) {
    if (text.get_ref<const std::string&>()[0] != kDecimalMark) out.set_string_value(text);
  } else if (const Json& truth = Member(json, "valueBoolean"); truth.is_boolean()) {
    out.set_bool_value(truth);
  } else if (const Json& number = Member(json, "valueInteger");
             number.is_number_integer() &&
             (!number.is_number_unsigned() || number.get<uint64_t>() <= uint64_t{INT64_MAX})) {
    out.set_int_value(number);
  } else if (const Json& coding = Member(json, "valueCoding"); coding.is_object()) {
    *out.mutable_coding_value() = ReadCoding(coding);
  } else if (const Json& value = Member(json, "valueCodeableConcept"); value.is_object()) {
    *out.mutable_concept_value() = ReadConcept(value);
  } else if (const Json& identifier = Member(json, "valueIdentifier"); identifier.is_object()) {
    *out.mutable_identifier_value() = ReadIdentifier(identifier);
  } else if (const Json& reference = Member(json, "valueReference"); reference.is_object()) {
    *out.mutable_reference_value() = ReadReference(reference);
  }
}

}  // namespace

const Json& Member(const Json& object, const char* name) {
  static const Json* const kNull = new Json();
  if (!object.is_object()) return *kNull;
  const auto found = object.find(name);
  return found == object.end() ? *kNull : *found;
}

std::string TextOf(const Json& json) {
  if (!json.is_string()) return "";
  const std::string& text = json.get_ref<const std::string&>();
  return text.empty() || text[0] == kDecimalMark ? "" : text;
}

const Json& Elements(const Json& object, const char* name) {
  static const Json* const kNone = new Json(Json::array());
  const Json& member = Member(object, name);
  return member.is_array() ? member : *kNone;
}

v1::Coding ReadCoding(const Json& json) {
  v1::Coding out;
  out.set_system(Text(json, "system"));
  out.set_version(Text(json, "version"));
  out.set_code(Text(json, "code"));
  out.set_display(Text(json, "display"));
  return out;
}

v1::CodeableConcept ReadConcept(const Json& json) {
  v1::CodeableConcept out;
  for (const Json& coding : Elements(json, "coding")) *out.add_coding() = ReadCoding(coding);
  out.set_text(Text(json, "text"));
  return out;
}

v1::CodeableConcept ConceptOfCoding(const Json& coding) {
  v1::CodeableConcept out;
  *out.add_coding() = ReadCoding(coding);
  return out;
}

v1::Identifier ReadIdentifier(const Json& json) { return ReadIdentifierAt(json, 1); }
v1::Reference ReadReference(const Json& json) { return ReadReferenceAt(json, 1); }

v1::Extension ReadExtension(const Json& json) {
  v1::Extension out;
  out.set_url(Text(json, "url"));
  ReadExtensionValue(json, out);
  if (WriteExtension(out) != json) out.set_fhir_json(FormatJson(json));
  return out;
}

void Put(Json& object, const char* name, Json value) {
  const bool nothing = value.is_string() ? value.get_ref<const std::string&>().empty()
                                         : value.is_structured() && value.empty();
  if (!nothing) object[name] = std::move(value);
}

Json WriteCoding(const v1::Coding& coding) {
  Json out = Json::object();
  Put(out, "system", coding.system());
  Put(out, "version", coding.version());
  Put(out, "code", coding.code());
  Put(out, "display", coding.display());
  return out;
}

Json WriteConcept(const v1::CodeableConcept& concept_) {
  Json out = Json::object();
  Put(out, "coding", WriteAll(concept_.coding(), WriteCoding));
  Put(out, "text", concept_.text());
  return out;
}

Json WriteFirstCoding(const v1::CodeableConcept& concept_) {
  if (concept_.coding_size() > 0) return WriteCoding(concept_.coding(0));
  Json out = Json::object();
  Put(out, "display", concept_.text());
  return out;
}

Json WriteIdentifier(const v1::Identifier& identifier) {
  Json out = Json::object();
  Put(out, "use", identifier.use());
  Put(out, "type", WriteConcept(identifier.type()));
  Put(out, "system", identifier.system());
  Put(out, "value", identifier.value());
  if (identifier.has_assigner()) Put(out, "assigner", WriteReference(identifier.assigner()));
  return out;
}

Json WriteReference(const v1::Reference& reference) {
  Json out = Json::object();
  Put(out, "reference", reference.reference());
  Put(out, "type", reference.type());
  if (reference.has_identifier()) Put(out, "identifier", WriteIdentifier(reference.identifier()));
  Put(out, "display", reference.display());
  return out;
}

Json WriteExtension(const v1::Extension& extension) {
  Json out = Json::object();
  Put(out, "url", extension.url());
  switch (extension.value_case()) {
    case v1::Extension::kStringValue:
      Put(out, "valueString", extension.string_value());
      break;
    case v1::Extension::kBoolValue:
      out["valueBoolean"] = extension.bool_value();
      break;
    case v1::Extension::kIntValue:
      out["valueInteger"] = extension.int_value();
      break;
    case v1::Extension::kCodingValue:
      Put(out, "valueCoding", WriteCoding(extension.coding_value()));
      break;
    case v1::Extension::kConceptValue:
      Put(out, "valueCodeableConcept", WriteConcept(extension.concept_value()));
      break;
    case v1::Extension::kIdentifierValue:
      Put(out, "valueIdentifier", WriteIdentifier(extension.identifier_value()));
      break;
    case v1::Extension::kReferenceValue:
      Put(out, "valueReference", WriteReference(extension.reference_value()));
      break;
    case v1::Extension::kFhirJson: {
      auto json = ParseStrictJson(extension.fhir_json(), JsonLimits{});
      if (json.ok() && json->is_object()) return *std::move(json);
      break;
    }
    default:  // bytes, doubles and times come from other formats and have no R4 spelling here
      break;
  }
  return out;
}

}  // namespace auditledger::fhir
