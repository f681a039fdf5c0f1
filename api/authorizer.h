// Who may call what. The seam for roles: another policy is another Authorizer.
//
// Thread-safety: implementations may be called by many threads.
#ifndef AUDITLEDGER_API_AUTHORIZER_H_
#define AUDITLEDGER_API_AUTHORIZER_H_

#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/authenticator.h"

namespace auditledger {

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // PermissionDenied (NOT_PERMITTED) unless `principal` may call `method`
  // ("LedgerService/AppendEvent"). Asked before anything is looked up, so that a refusal tells
  // nothing about what exists.
  virtual absl::Status Allow(const Principal& principal, absl::string_view method) const = 0;
};

// The default: AdminService for `admins` and for the local listener named "admin"; all else for
// every principal.
inline constexpr char kAdminListener[] = "admin";
std::unique_ptr<Authorizer> NewDefaultAuthorizer(std::set<std::string> admins);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_AUTHORIZER_H_
