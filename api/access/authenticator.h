// Who calls: by what the listener asks for, the one URI SAN of the client's certificate, the holder
// of an access token ("<issuer>#<subject>"), or on a Unix socket "local:" and the listener's name.
// Behind an edge the certificate is the one that it passes on (edge_identity.h).
//
// Each listener has a grpc::Server of its own, so that a call's listener is known and not guessed
// from its peer.
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_API_ACCESS_AUTHENTICATOR_H_
#define AUDITLEDGER_API_ACCESS_AUTHENTICATOR_H_

#include <grpcpp/server_context.h>

#include <string>

#include "absl/status/statusor.h"
#include "api/access/principal.h"

namespace auditledger {

class TokenAccess;

enum class Credential { kCertificate, kToken, kBoth };

struct ListenerIdentity {
  std::string name;
  bool local = false;  // a Unix socket: whoever may open it is trusted as the listener
  bool edge = false;   // a Unix socket whose one user says who calls; then it is not local
  Credential credential = Credential::kCertificate;
  TokenAccess* tokens = nullptr;  // outlives all calls; nullptr: no issuer is configured
};

// Unauthenticated without exactly one URI SAN, or when that is none that a certificate may claim
// (principal.h, CheckForeignName) or has the form of a token's holder. Errors of tokens:
// token_access.h.
absl::StatusOr<Principal> Authenticate(const grpc::ServerContextBase& context,
                                       const ListenerIdentity& listener);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_AUTHENTICATOR_H_
