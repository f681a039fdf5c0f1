#include "api/access/authenticator.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "api/status.h"
#include "ledger/errors.h"

namespace auditledger {
namespace {

absl::Status Refuse(absl::string_view why) {
  return WithReason(absl::UnauthenticatedError(absl::StrCat("client certificate: ", why)),
                    kReasonUnauthenticated);
}

}  // namespace

absl::StatusOr<Principal> Authenticate(const grpc::ServerContextBase& context,
                                       const ListenerIdentity& listener) {
  if (listener.local) return Principal{kLocalPrefix + listener.name, listener.name, true};
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return Refuse("is required");
  const std::vector<grpc::string_ref> uris = auth->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME);
  if (uris.size() != 1) {
    return Refuse(
        absl::StrCat("has ", uris.size(), " URI subject alternative names, must have exactly one"));
  }
  const std::string name(uris[0].data(), uris[0].size());
  const absl::Status claimed = CheckForeignName(name);
  if (!claimed.ok()) return Refuse(absl::StrCat("its URI ", claimed.message()));
  return Principal{name, listener.name, false};
}

}  // namespace auditledger
