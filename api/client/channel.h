// Channels to an audit ledger's server.
//
// Example:
//   ASSIGN_OR_RETURN(auto channel, TlsChannel({"ledger.example:8443", "ca.pem", "ehr.pem",
//   "ehr.key"}));
//
// Ownership: do not let the last reference go in a gRPC callback (grpc/grpc#37858): keep channels
// in main.
// Thread-safety: pure functions; channels may be shared by threads.
#ifndef AUDITLEDGER_API_CLIENT_CHANNEL_H_
#define AUDITLEDGER_API_CLIENT_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace auditledger {

struct TlsChannelOptions {
  std::string address;  // host:port; the host must be in the server's certificate
  std::string ca_file;  // PEM: who signs the server's certificate
  // PEM: ours, with exactly one URI SAN. Both empty where the server asks for a token alone.
  std::string certificate_file{};
  std::string private_key_file{};
  std::string token_file{};  // an access token, sent with each call (token_file.h); "" for none
};

// Receives answers of at most this: a batch's receipts are 2 MiB where each has its own proof
// (those of an older server), twice that with openings.
inline constexpr int kClientReceiveBytes = 16 << 20;

// Connects lazily. InvalidArgument when a file cannot be read.
absl::StatusOr<std::shared_ptr<grpc::Channel>> TlsChannel(const TlsChannelOptions& options);
// "unix:/absolute/path"; the server trusts whoever may open the socket, or asks for a token there
// too.
std::shared_ptr<grpc::Channel> UnixChannel(const std::string& address,
                                           const std::string& token_file = "");

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_CHANNEL_H_
