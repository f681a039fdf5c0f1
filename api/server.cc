#include "api/server.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/access/access_log.h"
#include "api/access/access_refusals.h"
#include "api/access/authorizer.h"
#include "api/access/policy_keeper.h"
#include "api/access/token_access.h"
#include "api/anchorer.h"
#include "api/config.h"
#include "api/health_supervisor.h"
#include "api/listener_server.h"
#include "api/service_context.h"
#include "api/tile_publisher.h"
#include "api/tile_server.h"
#include "api/version.h"
#include "api/witnessing.h"
#include "ledger/errors.h"
#include "ledger/random.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// What a finished call gets to send its last bytes.
constexpr auto kShutdownGrace = std::chrono::seconds(1);

class ServerImpl : public Server {
 public:
  ServerImpl(const config::v1::Config& config, std::shared_ptr<const AccessRules> rules,
             LedgerSet& ledgers, Clock& clock, RpcLog& log)
      : limits_(ToApiLimits(config.limits())),
        authorizer_(std::move(rules), clock),
        access_log_(ledgers, clock, Random::System()),
        policy_(authorizer_, ledgers, access_log_, clock, log,
                {config.access().policy_file(), config.data_dir()}),
        refusals_(access_log_, ledgers, clock),
        tokens_(Random::System()),
        metrics_(ledgers, clock),
        rates_(config.rates(), clock,
               [this](const std::string& limit) { metrics_.CountRateLimited(limit); }),
        read_pool_(kReadThreads, kReadQueue),
        seal_pool_(kSealThreads, kSealQueue),
        context_{ledgers,     clock,
                 authorizer_, limits_,
                 tokens_,     metrics_,
                 log,         access_log_,
                 refusals_,   tracker_,
                 read_pool_,  seal_pool_,
                 appends_,    config.data_dir(),
                 kVersion,    clock.MonotonicMicros(),
                 &policy_} {
    context_.rates = &rates_;
  }

  ~ServerImpl() override { Drain(); }

  absl::Status Init(const config::v1::Config& config, const std::map<std::string, Head>& vouched) {
    if (!config.metrics().address().empty()) {
      const std::string& address = config.metrics().address();
      ASSIGN_OR_RETURN(const int port, metrics_.Serve(address));
      metrics_address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
    }
    RETURN_IF_ERROR(StartWitnessing(config, vouched));
    RETURN_IF_ERROR(StartPublishing(config.publish()));
    RETURN_IF_ERROR(StartAnchoring(config));
    metrics_.ReportAccess(policy_);
    policy_.RecordAll();  // before anything is served by it
    policy_.Start();
    refusals_.Start();
    RETURN_IF_ERROR(StartTokens(config));
    std::vector<grpc::HealthCheckServiceInterface*> health;
    for (const config::v1::Listener& listener : config.listeners()) {
      ASSIGN_OR_RETURN(std::unique_ptr<ListenerServer> server,
                       ListenerServer::Start(listener, context_));
      health.push_back(server->grpc_server().GetHealthCheckService());
      bound_.push_back(server->bound());
      servers_.push_back(std::move(server));
    }
    supervisor_ = std::make_unique<HealthSupervisor>(context_, std::move(health));
    return absl::OkStatus();
  }

  const std::vector<BoundListener>& listeners() const override { return bound_; }
  const std::string& metrics_address() const override { return metrics_address_; }
  const std::string& tiles_address() const override {
    static const std::string none;
    return tile_server_ == nullptr ? none : tile_server_->address();
  }
  std::string MetricsText() const override { return metrics_.Text(); }

  std::shared_ptr<grpc::Channel> InProcessChannel(const std::string& listener) override {
    for (const auto& server : servers_) {
      if (server->bound().name != listener || !server->unix_socket()) continue;
      grpc::ChannelArguments arguments;
      arguments.SetMaxReceiveMessageSize(-1);
      return server->grpc_server().InProcessChannel(arguments);
    }
    return nullptr;
  }

  absl::Status ReloadAccessPolicy() override { return policy_.Reload(); }

  void Drain() override {
    if (drained_) return;
    drained_ = true;
    if (supervisor_ != nullptr) supervisor_->BeginDrain();
    tracker_.BeginDrain();
    tracker_.WaitIdle(std::chrono::seconds(limits_.drain_seconds));
    if (anchorer_ != nullptr) anchorer_->Stop();
    policy_.Stop();
    refusals_.Stop();
    access_log_.Drain();
    context_.ledgers.Drain();
    if (witnessing_ != nullptr) witnessing_->Stop();
    if (publisher_ != nullptr) publisher_->Stop();
    tracker_.AbortAll(
        WithReason(absl::UnavailableError(
                       "the server is shutting down; the outcome is unknown, send it again"),
                   kReasonShuttingDown));
    for (const auto& server : servers_) server->Shutdown(kShutdownGrace);
    // Health services belong to the servers, which stay until their supervisor is gone.
    supervisor_.reset();
    servers_.clear();
    if (token_access_ != nullptr) token_access_->Stop();
  }

 private:
  absl::Status StartWitnessing(const config::v1::Config& config,
                               const std::map<std::string, Head>& vouched) {
    WitnessingParts parts;
    parts.ledgers = &context_.ledgers;
    parts.clock = &context_.clock;
    parts.log = &context_.log;
    parts.state_dir = config.state_dir();
    parts.vouched = vouched;
    ASSIGN_OR_RETURN(witnessing_, Witnessing::Start(config.witness(), std::move(parts)));
    context_.witnessing = witnessing_.get();
    metrics_.ReportWitnessing(*witnessing_);
    return absl::OkStatus();
  }

  absl::Status StartPublishing(const config::v1::Publish& publish) {
    if (publish.dir().empty()) return absl::OkStatus();
    publisher_ = std::make_unique<TilePublisher>(
        context_.ledgers, context_.log,
        TilePublisher::Options{.root = publish.dir(),
                               .interval = std::chrono::milliseconds(publish.interval_ms()),
                               .witnessing = witnessing_.get()});
    metrics_.ReportPublishing(*publisher_);
    if (!publish.listen().empty()) {
      ASSIGN_OR_RETURN(tile_server_, TileServer::Start(publish.dir(), publish.listen()));
    }
    publisher_->Start();
    return absl::OkStatus();
  }

  absl::Status StartAnchoring(const config::v1::Config& config) {
    if (config.anchor().tsas().empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(Anchorer::Options options,
                     Anchorer::ReadOptions(config.anchor(), config.data_dir()));
    anchorer_ = std::make_unique<Anchorer>(context_.ledgers, context_.log, context_.clock,
                                           Random::System(), std::move(options));
    metrics_.ReportAnchors(*anchorer_);
    anchorer_->Start();
    return absl::OkStatus();
  }

  absl::Status StartTokens(const config::v1::Config& config) {
    if (config.tokens().empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(token_access_,
                     TokenAccess::Open(config.tokens(), context_.clock, context_.log));
    context_.token_access = token_access_.get();
    metrics_.ReportTokens(*token_access_);
    token_access_->Start();
    return absl::OkStatus();
  }

  const ApiLimits limits_;
  Authorizer authorizer_;
  AccessLog access_log_;
  PolicyKeeper policy_;
  AccessRefusals refusals_;
  const PageTokens tokens_;
  // Read by the metrics, so they outlive them.
  std::unique_ptr<Witnessing> witnessing_;
  std::unique_ptr<TilePublisher> publisher_;
  std::unique_ptr<Anchorer> anchorer_;
  std::unique_ptr<TokenAccess> token_access_;
  Metrics metrics_;
  RateLimiter rates_;
  CallTracker tracker_;
  // Declared before the servers, hence joined after them: no call is left that could use them.
  ReadPool read_pool_;
  ReadPool seal_pool_;
  InFlightBytes appends_{kMaxAppendBytesInFlight};
  ServiceContext context_;
  std::vector<std::unique_ptr<ListenerServer>> servers_;
  std::unique_ptr<HealthSupervisor> supervisor_;
  std::unique_ptr<TileServer> tile_server_;
  std::vector<BoundListener> bound_;
  std::string metrics_address_;
  bool drained_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const config::v1::Config& config,
                                                      LedgerSet& ledgers, Clock& clock, RpcLog& log,
                                                      const std::map<std::string, Head>& vouched) {
  ASSIGN_OR_RETURN(std::shared_ptr<const AccessRules> rules,
                   AccessRules::Load(config.access().policy_file()));
  auto server = std::make_unique<ServerImpl>(config, std::move(rules), ledgers, clock, log);
  RETURN_IF_ERROR(server->Init(config, vouched));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace auditledger
