#include "api/listener_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/access/tls_credentials.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kUnixPrefix[] = "unix:";

Credential CredentialOf(const config::v1::Listener& listener) {
  switch (listener.credential()) {
    case config::v1::CREDENTIAL_TOKEN:
      return Credential::kToken;
    case config::v1::CREDENTIAL_BOTH:
      return Credential::kBoth;
    default:
      return Credential::kCertificate;
  }
}

ListenerIdentity IdentityOf(const config::v1::Listener& listener, const ServiceContext& context,
                            bool local) {
  return {listener.name(), local, CredentialOf(listener), context.token_access};
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
      ledger_service_(context, IdentityOf(config, context, local)),
      admin_service_(context, IdentityOf(config, context, local)),
      proof_service_(context, IdentityOf(config, context, local)),
      erasure_service_(context, IdentityOf(config, context, local)),
      patient_service_(context, IdentityOf(config, context, local)) {}

absl::StatusOr<std::unique_ptr<ListenerServer>> ListenerServer::Start(
    const config::v1::Listener& config, ServiceContext& context) {
  const bool local = absl::StartsWith(config.address(), kUnixPrefix);
  std::unique_ptr<ListenerServer> out(new ListenerServer(config, context, local));
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (!local) {
    ASSIGN_OR_RETURN(credentials, ListenerCredentials(config, context.clock, context.log));
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  Configure(context.limits, builder);
  builder.RegisterService(&out->ledger_service_);
  builder.RegisterService(&out->admin_service_);
  builder.RegisterService(&out->proof_service_);
  builder.RegisterService(&out->erasure_service_);
  builder.RegisterService(&out->patient_service_);
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
