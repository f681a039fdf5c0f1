// Who may call what, on which ledger: the table of permissions.h and the grants of a policy. What
// is not granted is refused.
//
// Example:
//   RETURN_IF_ERROR(authorizer.Screen(principal, rule, method));     // before the request is
//   parsed RETURN_IF_ERROR(authorizer.Allow(principal, rule, method, AccessOf(request)));
//
// A refusal is PermissionDenied (NOT_PERMITTED) and names the method and the roles that may; it is
// the same whether the ledger exists or not, for nothing is looked up.
// Thread-safety: all methods.
#ifndef AUDITLEDGER_API_ACCESS_AUTHORIZER_H_
#define AUDITLEDGER_API_ACCESS_AUTHORIZER_H_

#include <memory>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/access/access_rules.h"
#include "api/access/permissions.h"
#include "api/access/principal.h"
#include "ledger/clock.h"
#include "ledger/mutex.h"

namespace auditledger {

// What a request asks for, as far as that decides who may ask. Its views are of the request.
struct AccessRequest {
  // "ledgers/main" as the request has it. Empty or no ledger's name: then the role is needed on any
  // ledger, and the handler says what is wrong with the name.
  absl::string_view ledger;
  bool content = false;                                  // payloads or openings
  absl::InlinedVector<absl::string_view, 1> stream_ids;  // that it appends to
};

class Authorizer {
 public:
  // `clock` must outlive it.
  Authorizer(std::shared_ptr<const AccessRules> rules, Clock& clock);

  // The policy from now on; calls that are under way finish by the one before it.
  void Use(std::shared_ptr<const AccessRules> rules);
  std::shared_ptr<const AccessRules> rules() const;

  // Whether the principal may call the method on any ledger at all.
  absl::Status Screen(const Principal& principal, absl::string_view method) const;
  // The whole decision.
  absl::Status Allow(const Principal& principal, absl::string_view method,
                     const AccessRequest& request) const;

 private:
  // Whether a grant in force has one of `roles` and passes `covers`.
  bool Granted(const Principal& principal, RoleSet roles,
               absl::FunctionRef<bool(const AccessGrant&)> covers) const;

  Clock& clock_;
  mutable Mutex mutex_;
  std::shared_ptr<const AccessRules> rules_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_AUTHORIZER_H_
