// A witness over HTTP, as c2sp.org/tlog-witness wants it:
//
//   POST <prefix>/add-checkpoint                        cosign (witness.h)
//   GET  <prefix>/<hex SHA-256(origin)>/checkpoint      the last checkpoint cosigned
//   GET  <prefix>/metrics                               counts of answers and sizes, for Prometheus
//
// Plain HTTP, or TLS where a certificate is given. One request a connection: what follows it is
// never another. cpp-httplib gives each connection a thread, and bounds the time of a body but not
// that of headers and chunk sizes that come byte by byte: where strangers can connect it needs a
// proxy in front that reads whole requests first. One line a request goes to `log`.
//
// Example:
//   ASSIGN_OR_RETURN(auto server, WitnessServer::Start(options, *witness));
//   ... server->address() ...
//   server->Stop();     // no new connections; answers what was asked
//
// Thread-safety: Stop may be called by any thread, once. Errors: Unavailable when the address
// cannot be bound, InvalidArgument for a certificate or key that cannot be used.
#ifndef AUDITLEDGER_TOOLS_WITNESS_SERVER_H_
#define AUDITLEDGER_TOOLS_WITNESS_SERVER_H_

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "ledger/clock.h"
#include "tools/witness.h"

namespace auditledger {

// Connections served at a time; what is beyond waits. An answer takes a few milliseconds, a client
// that stalls its thread at most kWitnessTimeoutSeconds a read or write.
inline constexpr int kWitnessThreads = 32;
inline constexpr int kWitnessTimeoutSeconds = 5;
// For a whole body, from its first read, however many there are: 256 KiB take 10 s at 26 KB/s.
// What comes later is answered 408; the last read adds up to kWitnessTimeoutSeconds.
inline constexpr uint64_t kWitnessBodyMicros = 10'000'000;

struct WitnessServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;             // 0: any
  std::string prefix;       // of all paths: "" or "/w1"
  std::string certificate;  // PEM files; "" for plain HTTP
  std::string key;
  Clock* clock = &Clock::System();
  std::ostream* log = nullptr;  // outlives the server; nullptr for none
};

class WitnessServer {
 public:
  // `witness` must outlive it.
  static absl::StatusOr<std::unique_ptr<WitnessServer>> Start(const WitnessServerOptions& options,
                                                              Witness& witness);
  virtual ~WitnessServer() = default;       // stops
  virtual std::string address() const = 0;  // host:port
  virtual void Stop() = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_WITNESS_SERVER_H_
