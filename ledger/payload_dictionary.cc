#include "ledger/payload_dictionary.h"

#include <string>

#include "merkle/wire.h"

namespace auditledger {
namespace {

constexpr char kDicom[] = "http://dicom.nema.org/resources/ontology/DCM";
constexpr char kTerminology[] = "http://terminology.hl7.org/CodeSystem/";
constexpr char kInteraction[] = "http://hl7.org/fhir/restful-interaction";
constexpr char kBalp[] = "https://profiles.ihe.net/ITI/BALP/";

struct Concept {
  const char* system;
  const char* name;  // after the system
  const char* code;
  const char* display;
};

// What is used most stands last: the nearer, the shorter to refer to.
constexpr Concept kConcepts[] = {
    {kTerminology, "iso-21089-lifecycle", "disclose", "Disclose Record Lifecycle Event"},
    {kTerminology, "dicom-audit-lifecycle", "6", "Access / Use"},
    {kTerminology, "v3-RoleClass", "PAT", "patient"},
    {kTerminology, "v2-0203", "MR", "Medical record number"},
    {kTerminology, "v3-ActCode", "HTEST", "test health data"},
    {kTerminology, "provenance-participant-type", "author", "Author"},
    {"http://hl7.org/fhir/", "resource-types", "Consent", "Consent"},
    {"http://snomed.info/", "sct", "", ""},
    {kBalp, "CodeSystem/UserAgentTypes", "UserSamlAgent", "User SAML Agent participant"},
    {kBalp, "CodeSystem/BasicAuditEntityType", "XrequestId", "The value of X-Request-Id"},
    {kTerminology, "extra-security-role-type", "humanuser", "human user"},
    {kTerminology, "audit-event-type", "rest", "Restful Operation"},
    {kTerminology, "object-role", "24", "Query"},
    {kTerminology, "object-role", "3", "Report"},
    {kTerminology, "object-role", "4", "Domain Resource"},
    {kTerminology, "object-role", "1", "Patient"},
    {kTerminology, "audit-entity-type", "4", "Other"},
    {kTerminology, "audit-entity-type", "1", "Person"},
    {kTerminology, "audit-entity-type", "2", "System Object"},
    {kTerminology, "security-source-type", "1", "User Device"},
    {kTerminology, "security-source-type", "3", "Web Server"},
    {kTerminology, "security-source-type", "4", "Application Server"},
    {kTerminology, "v3-ParticipationType", "IRCP", "information recipient"},
    {kTerminology, "v3-ParticipationType", "AUT", "author (originator)"},
    {kTerminology, "v3-ParticipationType", "CST", "custodian"},
    {kTerminology, "v3-ActReason", "PATRQT", "patient requested"},
    {kTerminology, "v3-ActReason", "BTG", "break the glass"},
    {kTerminology, "v3-ActReason", "ETREAT", "Emergency Treatment"},
    {kTerminology, "v3-ActReason", "HOPERAT", "healthcare operations"},
    {kTerminology, "v3-ActReason", "HPAYMT", "healthcare payment"},
    {kTerminology, "v3-ActReason", "TREAT", "treatment"},
    {kDicom, "", "110100", "Application Activity"},
    {kDicom, "", "110106", "Export"},
    {kDicom, "", "110107", "Import"},
    {kDicom, "", "110112", "Query"},
    {kDicom, "", "110113", "Security Alert"},
    {kDicom, "", "110114", "User Authentication"},
    {kDicom, "", "110150", "Application"},
    {kDicom, "", "110153", "Source Role ID"},
    {kDicom, "", "110152", "Destination Role ID"},
    {kDicom, "", "110110", "Patient Record"},
    {kInteraction, "", "delete", "delete"},
    {kInteraction, "", "search", "search"},
    {kInteraction, "", "create", "create"},
    {kInteraction, "", "update", "update"},
    {kInteraction, "", "read", "read"},
};

constexpr const char* kWords[] = {
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PrivacyDisclosure.Source",
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery",
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead",
    "urn:oid:2.16.840.1.113883.4.",
    "urn:ietf:rfc:3986",
    "urn:uuid:",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    "openid fhirUser launch/patient user/*.read patient/*.read",
    "application/fhir+json",
    "DocumentReference/",
    "MedicationRequest/",
    "DiagnosticReport/",
    "ImagingStudy/",
    "Observation/",
    "Organization/",
    "PractitionerRole/",
    "Practitioner/",
    "Encounter/",
    "Location/",
    "Device/",
    "Patient/",
    "spiffe://",
};

void AppendField(std::string& out, uint32_t number, absl::string_view value) {
  PutLengthDelimitedPrefix(out, number, value.size());
  out.append(value.data(), value.size());
}

std::string Make() {
  std::string out;
  for (const char* word : kWords) AppendField(out, 1, word);
  for (const Concept& the_concept : kConcepts) {
    std::string coding;
    AppendField(coding, 1, std::string(the_concept.system) + the_concept.name);
    AppendField(coding, 3, the_concept.code);
    AppendField(coding, 4, the_concept.display);
    AppendField(out, 1, coding);
  }
  return out;
}

}  // namespace

absl::string_view PayloadDictionary1() {
  static const std::string& dictionary = *new std::string(Make());
  return dictionary;
}

}  // namespace auditledger
