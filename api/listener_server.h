// One listener: a grpc::Server with its services and settings, and the guard that accepts for it.
//
// Thread-safety: as grpc::Server.
#ifndef AUDITLEDGER_API_LISTENER_SERVER_H_
#define AUDITLEDGER_API_LISTENER_SERVER_H_

#include <grpcpp/server.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "api/accept_guard.h"
#include "api/server.h"
#include "api/service.h"
#include "api/service_context.h"

namespace auditledger {

class ListenerServer {
 public:
  // Errors as Server::Start.
  static absl::StatusOr<std::unique_ptr<ListenerServer>> Start(const config::v1::Listener& config,
                                                               ServiceContext& context);
  // Accepts nothing more, and ends what is under way after `grace`.
  void Shutdown(std::chrono::milliseconds grace);
  grpc::Server& grpc_server() { return *server_; }
  const BoundListener& bound() const { return bound_; }
  // Reached through a file, and not over a network.
  bool unix_socket() const { return unix_socket_; }

 private:
  ListenerServer(const config::v1::Listener& config, ServiceContext& context);

  const bool unix_socket_;
  BoundListener bound_;
  LedgerServiceImpl ledger_service_;
  AdminServiceImpl admin_service_;
  ProofServiceImpl proof_service_;
  ErasureServiceImpl erasure_service_;
  PatientServiceImpl patient_service_;
  std::unique_ptr<grpc::Server> server_;  // its calls use the services
  std::shared_ptr<AcceptGuard> guard_;    // last: it hands over to the server
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_LISTENER_SERVER_H_
