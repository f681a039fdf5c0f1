// What each role may call: ONE table, which the service decides by and api/README.md prints.
//
// Example:
//   const MethodRule* rule = FindRule("LedgerService/GetEntry");
//   if (rule == nullptr) ...                    // nobody may call what is not in the table
//   if (rule->content_roles.Has(role)) ...
//
// Thread-safety: immutable.
#ifndef AUDITLEDGER_API_ACCESS_PERMISSIONS_H_
#define AUDITLEDGER_API_ACCESS_PERMISSIONS_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "auditledger/config/v1/access.pb.h"

namespace auditledger {

using Role = config::v1::Role;

// Every role, in the order of the table's columns.
absl::Span<const Role> AllRoles();
// "privacy officer"
absl::string_view RoleName(Role role);

class RoleSet {
 public:
  constexpr RoleSet() = default;
  constexpr RoleSet(std::initializer_list<Role> roles) {
    for (const Role role : roles) bits_ |= 1u << static_cast<uint32_t>(role);
  }
  constexpr bool Has(Role role) const { return (bits_ >> static_cast<uint32_t>(role) & 1u) != 0; }
  // "auditor or privacy officer"
  std::string Names() const;

 private:
  uint32_t bits_ = 0;
};

struct MethodRule {
  absl::string_view method;  // "LedgerService/GetEntry"
  RoleSet roles;             // on a ledger that they are granted
  // Those of them whose request may ask for payloads or openings. Empty where no request can; an
  // emitter's receipt may always hold the opening of what it sent itself.
  RoleSet content_roles;
  // It names no ledger, and its answer shows those alone that the caller has such a role for.
  bool any_ledger = false;
};

absl::Span<const MethodRule> AllRules();
const MethodRule* FindRule(absl::string_view method);  // nullptr: nobody may call it

// The table as api/README.md has it, one line a row.
std::string PermissionsAsMarkdown();

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_PERMISSIONS_H_
