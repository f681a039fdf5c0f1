#include "api/access/authenticator.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/access/token_access.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status Refuse(absl::string_view why) {
  return WithReason(absl::UnauthenticatedError(absl::StrCat("client certificate: ", why)),
                    kReasonUnauthenticated);
}

absl::StatusOr<std::string> CertificateName(const grpc::ServerContextBase& context,
                                            const TokenAccess* tokens) {
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
  if (tokens != nullptr && tokens->Owns(name)) return Refuse("its URI is a token holder's name");
  return name;
}

std::string CertificatePem(const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return "";
  const auto pem = auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  return pem.size() == 1 ? std::string(pem[0].data(), pem[0].size()) : "";
}

absl::StatusOr<TokenHolder> HolderOfToken(const grpc::ServerContextBase& context,
                                          TokenAccess& tokens) {
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  if (first == last) {
    return RefuseToken(kReasonTokenMissing, "this listener needs \"authorization: Bearer TOKEN\"");
  }
  if (std::next(first) != last) {
    return RefuseToken(kReasonTokenMalformed, "the authorization header must stand there once");
  }
  return tokens.Authenticate({first->second.data(), first->second.size()}, CertificatePem(context));
}

}  // namespace

absl::StatusOr<Principal> Authenticate(const grpc::ServerContextBase& context,
                                       const ListenerIdentity& listener) {
  std::string name;
  if (listener.local && listener.credential == Credential::kCertificate) {
    name = kLocalPrefix + listener.name;
    return Principal{name, listener.name, true, name};
  }
  if (listener.credential != Credential::kToken) {
    ASSIGN_OR_RETURN(name, CertificateName(context, listener.tokens));
  }
  if (listener.credential == Credential::kCertificate) {
    return Principal{name, listener.name, false, name};
  }
  ASSIGN_OR_RETURN(TokenHolder holder, HolderOfToken(context, *listener.tokens));
  return Principal{std::move(holder.principal), listener.name, false, std::move(holder.log_name),
                   holder.valid_until_us};
}

}  // namespace auditledger
