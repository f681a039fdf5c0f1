#include "api/access/authenticator.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/access/caller_address.h"
#include "api/access/edge_identity.h"
#include "api/access/token_access.h"
#include "api/access/uri_principal.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using Refs = std::vector<grpc::string_ref>;

absl::StatusOr<std::string> TlsPrincipal(const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return RefuseCertificate("is required");
  const Refs refs = auth->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME);
  std::vector<absl::string_view> uris;
  for (const grpc::string_ref& uri : refs) uris.emplace_back(uri.data(), uri.size());
  return UriPrincipal(uris);
}

absl::StatusOr<std::string> CertificateName(const grpc::ServerContextBase& context,
                                            const ListenerIdentity& listener) {
  absl::StatusOr<std::string> name =
      listener.edge ? ForwardedPrincipal(context.client_metadata()) : TlsPrincipal(context);
  if (name.ok() && listener.tokens != nullptr && listener.tokens->Owns(*name))
    return RefuseCertificate("its URI is a token holder's name");
  return name;
}

std::string CertificatePem(const grpc::ServerContextBase& context,
                           const ListenerIdentity& listener) {
  if (listener.edge) return ForwardedPem(context.client_metadata());
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return "";
  const auto pem = auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  return pem.size() == 1 ? std::string(pem[0].data(), pem[0].size()) : "";
}

absl::StatusOr<TokenHolder> HolderOfToken(const grpc::ServerContextBase& context,
                                          const ListenerIdentity& listener) {
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  if (first == last) {
    return RefuseToken(kReasonTokenMissing, "this listener needs \"authorization: Bearer TOKEN\"");
  }
  if (std::next(first) != last) {
    return RefuseToken(kReasonTokenMalformed, "the authorization header must stand there once");
  }
  return listener.tokens->Authenticate({first->second.data(), first->second.size()},
                                       CertificatePem(context, listener));
}

std::string AddressOf(const grpc::ServerContextBase& context, const ListenerIdentity& listener) {
  return listener.edge ? AddressOfText(ForwardedAddressOf(context.client_metadata()))
                       : AddressOfPeer(context.peer());
}

}  // namespace

absl::StatusOr<Principal> Authenticate(const grpc::ServerContextBase& context,
                                       const ListenerIdentity& listener) {
  std::string name;
  std::string address = AddressOf(context, listener);
  if (listener.local && listener.credential == Credential::kCertificate) {
    name = kLocalPrefix + listener.name;
    return Principal{name, listener.name, true, name, std::move(address)};
  }
  if (listener.credential != Credential::kToken) {
    ASSIGN_OR_RETURN(name, CertificateName(context, listener));
  }
  if (listener.credential == Credential::kCertificate) {
    return Principal{name, listener.name, false, name, std::move(address)};
  }
  ASSIGN_OR_RETURN(TokenHolder holder, HolderOfToken(context, listener));
  return Principal{std::move(holder.principal), listener.name,      false,
                   std::move(holder.log_name),  std::move(address), holder.valid_until_us};
}

}  // namespace auditledger
