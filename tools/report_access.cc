#include "tools/report_access.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace auditledger {
namespace {

constexpr uint32_t kActionField = 9;
constexpr uint32_t kCategoryField = 7;
constexpr uint32_t kCodeField = 8;
constexpr uint32_t kOutcomeField = 11;
constexpr uint32_t kPurposeField = 12;
constexpr uint32_t kEncounterField = 15;
constexpr uint32_t kBasedOnField = 16;
// Of an agent.
constexpr uint32_t kRole = 2;
constexpr uint32_t kWho = 3;
constexpr uint32_t kName = 5;
constexpr uint32_t kNetwork = 10;
constexpr uint32_t kOrganization = 14;
constexpr uint32_t kDepartment = 15;
// Of an entity.
constexpr uint32_t kWhat = 1;
constexpr uint32_t kEntityName = 6;
constexpr uint32_t kDescription = 7;
// Of a patient.
constexpr uint32_t kReference = 1;
constexpr uint32_t kIdentifier = 3;

constexpr absl::string_view kDestinationRole = "110152";
constexpr absl::string_view kRecipient = "IRCP";
// DICOM's object roles of people beside patients: user, doctor, subscriber, guarantor, security
// user, provider.
constexpr absl::string_view kPatientRole = "1";
constexpr absl::string_view kPeople[] = {"6", "8", "9", "10", "11", "15"};
constexpr size_t kMostWhats = 3;
constexpr int kDayMinutes = 24 * 60;

const char* ActionText(v1::Action action) {
  switch (action) {
    case v1::ACTION_CREATE:
      return "create";
    case v1::ACTION_READ:
      return "read";
    case v1::ACTION_UPDATE:
      return "update";
    case v1::ACTION_DELETE:
      return "delete";
    case v1::ACTION_EXECUTE:
      return "execute";
    default:
      return "";
  }
}

const char* OutcomeText(v1::Outcome::Indicator indicator) {
  switch (indicator) {
    case v1::Outcome::INDICATOR_SUCCESS:
      return "success";
    case v1::Outcome::INDICATOR_MINOR_FAILURE:
      return "minor failure";
    case v1::Outcome::INDICATOR_SERIOUS_FAILURE:
      return "serious failure";
    case v1::Outcome::INDICATOR_MAJOR_FAILURE:
      return "major failure";
    default:
      return "";
  }
}

bool IsFailure(v1::Outcome::Indicator indicator) {
  return indicator > v1::Outcome::INDICATOR_SUCCESS;
}

template <typename Concepts>
std::string FirstText(const Concepts& concepts) {
  for (const v1::CodeableConcept& one : concepts) {
    std::string text = ConceptText(one);
    if (!text.empty()) return text;
  }
  return "";
}

// The id alone; who is meant is not told by a display.
std::string IdOf(const v1::Reference& reference) {
  return reference.identifier().value().empty() ? reference.reference()
                                                : reference.identifier().value();
}

std::string EntityText(const v1::Entity& entity) {
  if (!entity.description().empty()) return entity.description();
  if (!entity.name().empty()) return entity.name();
  std::string text = ReferenceText(entity.what());
  return text.empty() ? entity.type().display() : text;
}

// The first of them, and how many more.
std::string Some(std::vector<std::string> texts) {
  const size_t more = texts.size() > kMostWhats ? texts.size() - kMostWhats : 0;
  texts.resize(texts.size() - more);
  std::string out = absl::StrJoin(texts, "; ");
  if (more > 0) absl::StrAppend(&out, "; and ", more, " more");
  return out;
}

absl::TimeZone Zone(int offset_minutes) { return absl::FixedTimeZone(offset_minutes * 60); }

}  // namespace

std::string ConceptText(const v1::CodeableConcept& concept_value) {
  if (!concept_value.text().empty()) return concept_value.text();
  for (const v1::Coding& coding : concept_value.coding()) {
    if (!coding.display().empty()) return coding.display();
    if (!coding.code().empty()) return coding.code();
  }
  return "";
}

bool HasCode(const v1::CodeableConcept& concept_value, absl::string_view code) {
  return std::any_of(concept_value.coding().begin(), concept_value.coding().end(),
                     [&](const v1::Coding& coding) { return coding.code() == code; });
}

std::string ReferenceText(const v1::Reference& reference) {
  return reference.display().empty() ? IdOf(reference) : reference.display();
}

std::vector<std::string> PatientKeys(const v1::Reference& patient) {
  std::vector<std::string> out;
  if (!patient.identifier().value().empty()) {
    out.push_back(absl::StrCat(patient.identifier().system(), "|", patient.identifier().value()));
  }
  if (!patient.reference().empty()) out.push_back(absl::StrCat("|", patient.reference()));
  return out;
}

std::vector<v1::CodeableConcept> PurposesOf(const v1::AuditEvent& event) {
  const int requestor = RequestorOf(event);
  const auto& purposes = event.purpose_of_use().empty() && requestor >= 0
                             ? event.agent(requestor).purpose_of_use()
                             : event.purpose_of_use();
  return {purposes.begin(), purposes.end()};
}

int64_t MicrosOf(const v1::Time& time) {
  const int64_t seconds = std::clamp<int64_t>(time.at().seconds(), 0, kMaxTimestampSeconds);
  return seconds * 1'000'000 + std::clamp(time.at().nanos(), 0, 999'999'999) / 1000;
}

bool IsPatient(const v1::Entity& entity) {
  return HasCode(entity.role(), kPatientRole) ||
         absl::StartsWith(entity.what().reference(), "Patient/");
}

bool IsPerson(const v1::Entity& entity) {
  return IsPatient(entity) || absl::StartsWith(entity.what().reference(), "Practitioner/") ||
         std::any_of(std::begin(kPeople), std::end(kPeople),
                     [&](absl::string_view role) { return HasCode(entity.role(), role); });
}

int RequestorOf(const v1::AuditEvent& event) {
  for (int i = 0; i < event.agent_size(); ++i) {
    if (event.agent(i).requestor()) return i;
  }
  return event.agent_size() == 0 ? -1 : 0;
}

bool IsKind(const v1::AuditEvent& event, absl::string_view code) {
  const auto has = [&](const v1::CodeableConcept& one) { return HasCode(one, code); };
  return std::any_of(event.code().begin(), event.code().end(), has) ||
         std::any_of(event.category().begin(), event.category().end(), has);
}

std::string LocalTime(int64_t unix_us, int offset_minutes) {
  return absl::FormatTime("%E4Y-%m-%d %H:%M:%S %Ez", absl::FromUnixMicros(unix_us),
                          Zone(offset_minutes));
}

std::string LocalDay(int64_t unix_us, int offset_minutes) {
  return absl::FormatTime("%E4Y-%m-%d", absl::FromUnixMicros(unix_us), Zone(offset_minutes));
}

AccessWords::AccessWords(const std::vector<BundleRule>& rules) {
  for (const BundleRule& rule : rules) names_[rule.rule] = rule.name;
}

std::string AccessWords::Withheld(const ReportEvent& event, UnitPath path) const {
  const auto found = event.withheld.find(path);
  if (found == event.withheld.end()) return "";
  const auto name = names_.find(found->second);
  return absl::StrCat("withheld: ", name == names_.end() ? "?" : name->second);
}

void AccessWords::ReadAgent(const ReportEvent& event, Access& out) const {
  const int place = RequestorOf(event.event);
  if (place < 0) return;
  const v1::Agent& agent = event.event.agent(place);
  const auto told = [&](uint32_t subfield, std::string text) {
    std::string withheld = Withheld(event, {kAgentField, static_cast<uint32_t>(place), subfield});
    return withheld.empty() ? text : withheld;
  };
  out.user = told(kWho, IdOf(agent.who()));
  out.user_name = told(kName, agent.name());
  if (out.user_name.empty()) out.user_name = agent.who().display();
  out.role = told(kRole, FirstText(agent.role()));
  if (out.role.empty()) out.role = ConceptText(agent.type());
  out.department = told(kDepartment, agent.department());
  out.organization = told(kOrganization, ReferenceText(agent.organization()));
  out.address = told(kNetwork, agent.network().address());
  if (agent.network().type() == v1::NetworkAccessPoint::TYPE_IP_ADDRESS ||
      agent.network().type() == v1::NetworkAccessPoint::TYPE_MACHINE_NAME) {
    out.machine = out.address;
  }
}

void AccessWords::ReadPatients(const ReportEvent& event, Access& out) const {
  for (int i = 0; i < event.event.patient_size(); ++i) {
    const uint32_t place = static_cast<uint32_t>(i);
    std::vector<std::string> keys = PatientKeys(event.event.patient(i));
    std::string withheld = Withheld(event, {kPatientField, place, kIdentifier});
    if (withheld.empty()) withheld = Withheld(event, {kPatientField, place, kReference});
    out.patients.push_back(!keys.empty() ? keys.front() : !withheld.empty() ? withheld : "?");
  }
}

void AccessWords::ReadWhat(const ReportEvent& event, Access& out) const {
  std::vector<std::string> whats;
  std::vector<std::string> kinds;
  for (int i = 0; i < event.event.entity_size(); ++i) {
    const v1::Entity& entity = event.event.entity(i);
    if (IsPerson(entity)) continue;
    std::string text = EntityText(entity);
    for (const uint32_t part : {kDescription, kEntityName, kWhat}) {
      if (text.empty()) {
        text = Withheld(event, {kEntityField, static_cast<uint32_t>(i), part});
      }
    }
    if (!text.empty()) whats.push_back(std::move(text));
    const std::string& reference = entity.what().reference();
    const size_t slash = reference.find('/');
    kinds.push_back(slash == std::string::npos ? entity.type().display()
                                               : reference.substr(0, slash));
  }
  out.what = Some(std::move(whats));
  out.kind_of_what = Some(std::move(kinds));
}

void AccessWords::ReadRecipients(const ReportEvent& event, Access& out) const {
  for (int i = 0; i < event.event.agent_size(); ++i) {
    const v1::Agent& agent = event.event.agent(i);
    if (!HasCode(agent.type(), kDestinationRole) && !HasCode(agent.type(), kRecipient)) continue;
    Recipient recipient;
    for (const v1::Reference* who : {&agent.who(), &agent.organization()}) {
      for (const std::string& name : {who->display(), IdOf(*who)}) {
        if (!name.empty()) recipient.names.push_back(name);
      }
    }
    if (!agent.name().empty()) recipient.names.insert(recipient.names.begin(), agent.name());
    for (const uint32_t part : {kName, kWho, kOrganization}) {
      std::string withheld = Withheld(event, {kAgentField, static_cast<uint32_t>(i), part});
      if (recipient.names.empty() && !withheld.empty()) recipient.name = std::move(withheld);
    }
    if (!recipient.names.empty()) recipient.name = recipient.names.front();
    recipient.address = ReferenceText(agent.location());
    if (recipient.address.empty()) recipient.address = agent.network().address();
    out.recipients.push_back(std::move(recipient));
  }
}

std::string AccessWords::Explanation(const ReportEvent& event) const {
  const v1::AuditEvent& shown = event.event;
  if (shown.has_encounter()) return absl::StrCat("encounter ", IdOf(shown.encounter()));
  if (shown.based_on_size() > 0) return absl::StrCat("order ", IdOf(shown.based_on(0)));
  std::string withheld = Withheld(event, {kEncounterField, 0, 0});
  return withheld.empty() ? Withheld(event, {kBasedOnField, 0, 0}) : withheld;
}

Access AccessWords::Read(const ReportEvent& event) const {
  const v1::AuditEvent& shown = event.event;
  const auto told = [&](uint32_t field, std::string text) {
    return text.empty() ? Withheld(event, {field, 0, 0}) : text;
  };
  Access out;
  out.index = event.index;
  out.at_us = static_cast<int64_t>(
      std::min<uint64_t>(event.recorded_at_us, kMaxTimestampSeconds * 1'000'000));
  if (shown.recorded().has_at()) {
    out.at_us = MicrosOf(shown.recorded());
    out.offset_minutes =
        std::clamp(shown.recorded().utc_offset_minutes(), -kDayMinutes, kDayMinutes);
  }
  out.time = LocalTime(out.at_us, out.offset_minutes);
  ReadAgent(event, out);
  ReadPatients(event, out);
  out.kind = told(kCodeField, FirstText(shown.code()));
  if (out.kind.empty()) out.kind = told(kCategoryField, FirstText(shown.category()));
  out.action = told(kActionField, ActionText(shown.action()));
  out.outcome = told(kOutcomeField, OutcomeText(shown.outcome().indicator()));
  out.failed = IsFailure(shown.outcome().indicator());
  out.purpose = told(kPurposeField, FirstText(PurposesOf(shown)));
  ReadWhat(event, out);
  ReadRecipients(event, out);
  out.explanation = Explanation(event);
  out.override = shown.has_emergency_access();
  return out;
}

}  // namespace auditledger
