#include "tools/generator_events.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace auditledger::generator {
namespace {

constexpr char kDicom[] = "http://dicom.nema.org/resources/ontology/DCM";
constexpr char kInteraction[] = "http://hl7.org/fhir/restful-interaction";
constexpr char kPurpose[] = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
constexpr char kObjectRole[] = "http://terminology.hl7.org/CodeSystem/object-role";
constexpr char kEntityType[] = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
constexpr char kRecordNumbers[] = "urn:example:hospital:mrn";
constexpr char kRoles[] = "urn:example:hospital:role";

void SetCoding(v1::Coding& coding, absl::string_view system, absl::string_view code,
               absl::string_view display) {
  coding.set_system(std::string(system));
  coding.set_code(std::string(code));
  coding.set_display(std::string(display));
}

void SetType(v1::AuditEvent& event, absl::string_view code, absl::string_view display) {
  SetCoding(*event.add_category()->add_coding(), kDicom, code, display);
}

void SetInteraction(v1::AuditEvent& event, v1::Action action, absl::string_view name) {
  event.set_action(action);
  SetCoding(*event.add_code()->add_coding(), kInteraction, name, name);
}

// The program that reports depends on who works with it.
void SetSource(v1::Source& source, Role role) {
  const bool imaging = role == Role::kRadiologist || role == Role::kTechnician;
  const bool laboratory = role == Role::kLabAnalyst;
  const char* program = imaging ? "pacs" : laboratory ? "lab" : "ehr";
  source.mutable_observer()->set_reference(absl::StrCat("Device/", program, "-node-1"));
  source.set_software(program);
  source.set_software_version("7.2.1");
  source.set_host(absl::StrCat(program, "-1.hospital.example"));
  source.set_stream_id(imaging ? kImagingStream : laboratory ? kLaboratoryStream : kRecordsStream);
  SetCoding(*source.add_type()->add_coding(),
            "http://terminology.hl7.org/CodeSystem/security-source-type", "4",
            "Application Server");
}

struct Opened {
  const char* resource;
  const char* title;
};

// What this role mostly opens.
Opened WhatIsOpened(Random& random, Role role) {
  static const std::vector<Opened>* const kClinical =
      new std::vector<Opened>{{"Observation", "vital signs"},
                              {"MedicationRequest", "medication"},
                              {"Condition", "problem list"},
                              {"DocumentReference", "progress note"},
                              {"DiagnosticReport", "results"}};
  switch (role) {
    case Role::kRadiologist:
    case Role::kTechnician:
      return {"ImagingStudy", "imaging study"};
    case Role::kLabAnalyst:
      return {"Specimen", "specimen"};
    case Role::kRegistrar:
      return {"Appointment", "appointment"};
    case Role::kBilling:
      return {"Claim", "claim"};
    default:
      return random.Pick(*kClinical);
  }
}

const char* UsualPurpose(Role role) {
  if (role == Role::kBilling) return "HPAYMT";
  if (role == Role::kRegistrar) return "HOPERAT";
  return "TREAT";
}

}  // namespace

void EventMaker::SetPurpose(v1::AuditEvent& event, absl::string_view code) {
  event.clear_purpose_of_use();
  SetCoding(*event.add_purpose_of_use()->add_coding(), kPurpose, code, "");
}

v1::AuditEvent EventMaker::Base(int at_s, size_t staff_index) {
  const Staff& staff = world_.staff[staff_index];
  v1::AuditEvent event;
  event.set_event_id(random_.Uuid());
  event.set_schema_version(1);
  event.set_tenant_id("example-hospital");
  v1::Time& recorded = *event.mutable_recorded();
  recorded.mutable_at()->set_seconds(midnight_unix_s_ + at_s);
  recorded.mutable_at()->set_nanos(static_cast<int32_t>(random_.Below(1000)) * 1'000'000);
  recorded.set_fraction_digits(3);
  recorded.set_utc_offset_minutes(60);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);

  v1::Agent& agent = *event.add_agent();
  SetCoding(*agent.mutable_type()->add_coding(), kRoles, RoleCode(staff.role), "");
  SetCoding(*agent.add_role()->add_coding(), kRoles, RoleCode(staff.role), "");
  agent.mutable_who()->set_reference(absl::StrCat("Practitioner/", staff.id));
  agent.set_requestor(true);
  agent.set_kind(v1::Agent::KIND_HUMAN);
  agent.set_department(kDepartments[staff.department].name);
  agent.mutable_network()->set_type(v1::NetworkAccessPoint::TYPE_IP_ADDRESS);
  agent.mutable_network()->set_address(
      absl::StrFormat("10.20.%d.%d", kDepartments[staff.department].subnet, staff.workstation));
  agent.mutable_auth()->set_session_id(staff.session_id);
  agent.mutable_auth()->set_method("smartcard");
  agent.mutable_auth()->set_mfa(true);
  SetSource(*event.mutable_source(), staff.role);
  return event;
}

void EventMaker::AddPatient(v1::AuditEvent& event, size_t index) const {
  const Patient& patient = world_.patients[index];
  v1::Reference who;
  who.set_reference(absl::StrCat("Patient/pat-", patient.mrn));
  who.mutable_identifier()->set_system(kRecordNumbers);
  who.mutable_identifier()->set_value(patient.mrn);
  *event.add_patient() = who;
  v1::Entity& entity = *event.add_entity();
  *entity.mutable_what() = who;
  SetCoding(*entity.mutable_type(), kEntityType, "1", "Person");
  SetCoding(*entity.mutable_role()->add_coding(), kObjectRole, "1", "Patient");
  if (patient.vip) {
    SetCoding(*entity.add_security_label()->add_coding(),
              "http://terminology.hl7.org/CodeSystem/v3-ActCode", "VIP", "");
  }
}

v1::AuditEvent EventMaker::Read(int at_s, size_t staff, size_t patient) {
  v1::AuditEvent event = Base(at_s, staff);
  const Role role = world_.staff[staff].role;
  SetType(event, "110110", "Patient Record");
  SetInteraction(event, v1::ACTION_READ, "read");
  SetPurpose(event, UsualPurpose(role));
  AddPatient(event, patient);
  const Opened opened = WhatIsOpened(random_, role);
  v1::Entity& entity = *event.add_entity();
  entity.mutable_what()->set_reference(
      absl::StrCat(opened.resource, "/", random_.Between(1000, 99999)));
  SetCoding(*entity.mutable_type(), kEntityType, "2", "System Object");
  SetCoding(*entity.mutable_role()->add_coding(), kObjectRole, "4", "Domain Resource");
  entity.set_description(opened.title);
  return event;
}

v1::AuditEvent EventMaker::Access(int at_s, size_t staff, const Visit& visit) {
  v1::AuditEvent event = Read(at_s, staff, visit.patient);
  event.mutable_encounter()->set_reference(visit.encounter);
  const uint64_t dice = random_.Below(10);
  if (dice >= 7) {
    event.clear_code();
    const bool create = dice >= 9;
    SetInteraction(event, create ? v1::ACTION_CREATE : v1::ACTION_UPDATE,
                   create ? "create" : "update");
  }
  return event;
}

v1::AuditEvent EventMaker::Login(int at_s, size_t staff, bool in) {
  v1::AuditEvent event = Base(at_s, staff);
  SetType(event, "110114", "User Authentication");
  event.set_action(v1::ACTION_EXECUTE);
  SetCoding(*event.add_code()->add_coding(), kDicom, in ? "110122" : "110123",
            in ? "Login" : "Logout");
  return event;
}

v1::AuditEvent EventMaker::Export(int at_s) {
  const size_t staff = random_.Pick(world_.StaffOf(Role::kBilling));
  v1::AuditEvent event = Base(at_s, staff);
  SetType(event, "110106", "Export");
  event.set_action(v1::ACTION_READ);
  SetPurpose(event, "HPAYMT");
  event.set_affected_record_count(random_.Between(20, 120));
  v1::Entity& entity = *event.add_entity();
  entity.mutable_what()->set_reference(
      absl::StrCat("Group/monthly-claims-", random_.Between(1, 12)));
  SetCoding(*entity.mutable_type(), kEntityType, "2", "System Object");
  SetCoding(*entity.mutable_role()->add_coding(), kObjectRole, "3", "Report");
  return event;
}

v1::AuditEvent EventMaker::Override(int at_s, size_t staff, size_t patient,
                                    const std::string& override_id,
                                    v1::EmergencyAccess::Phase phase) {
  const bool is_access = phase == v1::EmergencyAccess::PHASE_ACCESS_UNDER_OVERRIDE;
  v1::AuditEvent event = is_access ? Read(at_s, staff, patient) : Base(at_s, staff);
  if (!is_access) {
    const bool stop = phase == v1::EmergencyAccess::PHASE_OVERRIDE_STOPPED;
    SetType(event, "110113", "Security Alert");
    SetCoding(*event.add_code()->add_coding(), kDicom, stop ? "110138" : "110127",
              stop ? "Emergency Override Stopped" : "Emergency Override Started");
    event.set_action(v1::ACTION_EXECUTE);
    AddPatient(event, patient);
  }
  SetPurpose(event, "BTG");
  v1::EmergencyAccess& emergency = *event.mutable_emergency_access();
  emergency.set_phase(phase);
  emergency.set_override_id(override_id);
  if (phase == v1::EmergencyAccess::PHASE_OVERRIDE_STARTED) {
    emergency.mutable_reason()->set_text("unconscious patient, history needed");
    emergency.set_justification("found in the corridor, no next of kin");
  }
  return event;
}

}  // namespace auditledger::generator
