#include "api/flags.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/access/access_rules.h"
#include "api/config.h"
#include "api/config_lines.h"
#include "api/version.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

constexpr char kFooter[] = R"(Examples:
  # A first try on one machine: everything below one folder, certificates and grants for one client.
  auditctl dev-certs certs
  auditledgerd --root ledger --access_policy certs/access.policy \
    --listen main,127.0.0.1:7443,certs/server.pem,certs/server.key,certs/ca.pem

  # In earnest: mutual TLS, from a file; see what is in force, then run.
  auditledgerd --config /etc/auditledger/auditledgerd.textproto --print_config
  auditledgerd --config /etc/auditledger/auditledgerd.textproto

Exit codes: 0 drained, 64 usage, 65 configuration, 70 storage or failed sync, 71 cannot listen.)";

// "name,address[,edge]" or "name,address,certificate,key,client_ca"
absl::Status AddListener(const std::string& text, config::v1::Config& config) {
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  const bool edge = parts.size() == 3 && parts[2] == "edge";
  if (parts.size() != 2 && !edge && parts.size() != 5) {
    return absl::InvalidArgumentError(
        "--listen: must be NAME,ADDRESS or NAME,ADDRESS,CERTIFICATE,KEY,CLIENT_CA or "
        "NAME,ADDRESS,edge");
  }
  config::v1::Listener* listener = config.add_listeners();
  listener->set_name(parts[0]);
  listener->set_address(parts[1]);
  listener->set_edge(edge);
  if (parts.size() == 5) {
    listener->mutable_tls()->set_certificate_file(parts[2]);
    listener->mutable_tls()->set_private_key_file(parts[3]);
    listener->mutable_tls()->set_client_ca_file(parts[4]);
  }
  return absl::OkStatus();
}

absl::Status AddAutoCreate(const std::string& text, config::v1::Config& config) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (parts.second.empty())
    return absl::InvalidArgumentError("--auto_create: must be LEDGER=ORIGIN");
  config::v1::AutoCreate* added = config.add_auto_create();
  added->set_ledger_id(parts.first);
  added->set_origin(parts.second);
  return absl::OkStatus();
}

// "limit=per_second[,burst]"
absl::Status AddRate(const std::string& text, config::v1::Config& config) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  const std::vector<std::string> numbers = absl::StrSplit(parts.second, ',');
  uint32_t per_second = 0;
  uint32_t burst = 0;
  const auto* field = config::v1::Rates::descriptor()->FindFieldByName(parts.first);
  if (field == nullptr || numbers.size() > 2 || !absl::SimpleAtoi(numbers[0], &per_second) ||
      (numbers.size() == 2 && !absl::SimpleAtoi(numbers[1], &burst))) {
    return absl::InvalidArgumentError(
        "--rate: must be LIMIT=PER_SECOND[,BURST], LIMIT one of principal, ledger or address with "
        "_calls or _events");
  }
  auto* rate = static_cast<config::v1::Rate*>(
      config.mutable_rates()->GetReflection()->MutableMessage(config.mutable_rates(), field));
  rate->set_per_second(per_second);
  rate->set_burst(burst);
  return absl::OkStatus();
}

// "url,ca_file[,policy_oid]"
absl::Status AddTsa(const std::string& text, config::v1::Config& config) {
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  if (parts.size() != 2 && parts.size() != 3) {
    return absl::InvalidArgumentError("--tsa: must be URL,CA_FILE or URL,CA_FILE,POLICY_OID");
  }
  config::v1::Tsa* tsa = config.mutable_anchor()->add_tsas();
  tsa->set_url(parts[0]);
  tsa->set_ca_file(parts[1]);
  if (parts.size() == 3) tsa->set_policy_oid(parts[2]);
  return absl::OkStatus();
}

// "issuer,audience,jwks[,ca_file]"
absl::Status AddTokens(const std::string& text, config::v1::Config& config) {
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  if (parts.size() != 3 && parts.size() != 4) {
    return absl::InvalidArgumentError(
        "--tokens: must be ISSUER,AUDIENCE,JWKS_FILE or ISSUER,AUDIENCE,JWKS_URL[,CA_FILE]");
  }
  config::v1::Tokens* tokens = config.add_tokens();
  tokens->set_issuer(parts[0]);
  tokens->set_audience(parts[1]);
  const bool url = absl::StrContains(parts[2], "://");
  (url ? *tokens->mutable_jwks_url() : *tokens->mutable_jwks_file()) = parts[2];
  if (parts.size() == 4) tokens->set_ca_file(parts[3]);
  return absl::OkStatus();
}

// "listener=value"
absl::StatusOr<std::pair<config::v1::Listener*, std::string>> OfListener(
    absl::string_view flag, const std::string& text, config::v1::Config& config) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  for (config::v1::Listener& listener : *config.mutable_listeners()) {
    if (listener.name() == parts.first) return std::make_pair(&listener, parts.second);
  }
  return absl::InvalidArgumentError(absl::StrCat(flag, ": there is no listener ", parts.first));
}

// "listener=file"
absl::Status SetCrlFile(const std::string& text, config::v1::Config& config) {
  ASSIGN_OR_RETURN(const auto found, OfListener("--crl_file", text, config));
  if (found.second.empty()) {
    return absl::InvalidArgumentError("--crl_file: must be LISTENER=FILE");
  }
  found.first->mutable_tls()->set_crl_file(found.second);
  return absl::OkStatus();
}

absl::Status BindTokens(const std::string& issuer, config::v1::Config& config) {
  for (config::v1::Tokens& tokens : *config.mutable_tokens()) {
    if (tokens.issuer() != issuer) continue;
    tokens.set_bind_to_certificate(true);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--bind_tokens: no --tokens or configuration names the issuer ", issuer));
}

// "listener=certificate|token|both"
absl::Status SetCredential(const std::string& text, config::v1::Config& config) {
  ASSIGN_OR_RETURN(const auto found, OfListener("--credential", text, config));
  config::v1::Credential credential = config::v1::CREDENTIAL_UNSPECIFIED;
  const std::string name = absl::StrCat("CREDENTIAL_", absl::AsciiStrToUpper(found.second));
  if (!config::v1::Credential_Parse(name, &credential)) {
    return absl::InvalidArgumentError(
        "--credential: must be LISTENER=certificate, LISTENER=token or LISTENER=both");
  }
  found.first->set_credential(credential);
  return absl::OkStatus();
}

// Flags for the scalars of the configuration; `apply` holds what to do once the file was read.
class ConfigFlags {
 public:
  explicit ConfigFlags(CLI::App& app) : app_(app) {}

  void Text(const char* name, const char* help,
            std::function<void(config::v1::Config&, const std::string&)> set) {
    auto value = std::make_shared<std::string>();
    CLI::Option* option = app_.add_option(name, *value, help);
    apply_.push_back([option, value, set = std::move(set)](config::v1::Config& config) {
      if (option->count() > 0) set(config, *value);
    });
  }
  void Number(const char* name, const char* help,
              std::function<void(config::v1::Config&, uint32_t)> set) {
    auto value = std::make_shared<uint32_t>(0);
    CLI::Option* option = app_.add_option(name, *value, help);
    apply_.push_back([option, value, set = std::move(set)](config::v1::Config& config) {
      if (option->count() > 0) set(config, *value);
    });
  }
  // `use` says what the limit is and why its default is what it is.
  template <typename T>
  void Witness(const char* name, uint64_t by_default, const char* use,
               void (config::v1::Witness::*set)(T)) {
    auto value = std::make_shared<T>(0);
    CLI::Option* option =
        app_.add_option(name, *value, absl::StrCat(use, " (default ", by_default, ")"));
    apply_.push_back([option, value, set](config::v1::Config& config) {
      if (option->count() > 0) (config.mutable_witness()->*set)(*value);
    });
  }
  template <typename T>
  void Limit(const char* name, uint64_t by_default, const char* use,
             void (config::v1::Limits::*set)(T)) {
    auto value = std::make_shared<T>(0);
    const std::string help = absl::StrCat(use, " (default ", by_default, ")");
    CLI::Option* option = app_.add_option(name, *value, help);
    apply_.push_back([option, value, set](config::v1::Config& config) {
      if (option->count() > 0) (config.mutable_limits()->*set)(*value);
    });
  }
  void Apply(config::v1::Config& config) const {
    for (const auto& one : apply_) one(config);
  }

 private:
  CLI::App& app_;
  std::vector<std::function<void(config::v1::Config&)>> apply_;
};

void AddConfigFlags(ConfigFlags& flags) {
  using config::v1::Config;
  using S = const std::string&;
  flags.Text("--data_dir", "the log", [](Config& c, S v) { c.set_data_dir(v); });
  flags.Text("--state_dir", "what the signer has signed",
             [](Config& c, S v) { c.set_state_dir(v); });
  flags.Text("--key_dir", "key files", [](Config& c, S v) { c.set_key_dir(v); });
  flags.Text("--seed_dir", "wrapped seeds", [](Config& c, S v) { c.set_seed_dir(v); });
  flags.Text("--publish_dir", "folder that gets each log as public tiles, one subfolder a ledger",
             [](Config& c, S v) { c.mutable_publish()->set_dir(v); });
  flags.Text("--tiles_listen", "host:port that serves --publish_dir over plain HTTP",
             [](Config& c, S v) { c.mutable_publish()->set_listen(v); });
  flags.Number("--anchor_interval_s", "seconds between two timestamps of a log that grows (3600)",
               [](Config& c, uint32_t v) { c.mutable_anchor()->set_interval_s(v); });
  flags.Text("--access_policy",
             "who may do what (api/README.md, Roles); read again when it changes",
             [](Config& c, S v) { c.mutable_access()->set_policy_file(v); });
  flags.Text("--signer",
             "unix:/absolute/path of an auditledger-signer that signs; default: this process signs",
             [](Config& c, S v) { c.set_signer(v); });
  flags.Text(
      "--master_key",
      "file:PATH, credential:NAME, env:NAME, command:/PROGRAM ARG... or pkcs11:PATH: the key "
      "that the keys in --key_dir are sealed under; default: they are not",
      [](Config& c, S v) { c.set_master_key(v); });
  flags.Text("--metrics_address", "loopback host:port of the Prometheus endpoint",
             [](Config& c, S v) { c.mutable_metrics()->set_address(v); });
  flags.Text("--log_level", "debug, info, warning, error",
             [](Config& c, S v) { c.mutable_logging()->set_level(v); });
  flags.Text("--log_file", "default: standard error",
             [](Config& c, S v) { c.mutable_logging()->set_file(v); });
}

void AddLimitFlags(ConfigFlags& flags) {
  using L = config::v1::Limits;
  const ApiLimits api;
  const LedgerLimits ledger;
  flags.Limit("--max_event_bytes", api.max_event_bytes,
              "largest event, in bytes: the format's own limit, it can only be lowered",
              &L::set_max_event_bytes);
  flags.Limit("--max_batch_events", api.max_batch_events,
              "most events of a batch: so many already saturate the committer",
              &L::set_max_batch_events);
  flags.Limit("--max_batch_bytes", api.max_batch_bytes,
              "largest batch, in bytes: one commit, and gRPC's own default for a message",
              &L::set_max_batch_bytes);
  flags.Limit("--max_queue_events", ledger.max_queue_entries,
              "most events of a ledger that wait for the disk: four commits; more are refused "
              "with a hint when to retry",
              &L::set_max_queue_events);
  flags.Limit("--max_queue_bytes", ledger.max_queue_bytes,
              "the same in bytes: what one ledger may hold in memory", &L::set_max_queue_bytes);
  flags.Limit("--max_deadline_seconds", api.max_deadline_seconds,
              "longest call: a commit takes milliseconds, what takes longer is stuck",
              &L::set_max_deadline_seconds);
  flags.Limit("--drain_seconds", api.drain_seconds,
              "longest shutdown: below what systemd (90) and Kubernetes (30) wait before they kill",
              &L::set_drain_seconds);
  flags.Limit("--low_water_bytes", ledger.low_water_bytes,
              "free bytes below which appends pause: more than LevelDB writes behind them; they "
              "resume by themselves",
              &L::set_low_water_bytes);
  flags.Limit(
      "--ballast_bytes", kDefaultBallastBytes,
      "size of each ledger's ballast, removed where a full disk would prevent a start: what "
      "opening may write",
      &L::set_ballast_bytes);
  flags.Limit(
      "--check_entries_per_second", kDefaultCheckEntriesPerSecond,
      "entries of all ledgers that are re-read in the background: ten million in three hours",
      &L::set_check_entries_per_second);
  flags.Limit("--max_ledgers", kDefaultMaxLedgers,
              "most ledgers: each takes threads of its own; split the process before",
              &L::set_max_ledgers);
  flags.Limit("--max_connections", api.max_connections,
              "most connections of a listener, 60 KiB each; never over half of the descriptors",
              &L::set_max_connections);
  flags.Limit("--max_connections_per_address", api.max_connections_per_address,
              "most connections of an address (IPv6: of a /64): none may take all",
              &L::set_max_connections_per_address);
  flags.Limit("--handshake_timeout_ms", api.handshake_timeout_ms,
              "longest handshake: who is silent holds a connection no longer",
              &L::set_handshake_timeout_ms);
  flags.Limit("--slow_reader_seconds", api.slow_reader_seconds,
              "a reader of a stream that takes nothing for so long is cut off",
              &L::set_slow_reader_seconds);
}

void AddWitnessFlags(ConfigFlags& flags) {
  using W = config::v1::Witness;
  const CosignerOptions by_default;
  const auto count = [](auto duration) { return static_cast<uint64_t>(duration.count()); };
  flags.Text(
      "--witness_policy", "C2SP tlog-policy file: whose cosignatures heads need",
      [](config::v1::Config& c, const std::string& v) { c.mutable_witness()->set_policy_file(v); });
  flags.Text(
      "--witness_ca", "authorities of the witnesses' certificates; default: the machine's",
      [](config::v1::Config& c, const std::string& v) { c.mutable_witness()->set_ca_file(v); });
  flags.Witness("--witness_interval_ms", count(by_default.interval),
                "between two heads that witnesses are asked for", &W::set_interval_ms);
  flags.Witness("--witness_timeout_ms", count(by_default.timeout), "of one request to a witness",
                &W::set_timeout_ms);
  flags.Witness("--ack_timeout_ms", count(by_default.ack_timeout),
                "how long WITNESSED waits for the quorum", &W::set_ack_timeout_ms);
  flags.Witness("--max_lag_entries", by_default.max_lag_entries,
                "appends pause when the quorum's head is further behind", &W::set_max_lag_entries);
  flags.Witness("--max_lag_seconds", count(by_default.max_lag), "the same in time",
                &W::set_max_lag_seconds);
  flags.Witness("--alarm_after_seconds", count(by_default.alarm_after),
                "health shows a quorum that is away for longer", &W::set_alarm_after_seconds);
}

struct Texts {
  std::string config_file;
  std::vector<std::string> listen;
  std::vector<std::string> auto_create;
  std::vector<std::string> tsas;
  std::vector<std::string> tokens;
  std::vector<std::string> credentials;
  std::vector<std::string> crl_files;
  std::vector<std::string> bound_issuers;
  std::vector<std::string> rates;
  std::vector<std::string> adopt;
  std::vector<std::string> accept_unwitnessed;
  bool allow_weak_policy = false;
};

void AddOtherFlags(CLI::App& app, Texts& texts, DaemonOptions& options) {
  app.add_option("--config", texts.config_file,
                 "configuration in protobuf text format; flags override it");
  app.add_option("--root", options.root,
                 "DIR, made if need be: DIR/data, DIR/state, DIR/keys, DIR/seeds where not given");
  app.add_option("--listen", texts.listen,
                 "NAME,ADDRESS[,CERTIFICATE,KEY,CLIENT_CA], or NAME,unix:/PATH,edge; may repeat");
  app.add_option("--auto_create", texts.auto_create,
                 "LEDGER=ORIGIN, made when it is not there; may repeat");
  app.add_option("--rate", texts.rates,
                 "LIMIT=PER_SECOND[,BURST]: what each principal, ledger or address may send, as in "
                 "principal_events=5000,20000 or address_calls=500; none by default; may repeat");
  app.add_option(
      "--tsa", texts.tsas,
      "URL,CA_FILE[,POLICY_OID] of an authority that stamps heads (RFC 3161); may repeat");
  app.add_option("--tokens", texts.tokens,
                 "ISSUER,AUDIENCE,JWKS[,CA_FILE] of access tokens (JWT), the key set as a file or "
                 "an https URL; may repeat");
  app.add_option("--credential", texts.credentials,
                 "LISTENER=certificate, token or both: what callers show there; may repeat");
  app.add_option("--bind_tokens", texts.bound_issuers,
                 "ISSUER of --tokens: only its tokens that are bound to the caller's certificate "
                 "(RFC 8705); may repeat");
  app.add_option("--crl_file", texts.crl_files,
                 "LISTENER=FILE of revoked client certificates, read again when it changes; may "
                 "repeat");
  app.add_option(
      "--adopt_signer_state", texts.adopt,
      "LEDGER@SIZE:ROOTHEX: make a lost signer state anew from a head that a witness confirms");
  app.add_option(
      "--accept_unwitnessed_start", texts.accept_unwitnessed,
      "LEDGER@SIZE:ROOTHEX: serve though too few witnesses confirm the start; the stored "
      "head, which the log names");
  app.add_flag("--allow_weak_policy", texts.allow_weak_policy,
               "take a witness policy that one dishonest witness can break");
  app.add_flag("--accept_clock", options.overrides.accept_clock,
               "the clock is right although it jumped");
  app.add_flag("--confirm_after_sync_failure", options.overrides.confirm_after_sync_failure,
               "the head read back after a failed sync is the right one");
  app.add_flag("--allow_unix_socket", options.allow_unix_socket,
               "accept listeners on Unix sockets");
  app.add_flag("--print_config", options.print_config,
               "print the effective configuration and exit");
  app.add_option("--ready_file", options.ready_file,
                 "written with \"NAME ADDRESS\" lines once serving");
}

absl::Status Assemble(const Texts& texts, const ConfigFlags& flags, DaemonOptions& options) {
  if (!texts.config_file.empty()) {
    ASSIGN_OR_RETURN(options.config, ReadConfigFile(texts.config_file));
  }
  const config::v1::Config of_file = options.config;
  flags.Apply(options.config);
  if (texts.allow_weak_policy) options.config.mutable_witness()->set_allow_weak_policy(true);
  for (const std::string& text : texts.listen) RETURN_IF_ERROR(AddListener(text, options.config));
  for (const std::string& text : texts.auto_create)
    RETURN_IF_ERROR(AddAutoCreate(text, options.config));
  for (const std::string& text : texts.rates) RETURN_IF_ERROR(AddRate(text, options.config));
  for (const std::string& text : texts.tsas) RETURN_IF_ERROR(AddTsa(text, options.config));
  for (const std::string& text : texts.tokens) RETURN_IF_ERROR(AddTokens(text, options.config));
  for (const std::string& text : texts.credentials)
    RETURN_IF_ERROR(SetCredential(text, options.config));
  for (const std::string& text : texts.crl_files) RETURN_IF_ERROR(SetCrlFile(text, options.config));
  for (const std::string& issuer : texts.bound_issuers)
    RETURN_IF_ERROR(BindTokens(issuer, options.config));
  if (!options.root.empty()) ApplyRoot(options.root, options.config);
  ApplyDefaults(options.config);
  const absl::Status valid = ValidateConfig(options.config, options.allow_unix_socket);
  if (!valid.ok()) {
    return WithLine(valid, texts.config_file, of_file, options.config, options.allow_unix_socket);
  }
  // Before any ledger is opened, or made.
  return AccessRules::Load(options.config.access().policy_file()).status();
}

}  // namespace

absl::StatusOr<AdoptedHead> ParseAdoptedHead(const std::string& text, const std::string& flag) {
  const std::string form = flag + ": must be LEDGER@SIZE:ROOTHEX";
  const size_t at = text.find('@');
  const size_t colon = text.find(':');
  if (at == std::string::npos || colon == std::string::npos || colon < at) {
    return absl::InvalidArgumentError(form);
  }
  AdoptedHead out;
  out.ledger_id = text.substr(0, at);
  RETURN_IF_ERROR(CheckLedgerId(out.ledger_id));
  ASSIGN_OR_RETURN(out.size, ParseDecimal(flag + " size",
                                          absl::string_view(text).substr(at + 1, colon - at - 1)));
  ASSIGN_OR_RETURN(out.root, Hash::FromHex(text.substr(colon + 1)));
  return out;
}

ParsedFlags ParseFlags(int argc, const char* const* argv) {
  ParsedFlags out;
  Texts texts;
  CLI::App app(
      "The audit ledger's server: an append-only, provable record of who touched which patient's "
      "data.",
      "auditledgerd");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string(kVersion));
  ConfigFlags flags(app);
  AddOtherFlags(app, texts, out.options);
  AddConfigFlags(flags);
  AddLimitFlags(flags);
  AddWitnessFlags(flags);
  try {  // CLI11 reports through exceptions
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream normal;
    std::ostringstream wrong;
    out.exit_code = app.exit(error, normal, wrong) == 0 ? kExitOk : kExitUsage;
    out.text = normal.str() + wrong.str();
    return out;
  }
  const auto fail = [&](int code, const absl::Status& status) {
    out.exit_code = code;
    out.text = absl::StrCat("auditledgerd: ", status.message(), "\n");
    return out;
  };
  for (const std::string& text : texts.adopt) {
    absl::StatusOr<AdoptedHead> head = ParseAdoptedHead(text);
    if (!head.ok()) return fail(kExitUsage, head.status());
    out.options.adopt.push_back(*std::move(head));
  }
  for (const std::string& text : texts.accept_unwitnessed) {
    absl::StatusOr<AdoptedHead> head = ParseAdoptedHead(text, "--accept_unwitnessed_start");
    if (!head.ok()) return fail(kExitUsage, head.status());
    out.options.accept_unwitnessed.push_back(*std::move(head));
  }
  const absl::Status assembled = Assemble(texts, flags, out.options);
  if (!assembled.ok()) return fail(kExitConfig, assembled);
  if (out.options.print_config) {
    out.exit_code = kExitOk;
    out.text = absl::StrCat(FormatConfig(out.options.config),
                            DescribePolicies(out.options.config.witness()));
  }
  return out;
}

}  // namespace auditledger
