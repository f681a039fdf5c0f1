#include "api/authenticator.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/limits.h"
#include "api/status.h"
#include "ledger/errors.h"

namespace auditledger {
namespace {

constexpr char kLocalPrefix[] = "local:";

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
  if (name.empty() || name.size() > kMaxPrincipalBytes) {
    return Refuse(absl::StrCat("its URI must have 1 to ", kMaxPrincipalBytes, " bytes"));
  }
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!printable || absl::StartsWith(name, kLocalPrefix))
    return Refuse("its URI is not acceptable");
  return Principal{name, listener.name, false};
}

}  // namespace auditledger
