// FHIR R4 AuditEvent (JSON) to auditledger.v1.AuditEvent and back without loss.
//
//   JSON --typed mapping--> AuditEvent            what can be searched, tagged, withheld
//     \--what that loses--> one more extension    RFC 6902 patch from the mapped-back JSON to the
//     JSON
//
// So the round trip gives equal JSON by construction: narrative, contained resources, unknown
// members, values out of their type, "+00:00" for "Z", and the digits of decimals included. Only
// member order and spaces are not kept; the digest of the original bytes is, in original.sha256.
//
// Typed: id, meta.profile, meta.security, type, subtype, action, period, recorded, outcome,
// outcomeDesc, purposeOfEvent, agent, source, entity, extensions; IHE BALP's otherId and
// assuranceLevel. Derived, never mapped back: `patient` from entities in role 1,
// correlation.request_id from BALP's X-Request-Id entity, agent.kind from the type of resource.
// What is not R4 (encounter, emergency access ...) is not in the JSON made from an event of another
// origin.
//
// The caller sets source.stream_id and source.stream_sequence. Without an id the event_id is a UUID
// made of the digest: the same bytes, the same event.
//
// Example:
//   ASSIGN_OR_RETURN(v1::AuditEvent event, AuditEventFromFhirR4(text));
//   ASSIGN_OR_RETURN(nlohmann::json json, FhirR4FromAuditEvent(event));  // == parsed text
//
// Thread-safety: pure functions.
// Errors: InvalidArgument naming the element, never its value.
#ifndef AUDITLEDGER_TOOLS_FHIR_R4_H_
#define AUDITLEDGER_TOOLS_FHIR_R4_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/event.pb.h"

namespace auditledger {

inline constexpr absl::string_view kFhirR4Format = "fhir-r4-auditevent";
inline constexpr absl::string_view kFhirR4ResidualUrl = "urn:auditledger:fhir-r4:residual";
// event.proto's limit of an extension's fhir_json; narratives measured stay below 10 KiB.
inline constexpr size_t kMaxFhirResidualBytes = 32768;

// Refuses what is not a FHIR R4 AuditEvent with a readable `recorded`, what strict_json.h refuses,
// and what comes out over kMaxFhirResidualBytes or kMaxEventBytes. What the ledger requires besides
// (agents, observer, outcome) is left to the ledger to say.
absl::StatusOr<v1::AuditEvent> AuditEventFromFhirR4(absl::string_view text);

// Print the result with FormatJson: decimals are marked (strict_json.h).
absl::StatusOr<nlohmann::json> FhirR4FromAuditEvent(const v1::AuditEvent& event);

// Size of the residual patch in bytes; 0 when the typed fields say it all.
size_t FhirR4ResidualBytes(const v1::AuditEvent& event);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_FHIR_R4_H_
