// What of an event is withheld from a bundle, by policy: which units, under which rule.
//
//   other-patients   patients that the answer is not about; where an event names any, or does not
//                    name the one it is about, also what may name them: encounter, orders, objects,
//                    correlation ids
//   staff-names      who took part, by id, name and account; roles and departments stay
//   free-text        what somebody typed, and texts of any content
//   network          addresses, hosts, user agents
// The native record (original.content) goes with any of them: it holds everything again.
//
// Not covered: staff as what was touched (an account's change), and codes with a text of their own
// (purpose, a coded reason): look before a bundle goes out.
//
// Minimum necessary is all four. What is withheld stays countable: the bundle lists every unit.
//
// Example:
//   const Redaction redaction({.staff_names = true}, {});
//   const std::vector<uint8_t> rules = redaction.RulesOf(units);   // kShown, or a rule
//
// Thread-safety: const methods are safe; pure.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_REDACTION_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_REDACTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "merkle/tags.h"
#include "merkle/units.h"
#include "verifier/bundle_scope.h"

namespace auditledger {

// Numbers of rules in the bundles that we write.
inline constexpr uint8_t kRuleOtherPatients = 1;
inline constexpr uint8_t kRuleStaffNames = 2;
inline constexpr uint8_t kRuleFreeText = 3;
inline constexpr uint8_t kRuleNetwork = 4;
inline constexpr uint8_t kRuleNotAskedFor = 5;  // whole entries that are context alone
// Name and reason of one of these; counts are 0.
BundleRule BundleRuleOf(uint8_t rule);

struct RedactionPolicy {
  bool other_patients = false;
  bool staff_names = false;
  bool free_text = false;
  bool network = false;

  static RedactionPolicy MinimumNecessary() { return {true, true, true, true}; }
  bool any() const { return other_patients || staff_names || free_text || network; }
};

class Redaction {
 public:
  // `subjects`: whom the answer is about, as tags.h names patients; system empty for a reference.
  Redaction(RedactionPolicy policy, std::vector<TagKey> subjects);
  // Of each unit its rule, or kShown. `units` are all of an event's.
  std::vector<uint8_t> RulesOf(absl::Span<const UnitView> units) const;

 private:
  uint8_t RuleOf(const UnitView& unit, bool names_others) const;
  bool IsSubject(const UnitView& unit) const;
  bool NamesOtherPatient(const UnitView& unit) const;

  const RedactionPolicy policy_;
  const std::vector<TagKey> subjects_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_REDACTION_H_
