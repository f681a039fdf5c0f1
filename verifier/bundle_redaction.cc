#include "verifier/bundle_redaction.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "merkle/wire.h"
#include "verifier/bundle_entry.h"

namespace auditledger {
namespace {

struct UnitName {
  uint32_t field;
  uint32_t subfield;  // 0: the field is not cut deeper
};

// Numbers of auditledger.v1.AuditEvent: proto/auditledger/v1/event.proto.
constexpr uint32_t kOutcomeField = 11;
constexpr uint32_t kOutcomeDescription = 4;
constexpr uint32_t kOutcomeDetail = 3;
constexpr uint32_t kPatientReference = 1;
constexpr uint32_t kPatientIdentifier = 3;
constexpr uint32_t kEntityWhat = 1;
constexpr uint32_t kIdentifierSystem = 3;
constexpr uint32_t kIdentifierValue = 4;

// encounter, based_on, correlation; entity: what, name, description, query, detail, change, dicom,
// extension; extension.
constexpr UnitName kMayNamePatients[] = {{15, 0}, {16, 0}, {20, 0},  {19, 1},  {19, 6},  {19, 7},
                                         {19, 8}, {19, 9}, {19, 13}, {19, 14}, {19, 15}, {24, 0}};
// agent: who, alternative id, name, policy, on behalf of, authentication, other ids, extension;
// agents of an entity.
constexpr UnitName kNameStaff[] = {{17, 3},  {17, 4},  {17, 5},  {17, 8}, {17, 12},
                                   {17, 16}, {17, 18}, {17, 20}, {19, 10}};
// justification; extensions; entity: name, description, query, detail, change; transport.
constexpr UnitName kFreeText[] = {{13, 3}, {17, 20}, {19, 6},  {19, 7}, {19, 8},
                                  {19, 9}, {19, 13}, {19, 15}, {24, 0}, {25, 7}};
// agent: network, user agent; source: host, process.
constexpr UnitName kNetwork[] = {{17, 10}, {17, 17}, {18, 6}, {18, 7}};
constexpr UnitName kNativeRecord[] = {{25, 3}};

template <size_t N>
bool IsOneOf(const UnitView& unit, const UnitName (&names)[N]) {
  return std::any_of(std::begin(names), std::end(names), [&](const UnitName& name) {
    return unit.path.field == name.field &&
           (name.subfield == 0 || unit.path.subfield == name.subfield);
  });
}

// The one value of a length-delimited field; "" where there is none or it cannot be read.
absl::string_view ValueOf(absl::string_view message, uint32_t number) {
  std::optional<WireField> field;
  const SingularField wanted = {number, WireType::kLengthDelimited, &field};
  const absl::Status read = ReadSingularFields("", message, {wanted});
  return read.ok() && field ? field->value : absl::string_view();
}

bool HasOutcomeText(const UnitView& unit) {
  if (unit.path.field != kOutcomeField) return false;
  const absl::string_view outcome = ValueOf(unit.bytes, kOutcomeField);
  if (!ValueOf(outcome, kOutcomeDescription).empty()) return true;
  WireReader reader(outcome);
  while (!reader.done()) {
    const absl::StatusOr<WireField> field = reader.Next();
    if (!field.ok() || field->number == kOutcomeDetail) return true;
  }
  return false;
}

}  // namespace

BundleRule BundleRuleOf(uint8_t rule) {
  BundleRule out;
  out.rule = rule;
  switch (rule) {
    case kRuleOtherPatients:
      out.name = "other-patients";
      out.why = "they are not whom this answer is about";
      break;
    case kRuleStaffNames:
      out.name = "staff-names";
      out.why = "dates, roles and purposes are asked for, not who";
      break;
    case kRuleFreeText:
      out.name = "free-text";
      out.why = "typed text may name anybody";
      break;
    case kRuleNetwork:
      out.name = "network";
      out.why = "addresses are not needed for this answer";
      break;
    default:
      out.name = "not-asked-for";
      out.why = "the entry is here to show that nothing is left out";
      break;
  }
  return out;
}

Redaction::Redaction(RedactionPolicy policy, std::vector<TagKey> subjects)
    : policy_(policy), subjects_(std::move(subjects)) {}

bool Redaction::IsSubject(const UnitView& unit) const {
  TagKey key;
  if (unit.path.subfield == kPatientReference) {
    key.id = std::string(ValueOf(unit.bytes, kPatientReference));
  } else if (unit.path.subfield == kPatientIdentifier) {
    const absl::string_view identifier = ValueOf(unit.bytes, kPatientIdentifier);
    key.system = std::string(ValueOf(identifier, kIdentifierSystem));
    key.id = std::string(ValueOf(identifier, kIdentifierValue));
  }
  return std::any_of(subjects_.begin(), subjects_.end(),
                     [&](const TagKey& s) { return s.system == key.system && s.id == key.id; });
}

// Of what was touched: a patient's own record, by reference, that is not the subject's.
bool Redaction::NamesOtherPatient(const UnitView& unit) const {
  if (unit.path.field != kEntityField) return false;
  const absl::string_view what = ValueOf(unit.bytes, kEntityWhat);
  const absl::string_view reference = ValueOf(what, kPatientReference);
  return absl::StrContains(reference, "Patient/") &&
         std::none_of(subjects_.begin(), subjects_.end(),
                      [&](const TagKey& s) { return s.system.empty() && s.id == reference; });
}

std::vector<uint8_t> Redaction::RulesOf(absl::Span<const UnitView> units) const {
  std::set<uint32_t> subjects;  // occurrences of patient
  std::set<uint32_t> patients;
  for (const UnitView& unit : units) {
    if (unit.path.field != kPatientField) continue;
    patients.insert(unit.path.occurrence);
    if (IsSubject(unit)) subjects.insert(unit.path.occurrence);
  }
  // An event that does not name whom the answer is about may name anybody, in any of its parts.
  const bool about_others = subjects.empty() || patients.size() > subjects.size() ||
                            std::any_of(units.begin(), units.end(), [&](const UnitView& unit) {
                              return NamesOtherPatient(unit);
                            });
  const bool names_others = policy_.other_patients && about_others;
  std::vector<uint8_t> rules;
  rules.reserve(units.size());
  for (const UnitView& unit : units) {
    const bool other = names_others && unit.path.field == kPatientField &&
                       !subjects.contains(unit.path.occurrence);
    rules.push_back(other ? kRuleOtherPatients : RuleOf(unit, names_others));
  }
  return rules;
}

uint8_t Redaction::RuleOf(const UnitView& unit, bool names_others) const {
  if (names_others && IsOneOf(unit, kMayNamePatients)) return kRuleOtherPatients;
  if (policy_.staff_names && IsOneOf(unit, kNameStaff)) return kRuleStaffNames;
  if (policy_.free_text && (IsOneOf(unit, kFreeText) || HasOutcomeText(unit))) {
    return kRuleFreeText;
  }
  if (policy_.network && IsOneOf(unit, kNetwork)) return kRuleNetwork;
  if (!policy_.any() || !IsOneOf(unit, kNativeRecord)) return kShown;
  return policy_.free_text        ? kRuleFreeText
         : policy_.staff_names    ? kRuleStaffNames
         : policy_.other_patients ? kRuleOtherPatients
                                  : kRuleNetwork;
}

}  // namespace auditledger
