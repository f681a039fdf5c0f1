#include "api/access/authorizer.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/names.h"
#include "api/status.h"
#include "ledger/errors.h"

namespace auditledger {
namespace {

absl::Status Refuse(absl::string_view what, const std::map<std::string, std::string>& metadata) {
  return WithReason(absl::PermissionDeniedError(what), kReasonPermissionDenied, metadata);
}

absl::Status NobodyMay(absl::string_view method) {
  return Refuse(absl::StrCat(method, " is for nobody"), {{"method", std::string(method)}});
}

// `where` begins with a blank or is empty.
absl::Status Needs(absl::string_view method, RoleSet roles, absl::string_view what,
                   absl::string_view where) {
  return Refuse(absl::StrCat(method, what, " needs the role ", roles.Names(), where,
                             ", which no grant in force gives you"),
                {{"method", std::string(method)}, {"roles", roles.Names()}});
}

}  // namespace

Authorizer::Authorizer(std::shared_ptr<const AccessRules> rules, Clock& clock)
    : clock_(clock), rules_(std::move(rules)) {}

void Authorizer::Use(std::shared_ptr<const AccessRules> rules) {
  MutexLock lock(mutex_);
  rules_ = std::move(rules);
}

std::shared_ptr<const AccessRules> Authorizer::rules() const {
  MutexLock lock(mutex_);
  return rules_;
}

bool Authorizer::Granted(const Principal& principal, RoleSet roles,
                         absl::FunctionRef<bool(const AccessGrant&)> covers) const {
  const std::shared_ptr<const AccessRules> rules = this->rules();
  const absl::Span<const AccessGrant> grants = rules->GrantsOf(principal.name);
  if (grants.empty()) return false;
  const uint64_t now_us = clock_.WallMicros();
  return std::any_of(grants.begin(), grants.end(), [&](const AccessGrant& grant) {
    return grant.expires_us > now_us && roles.Has(grant.role) && covers(grant);
  });
}

absl::Status Authorizer::Screen(const Principal& principal, absl::string_view method) const {
  const MethodRule* const rule = FindRule(method);
  if (rule == nullptr) return NobodyMay(method);
  if (Granted(principal, rule->roles, [](const AccessGrant&) { return true; })) {
    return absl::OkStatus();
  }
  return Needs(method, rule->roles, "", "");
}

absl::Status Authorizer::Allow(const Principal& principal, absl::string_view method,
                               const AccessRequest& request) const {
  const MethodRule* const rule = FindRule(method);
  if (rule == nullptr) return NobodyMay(method);
  const RoleSet roles = request.content ? rule->content_roles : rule->roles;
  const absl::string_view what = request.content ? " with payloads" : "";
  const absl::StatusOr<std::string> id = ParseLedgerName("ledger", request.ledger);
  const std::string where = id.ok()            ? absl::StrCat(" for ", request.ledger)
                            : rule->any_ledger ? ""
                                               : " for a ledger";
  const auto covers = [&](const AccessGrant& grant) { return !id.ok() || grant.Covers(*id); };
  if (!Granted(principal, roles, covers)) return Needs(method, roles, what, where);
  for (const absl::string_view stream_id : request.stream_ids) {
    if (Granted(principal, roles, [&](const AccessGrant& grant) {
          return covers(grant) && grant.CoversStream(stream_id);
        })) {
      continue;
    }
    return Needs(method, roles, "", absl::StrCat(where, " and the event's stream"));
  }
  return absl::OkStatus();
}

}  // namespace auditledger
