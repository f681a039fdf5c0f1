// The running service: listeners, health, metrics, and an orderly end.
//
// Example:
//   ASSIGN_OR_RETURN(auto server, Server::Start(config, *ledgers, Clock::System(), *log));
//   for (const BoundListener& l : server->listeners()) ...   // ports chosen by the machine are
//   filled in server->Drain();                                          // at most drain_seconds;
//   then destroy
//
// Drain, in this order: health says NOT_SERVING; new calls get UNAVAILABLE, streams answer what
// they read and end; calls in flight finish; the ledgers commit and acknowledge what is queued,
// and that is published;
// whatever is left is ended with UNAVAILABLE; the ports close.
//
// Thread-safety: Drain may be called by any thread, once. `ledgers`, `clock` and `log` must outlive
// the server.
#ifndef AUDITLEDGER_API_SERVER_H_
#define AUDITLEDGER_API_SERVER_H_

#include <grpcpp/channel.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/rpc_log.h"
#include "auditledger/config/v1/config.pb.h"
#include "ledger/clock.h"
#include "ledger/ledger_set.h"

namespace auditledger {

struct BoundListener {
  std::string name;
  std::string address;  // host:port as bound, or unix:/path
};

class Server {
 public:
  // REQUIRES: a validated config with defaults. InvalidArgument: an access policy or a certificate
  // file that cannot be used. Unavailable: an address nobody can listen at.
  // `vouched`: heads that an operator gives with --accept_unwitnessed_start, by ledger id.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const config::v1::Config& config, LedgerSet& ledgers, Clock& clock, RpcLog& log,
      const std::map<std::string, Head>& vouched = {});
  virtual ~Server() = default;

  virtual const std::vector<BoundListener>& listeners() const = 0;
  // "host:port" of the metrics endpoint; empty when there is none.
  virtual const std::string& metrics_address() const = 0;
  // "host:port" where tiles are served; empty when they are not.
  virtual const std::string& tiles_address() const = 0;
  virtual std::string MetricsText() const = 0;
  // A channel to a listener without a network, for tests of everything but authentication: the
  // principal is that of a local listener. nullptr for an unknown or a TLS listener.
  virtual std::shared_ptr<grpc::Channel> InProcessChannel(const std::string& listener) = 0;
  // Reads the access policy's file now; the error is logged, and the last good one stays in force.
  virtual absl::Status ReloadAccessPolicy() = 0;
  virtual void Drain() = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_SERVER_H_
