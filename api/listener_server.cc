#include "api/listener_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/access/tls_credentials.h"
#include "api/reset_watch.h"
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

ListenerIdentity IdentityOf(const config::v1::Listener& listener, const ServiceContext& context) {
  ListenerIdentity out;
  out.name = listener.name();
  out.edge = listener.edge();
  out.local = absl::StartsWith(listener.address(), kUnixPrefix) && !listener.edge();
  out.credential = CredentialOf(listener);
  out.tokens = context.token_access;
  return out;
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
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 1);  // counts resets: reset_watch.h
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             static_cast<int>(limits.handshake_timeout_ms));
}

std::string SocketPath(const config::v1::Listener& config) {
  return config.address().substr(sizeof(kUnixPrefix) - 1);
}

// Whoever reaches an edge's socket says who calls. So its folder keeps everybody out but the
// daemon's user and, where the edge is another, the group that is the edge's alone.
absl::Status CheckEdgeFolder(const config::v1::Listener& config) {
  const std::string path = SocketPath(config);
  const std::string folder = path.substr(0, std::max<size_t>(path.rfind('/'), 1));
  struct stat info {};
  const std::string what = absl::StrCat("listener ", config.name(), ": the folder of its socket ");
  if (stat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return absl::InvalidArgumentError(what + "is not there");
  if ((info.st_mode & 0027) != 0)
    return absl::InvalidArgumentError(what + "is open to others: chmod 0700, or 0750 for its edge");
  if (info.st_uid != geteuid() && info.st_uid != 0)
    return absl::InvalidArgumentError(what + "is another user's: chown it to the daemon's");
  return absl::OkStatus();
}

}  // namespace

ListenerServer::ListenerServer(const config::v1::Listener& config, ServiceContext& context)
    : unix_socket_(absl::StartsWith(config.address(), kUnixPrefix)),
      bound_{config.name(), config.address()},
      ledger_service_(context, IdentityOf(config, context)),
      admin_service_(context, IdentityOf(config, context)),
      proof_service_(context, IdentityOf(config, context)),
      erasure_service_(context, IdentityOf(config, context)),
      patient_service_(context, IdentityOf(config, context)) {}

absl::StatusOr<std::unique_ptr<ListenerServer>> ListenerServer::Start(
    const config::v1::Listener& config, ServiceContext& context) {
  std::unique_ptr<ListenerServer> out(new ListenerServer(config, context));
  const bool unix_socket = out->unix_socket_;
  if (config.edge()) RETURN_IF_ERROR(CheckEdgeFolder(config));
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (!unix_socket) {
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
  absl::StatusOr<std::unique_ptr<AcceptGuard>> guard = AcceptGuard::Listen(
      config.address(),
      {context.limits.max_connections, context.limits.max_connections_per_address}, context.clock);
  if (!guard.ok()) {
    return absl::UnavailableError(absl::StrCat("listener ", config.name(), ": cannot listen at ",
                                               config.address(), ": ", guard.status().message()));
  }
  out->guard_ = *std::move(guard);
  std::shared_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor =
      builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials);
  out->server_ = builder.BuildAndStart();
  if (out->server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("listener ", config.name(), ": gRPC cannot start",
                                               unix_socket ? "" : "; do certificate and key fit?"));
  }
  if (unix_socket) {
    // The daemon's umask of 0077 covers the moment between bind and this.
    const mode_t mode = config.edge() ? 0660 : 0600;
    if (chmod(SocketPath(config).c_str(), mode) != 0) {
      return absl::UnavailableError(
          absl::StrCat("listener ", config.name(), ": cannot set the mode of its socket"));
    }
  } else {
    out->bound_.address = absl::StrCat(config.address().substr(0, config.address().rfind(':')), ":",
                                       out->guard_->port());
  }
  context.metrics.ReportConnections(config.name(), out->guard_);
  const auto resets = std::make_shared<ResetWatch>(ChannelzStartedCalls, ChannelzConnections);
  out->guard_->Start(
      [acceptor](int listener_fd, int fd) {
        grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
        connection.listener_fd = listener_fd;
        connection.fd = fd;
        acceptor->HandleNewConnection(&connection);
      },
      unix_socket ? AcceptGuard::Offenders()
                  : [resets](uint64_t now_us) { return resets->Look(now_us); });
  return out;
}

void ListenerServer::Shutdown(std::chrono::milliseconds grace) {
  guard_->Stop();
  server_->Shutdown(std::chrono::system_clock::now() + grace);
}

}  // namespace auditledger
