#include "api/authorizer.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/status.h"
#include "ledger/errors.h"

namespace auditledger {
namespace {

class DefaultAuthorizer : public Authorizer {
 public:
  explicit DefaultAuthorizer(std::set<std::string> admins) : admins_(std::move(admins)) {}

  absl::Status Allow(const Principal& principal, absl::string_view method) const override {
    if (!absl::StartsWith(method, "AdminService/")) return absl::OkStatus();
    const bool admin = admins_.count(principal.name) > 0 ||
                       (principal.local && principal.listener == kAdminListener);
    if (admin) return absl::OkStatus();
    return WithReason(absl::PermissionDeniedError(absl::StrCat(method, " is for administrators")),
                      kReasonPermissionDenied, {{"method", std::string(method)}});
  }

 private:
  const std::set<std::string> admins_;
};

}  // namespace

std::unique_ptr<Authorizer> NewDefaultAuthorizer(std::set<std::string> admins) {
  return std::make_unique<DefaultAuthorizer>(std::move(admins));
}

}  // namespace auditledger
