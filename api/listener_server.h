// One listener: a grpc::Server with its services and settings.
//
// Thread-safety: as grpc::Server.
#ifndef AUDITLEDGER_API_LISTENER_SERVER_H_
#define AUDITLEDGER_API_LISTENER_SERVER_H_

#include <grpcpp/server.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "api/server.h"
#include "api/service.h"
#include "api/service_context.h"

namespace auditledger {

class ListenerServer {
 public:
  // Errors as Server::Start.
  static absl::StatusOr<std::unique_ptr<ListenerServer>> Start(const config::v1::Listener& config,
                                                               ServiceContext& context);
  grpc::Server& grpc_server() { return *server_; }
  const BoundListener& bound() const { return bound_; }
  bool local() const { return local_; }

 private:
  ListenerServer(const config::v1::Listener& config, ServiceContext& context, bool local);

  const bool local_;
  BoundListener bound_;
  LedgerServiceImpl ledger_service_;
  AdminServiceImpl admin_service_;
  ProofServiceImpl proof_service_;
  ErasureServiceImpl erasure_service_;
  PatientServiceImpl patient_service_;
  std::unique_ptr<grpc::Server> server_;  // last: its calls use the services
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_LISTENER_SERVER_H_
