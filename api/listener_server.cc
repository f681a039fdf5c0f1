#include "api/listener_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kUnixPrefix[] = "unix:";

absl::StatusOr<std::string> ReadPem(absl::string_view field, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": ", path, " cannot be read"));
  }
  return text.str();
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Credentials(const config::v1::Tls& tls) {
  // TLS 1.2 is gRPC's floor already. The client's certificate is asked for and verified in the
  // handshake.
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  ASSIGN_OR_RETURN(pair.cert_chain, ReadPem("tls.certificate_file", tls.certificate_file()));
  ASSIGN_OR_RETURN(pair.private_key, ReadPem("tls.private_key_file", tls.private_key_file()));
  ASSIGN_OR_RETURN(options.pem_root_certs, ReadPem("tls.client_ca_file", tls.client_ca_file()));
  options.pem_key_cert_pairs.push_back(std::move(pair));
  return grpc::SslServerCredentials(options);
}

// Sources of the values: limits.h.
void Configure(const ApiLimits& limits, grpc::ServerBuilder& builder) {
  const int receive = static_cast<int>(limits.max_batch_bytes * kReceiveBytesPerBatchByte);
  builder.SetMaxReceiveMessageSize(receive);
  builder.SetMaxSendMessageSize(-1);  // answers are bounded where they are made
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kMaxConnectionAgeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kMaxConnectionAgeGraceMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kMaxPingStrikes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams);
  // Two daemons at one port would each see half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

ListenerServer::ListenerServer(const config::v1::Listener& config, ServiceContext& context,
                               bool local)
    : local_(local),
      bound_{config.name(), config.address()},
      ledger_service_(context, {config.name(), local}),
      admin_service_(context, {config.name(), local}),
      proof_service_(context, {config.name(), local}),
      erasure_service_(context, {config.name(), local}) {}

absl::StatusOr<std::unique_ptr<ListenerServer>> ListenerServer::Start(
    const config::v1::Listener& config, ServiceContext& context) {
  const bool local = absl::StartsWith(config.address(), kUnixPrefix);
  std::unique_ptr<ListenerServer> out(new ListenerServer(config, context, local));
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (!local) {
    ASSIGN_OR_RETURN(credentials, Credentials(config.tls()));
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  Configure(context.limits, builder);
  builder.RegisterService(&out->ledger_service_);
  builder.RegisterService(&out->admin_service_);
  builder.RegisterService(&out->proof_service_);
  builder.RegisterService(&out->erasure_service_);
  int port = 0;
  builder.AddListeningPort(config.address(), credentials, &port);
  out->server_ = builder.BuildAndStart();
  if (out->server_ == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat("listener ", config.name(), ": cannot listen at ",
                                               config.address(),
                                               local ? "" : ", or certificate and key do not fit"));
  }
  if (local) {
    // The daemon's umask of 0077 covers the moment between bind and this.
    const std::string path = config.address().substr(sizeof(kUnixPrefix) - 1);
    if (chmod(path.c_str(), 0600) != 0) {
      return absl::UnavailableError(
          absl::StrCat("listener ", config.name(), ": cannot set 0600 on its socket"));
    }
  } else {
    out->bound_.address =
        absl::StrCat(config.address().substr(0, config.address().rfind(':')), ":", port);
  }
  return out;
}

}  // namespace auditledger
