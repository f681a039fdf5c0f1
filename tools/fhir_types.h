// FHIR R4 data types (Coding, CodeableConcept, Identifier, Reference, Extension) between JSON and
// auditledger.v1. Reading never fails: what has no typed field, or not the expected JSON type, is
// not taken over, and fhir_r4.h keeps it in the residual.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_TOOLS_FHIR_TYPES_H_
#define AUDITLEDGER_TOOLS_FHIR_TYPES_H_

#include <nlohmann/json.hpp>
#include <string>

#include "auditledger/v1/event.pb.h"

namespace auditledger::fhir {

using Json = nlohmann::json;

// The member, or null where `object` is no object or has none of that name.
const Json& Member(const Json& object, const char* name);
// The text of a string; "" for anything else.
std::string TextOf(const Json& json);
inline std::string Text(const Json& object, const char* name) {
  return TextOf(Member(object, name));
}
// Its elements; one empty array where it is no array.
const Json& Elements(const Json& object, const char* name);

v1::Coding ReadCoding(const Json& json);
v1::CodeableConcept ReadConcept(const Json& json);
v1::CodeableConcept ConceptOfCoding(const Json& coding);  // for R4 Codings that R5 made concepts
v1::Identifier ReadIdentifier(const Json& json);
v1::Reference ReadReference(const Json& json);
// Typed when nothing of it would be lost, else its JSON whole.
v1::Extension ReadExtension(const Json& json);

Json WriteCoding(const v1::Coding& coding);
Json WriteConcept(const v1::CodeableConcept& concept_);
Json WriteFirstCoding(const v1::CodeableConcept& concept_);
Json WriteIdentifier(const v1::Identifier& identifier);
Json WriteReference(const v1::Reference& reference);
// Never fails: JSON that does not parse is left out.
Json WriteExtension(const v1::Extension& extension);

// Sets the member unless the value is "", {} or [].
void Put(Json& object, const char* name, Json value);

// [Write(element), ...]
template <typename Repeated, typename Write>
Json WriteAll(const Repeated& elements, Write write) {
  Json out = Json::array();
  for (const auto& element : elements) out.push_back(write(element));
  return out;
}

}  // namespace auditledger::fhir

#endif  // AUDITLEDGER_TOOLS_FHIR_TYPES_H_
