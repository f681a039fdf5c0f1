// Who calls: the one URI SAN of the client's certificate, or on a Unix socket "local:" and the
// listener's name.
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

struct ListenerIdentity {
  std::string name;
  bool local = false;  // a Unix socket: whoever may open it is trusted as the listener
};

// Unauthenticated without exactly one URI SAN, or when that is none that a certificate may claim
// (principal.h, CheckForeignName).
absl::StatusOr<Principal> Authenticate(const grpc::ServerContextBase& context,
                                       const ListenerIdentity& listener);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_AUTHENTICATOR_H_
