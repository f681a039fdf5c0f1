#include "api/client/channel.h"

#include <grpcpp/grpcpp.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "api/client/token_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty())
    return absl::InvalidArgumentError(absl::StrCat(path, " cannot be read"));
  return text.str();
}

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kClientReceiveBytes);
  // Retries are ours (retry.h): gRPC's would not see the reason and the hint.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // gRPC would wait up to two minutes before it connects again, to a ledger that is back long ago.
  // How long an attempt may take (its "minimum backoff", 20 s) stays: a handshake may be slow.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5000);
  return arguments;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> TlsChannel(const TlsChannelOptions& options) {
  grpc::SslCredentialsOptions tls;
  ASSIGN_OR_RETURN(tls.pem_root_certs, ReadPem(options.ca_file));
  const bool token_alone = options.certificate_file.empty() && options.private_key_file.empty() &&
                           !options.token_file.empty();
  if (!token_alone) {
    ASSIGN_OR_RETURN(tls.pem_cert_chain, ReadPem(options.certificate_file));
    ASSIGN_OR_RETURN(tls.pem_private_key, ReadPem(options.private_key_file));
  }
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::SslCredentials(tls);
  if (!options.token_file.empty()) {
    credentials =
        grpc::CompositeChannelCredentials(credentials, TokenFileCredentials(options.token_file));
  }
  return grpc::CreateCustomChannel(options.address, credentials, Arguments());
}

std::shared_ptr<grpc::Channel> UnixChannel(const std::string& address,
                                           const std::string& token_file) {
  if (token_file.empty()) {
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), Arguments());
  }
  // gRPC sends tokens over what it calls secure: a Unix socket that is said to be one.
  const auto credentials = grpc::CompositeChannelCredentials(
      grpc::experimental::LocalCredentials(UDS), TokenFileCredentials(token_file));
  return grpc::CreateCustomChannel(address, credentials, Arguments());
}

}  // namespace auditledger
