// What lies between the command line and the running server: folders, overrides, ledgers made at
// start, the ready file.
//
// Thread-safety: one thread, at start.
#ifndef AUDITLEDGER_API_DAEMON_H_
#define AUDITLEDGER_API_DAEMON_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "api/flags.h"
#include "api/rpc_log.h"
#include "api/server.h"
#include "ledger/ledger_set.h"

namespace auditledger {

// Makes the folder of --root, private (0700), unless it is there. Its parent must be: a path that
// was mistyped is not filled with a new ledger's folders three levels deep.
absl::Status MakeRoot(const DaemonOptions& options);

// Adopts signer states where the operator says so, opens all ledgers, makes those of auto_create
// that are not there. A ledger that refuses to open is logged and listed; the others serve.
absl::StatusOr<std::unique_ptr<LedgerSet>> OpenLedgers(const DaemonOptions& options, RpcLog& log);

// What --accept_unwitnessed_start says, by ledger id.
std::map<std::string, Head> VouchedHeads(const DaemonOptions& options);

// "NAME ADDRESS" lines, and "metrics ADDRESS", "tiles ADDRESS" where there is such an endpoint;
// appears whole (rename).
absl::Status WriteReadyFile(const std::string& path, const Server& server);

// Protobuf's own messages go to the log: they name fields, never values.
void RouteProtobufLog(RpcLog& log);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_DAEMON_H_
