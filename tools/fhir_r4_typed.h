// The typed half of fhir_r4.h, which keeps what this loses.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_TOOLS_FHIR_R4_TYPED_H_
#define AUDITLEDGER_TOOLS_FHIR_R4_TYPED_H_

#include <nlohmann/json.hpp>

#include "auditledger/v1/event.pb.h"

namespace auditledger::fhir {

// event.proto allows 32 extensions on an event; one is the residual's.
inline constexpr int kMaxTypedExtensions = 31;

inline constexpr char kOtherIdUrl[] =
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/ihe-otherId";
inline constexpr char kAssuranceLevelUrl[] =
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/ihe-assuranceLevel";
inline constexpr char kRequestIdType[] = "XrequestId";  // BALP's BasicAuditEntityType
inline constexpr char kPatientRole[] = "1";             // object-role

v1::AuditEvent ReadTyped(const nlohmann::json& json);
nlohmann::json WriteTyped(const v1::AuditEvent& event);

}  // namespace auditledger::fhir

#endif  // AUDITLEDGER_TOOLS_FHIR_R4_TYPED_H_
