// Connections of the load generator: as many as asked for, each its own, and the log they lead to.
//
// gRPC lets channels with equal arguments share one connection, and the server takes 1,000 calls
// under way on each: hence a subchannel pool of its own for every channel, which api/client does
// not give.
//
// Thread-safety: pure functions. Errors: InvalidArgument: missing or unreadable files; Unavailable:
// no server there; else the server's own (auditctl.h, FromRpc).
#ifndef AUDITLEDGER_TOOLS_LOAD_CONNECT_H_
#define AUDITLEDGER_TOOLS_LOAD_CONNECT_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/client/receipt_check.h"
#include "tools/auditctl.h"

namespace auditledger {

using LoadChannels = std::vector<std::shared_ptr<grpc::Channel>>;

// Connected, all of them.
absl::StatusOr<LoadChannels> ConnectLoad(const ctl::Options& options, size_t connections);

// The key of --pin-key, or without one what the server says it is; and `other_keys` (vkeys, or
// files that hold one), which the log has or is to have as well.
absl::StatusOr<PinnedLog> PinLoad(const ctl::Options& options,
                                  const std::vector<std::string>& other_keys,
                                  const std::string& ledger,
                                  const std::shared_ptr<grpc::Channel>& channel);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_LOAD_CONNECT_H_
