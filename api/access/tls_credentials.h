// A listener's TLS: its certificate, and what it wants of the client's.
//
// TLS 1.2 is the floor and 1.3 what both sides take when they can; gRPC 1.51 has no setting for
// either (an edge in front can want 1.3 alone). A client certificate is verified in the handshake
// against client_ca_file; with crl_file also against revocation (crl_check.h), and the connection
// is closed before it carries a call.
//
// Example:
//   ASSIGN_OR_RETURN(auto credentials, ListenerCredentials(listener, clock, log));
//
// Thread-safety: a pure function but for the files. `clock` and `log` must outlive the server.
// Errors: InvalidArgument with the field.
#ifndef AUDITLEDGER_API_ACCESS_TLS_CREDENTIALS_H_
#define AUDITLEDGER_API_ACCESS_TLS_CREDENTIALS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "absl/status/statusor.h"
#include "api/rpc_log.h"
#include "auditledger/config/v1/config.pb.h"
#include "ledger/clock.h"

namespace auditledger {

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ListenerCredentials(
    const config::v1::Listener& listener, Clock& clock, RpcLog& log);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_TLS_CREDENTIALS_H_
