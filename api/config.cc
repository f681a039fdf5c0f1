#include "api/config.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "api/access/token_config.h"
#include "api/anchorer.h"
#include "api/tile_publisher.h"
#include "api/witness_policy.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "ledger/master_key_source.h"
#include "ledger/socket_signer.h"
#include "merkle/status_macros.h"
#include "merkle/units.h"

namespace auditledger {
namespace {

using config::v1::Config;
using config::v1::Listener;

constexpr absl::string_view kUnixPrefix = "unix:";

// Keeps the first error only: what follows it is mostly its echo.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!text.empty()) return;
    text = absl::StrCat("line ", line + 1, ", column ", column + 1, ": ", message);
  }
  std::string text;
};

absl::Status Invalid(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

// "host:port", "[::1]:port".
absl::Status CheckHostPort(absl::string_view field, absl::string_view address, bool loopback_only) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 || port > 65535) {
    return Invalid(field, "must be host:port");
  }
  const absl::string_view host = address.substr(0, colon);
  if (absl::StrContains(host, ":") && !(host.front() == '[' && host.back() == ']')) {
    return Invalid(field, "an IPv6 address stands in brackets");
  }
  const bool loopback = host == "localhost" || host == "[::1]" || absl::StartsWith(host, "127.");
  if (loopback_only && !loopback)
    return Invalid(field, "must be a loopback address: it is not authenticated");
  return absl::OkStatus();
}

absl::Status CheckListener(const Listener& listener, const std::string& field,
                           bool allow_unix_socket) {
  if (!CheckLedgerId(listener.name()).ok())
    return Invalid(field + ".name", "must be [a-z][a-z0-9-]{0,62}");
  if (absl::StartsWith(listener.address(), kUnixPrefix)) {
    if (!allow_unix_socket && !listener.edge())
      return Invalid(field + ".address", "a Unix socket needs --allow_unix_socket");
    const absl::string_view path = absl::string_view(listener.address()).substr(kUnixPrefix.size());
    if (!absl::StartsWith(path, "/"))
      return Invalid(field + ".address", "must be unix:/absolute/path");
    if (path.size() > 107)
      return Invalid(field + ".address", "a socket's path has at most 107 bytes");
    if (listener.has_tls()) return Invalid(field + ".tls", "does not apply to a Unix socket");
    return absl::OkStatus();
  }
  if (listener.edge()) return Invalid(field + ".edge", "needs a Unix socket, unix:/absolute/path");
  RETURN_IF_ERROR(CheckHostPort(field + ".address", listener.address(), false));
  const config::v1::Tls& tls = listener.tls();
  if (tls.certificate_file().empty())
    return Invalid(field + ".tls.certificate_file", "is required for host:port");
  if (tls.private_key_file().empty())
    return Invalid(field + ".tls.private_key_file", "is required for host:port");
  const bool certificate = listener.credential() != config::v1::CREDENTIAL_TOKEN;
  if (tls.client_ca_file().empty() && certificate)
    return Invalid(field + ".tls.client_ca_file", "is required for host:port");
  if (tls.client_ca_file().empty() && !tls.crl_file().empty())
    return Invalid(field + ".tls.crl_file", "needs tls.client_ca_file");
  return absl::OkStatus();
}

absl::Status CheckFolders(const Config& config) {
  const std::vector<std::pair<std::string, std::string>> folders = {
      {"data_dir", config.data_dir()},
      {"state_dir", config.state_dir()},
      {"key_dir", config.key_dir()},
      {"seed_dir", config.seed_dir()}};
  for (const auto& [field, path] : folders) {
    if (path.empty()) return Invalid(field, "is required (or give --root)");
  }
  for (const auto& [field, path] : folders) {
    for (const auto& [other_field, other] : folders) {
      if (field == other_field) continue;
      if (absl::StartsWith(path + "/", other + "/"))
        return Invalid(field, absl::StrCat("may not lie in ", other_field));
    }
    // What is public lies apart from what is not, either way round.
    const std::string& shown = config.publish().dir();
    if (shown.empty()) continue;
    if (absl::StartsWith(path + "/", shown + "/") || absl::StartsWith(shown + "/", path + "/"))
      return Invalid("publish.dir", absl::StrCat("and ", field, " may not lie in one another"));
  }
  return absl::OkStatus();
}

absl::Status CheckPublish(const config::v1::Publish& publish) {
  if (publish.listen().empty()) return absl::OkStatus();
  if (publish.dir().empty()) return Invalid("publish.listen", "needs publish.dir");
  return CheckHostPort("publish.listen", publish.listen(), false);
}

// All policy files, each once.
std::set<std::string> PolicyFiles(const config::v1::Witness& witness) {
  std::set<std::string> files;
  if (!witness.policy_file().empty()) files.insert(witness.policy_file());
  for (const config::v1::LedgerPolicy& one : witness.ledgers()) {
    if (!one.policy_file().empty()) files.insert(one.policy_file());
  }
  return files;
}

absl::Status CheckWitness(const Config& config) {
  const config::v1::Witness& witness = config.witness();
  std::set<std::string> ids;
  for (int i = 0; i < witness.ledgers_size(); ++i) {
    const std::string field = absl::StrCat("witness.ledgers[", i, "].ledger_id");
    const std::string& id = witness.ledgers(i).ledger_id();
    if (!CheckLedgerId(id).ok()) return Invalid(field, "must be [a-z][a-z0-9-]{0,62}");
    if (!ids.insert(id).second) return Invalid(field, "occurs twice");
  }
  const uint64_t longest_ms = uint64_t{config.limits().max_deadline_seconds()} * 1000;
  if (witness.ack_timeout_ms() >= longest_ms) {
    return Invalid("witness.ack_timeout_ms",
                   absl::StrCat("must end before the longest call, ", longest_ms, " ms"));
  }
  if (witness.timeout_ms() > kMaxWitnessTimeoutMs) {
    return Invalid("witness.timeout_ms", absl::StrCat("at most ", kMaxWitnessTimeoutMs));
  }
  for (const std::string& file : PolicyFiles(witness)) {
    const absl::Status loaded = LoadWitnessPolicy(file, witness.allow_weak_policy()).status();
    if (!loaded.ok()) return Invalid("witness.policy_file", loaded.message());
  }
  return absl::OkStatus();
}

absl::Status CheckAnchor(const config::v1::Anchor& anchor) {
  if (anchor.tsas_size() > static_cast<int>(kMaxTsas)) {
    return Invalid("anchor.tsas", absl::StrCat("at most ", kMaxTsas));
  }
  for (int i = 0; i < anchor.tsas_size(); ++i) {
    const config::v1::Tsa& tsa = anchor.tsas(i);
    const std::string field = absl::StrCat("anchor.tsas[", i, "]");
    if (!absl::StartsWith(tsa.url(), "http://") && !absl::StartsWith(tsa.url(), "https://")) {
      return Invalid(field + ".url", "must begin with http:// or https://");
    }
    // It stands in logs and metrics.
    if (absl::StrContains(tsa.url(), "@"))
      return Invalid(field + ".url", "may hold no credentials");
    if (tsa.ca_file().empty()) {
      return Invalid(field + ".ca_file", "is required: the certificates that vouch for its tokens");
    }
    if (!tsa.policy_oid().empty() && !IsDottedOid(tsa.policy_oid())) {
      return Invalid(field + ".policy_oid", "must be a dotted OID, as 1.2.3.4.1");
    }
  }
  return absl::OkStatus();
}

void ApplyWitnessDefaults(config::v1::Witness& witness) {
  const CosignerOptions by_default;
  if (witness.interval_ms() == 0)
    witness.set_interval_ms(static_cast<uint32_t>(by_default.interval.count()));
  if (witness.timeout_ms() == 0)
    witness.set_timeout_ms(static_cast<uint32_t>(by_default.timeout.count()));
  if (witness.ack_timeout_ms() == 0)
    witness.set_ack_timeout_ms(static_cast<uint32_t>(by_default.ack_timeout.count()));
  if (witness.max_lag_entries() == 0) witness.set_max_lag_entries(by_default.max_lag_entries);
  if (witness.max_lag_seconds() == 0)
    witness.set_max_lag_seconds(static_cast<uint32_t>(by_default.max_lag.count()));
  if (witness.alarm_after_seconds() == 0)
    witness.set_alarm_after_seconds(static_cast<uint32_t>(by_default.alarm_after.count()));
}

absl::Status CheckLimits(const config::v1::Limits& limits) {
  if (limits.max_event_bytes() > kMaxEventBytes) {
    return Invalid("limits.max_event_bytes",
                   absl::StrCat("at most ", kMaxEventBytes, ": the format's own limit"));
  }
  const size_t commit = LedgerLimits().max_commit_entries;
  if (limits.max_batch_events() > commit) {
    return Invalid("limits.max_batch_events", absl::StrCat("at most ", commit, ": one commit"));
  }
  if (limits.max_batch_bytes() > LedgerLimits().max_commit_bytes) {
    return Invalid("limits.max_batch_bytes",
                   absl::StrCat("at most ", LedgerLimits().max_commit_bytes, ": one commit"));
  }
  if (limits.max_queue_events() < limits.max_batch_events()) {
    return Invalid("limits.max_queue_events", "must hold a batch: at least max_batch_events");
  }
  if (limits.max_queue_bytes() < limits.max_batch_bytes()) {
    return Invalid("limits.max_queue_bytes", "must hold a batch: at least max_batch_bytes");
  }
  return absl::OkStatus();
}

absl::Status CheckErasure(const config::v1::Erasure& erasure) {
  for (const std::string& id : erasure.one_person_ledgers()) {
    if (!CheckLedgerId(id).ok()) {
      return Invalid("erasure.one_person_ledgers", absl::StrCat(id, " is no ledger's id"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRates(const config::v1::Rates& rates) {
  const google::protobuf::Descriptor& fields = *rates.GetDescriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& rate = static_cast<const config::v1::Rate&>(
        rates.GetReflection()->GetMessage(rates, fields.field(i)));
    if (rate.burst() > 0 && rate.per_second() == 0) {
      return Invalid(absl::StrCat("rates.", fields.field(i)->name(), ".per_second"),
                     "is required where there is a burst");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Config> ParseConfig(const std::string& text) {
  FirstError errors;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  Config config;
  if (parser.ParseFromString(text, &config)) return config;
  return absl::InvalidArgumentError(errors.text.empty() ? "does not parse" : errors.text);
}

absl::StatusOr<Config> ReadConfigFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Invalid(path, "cannot be read");
  std::string text(kMaxConfigBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (file.bad()) return Invalid(path, "cannot be read");
  if (text.size() > kMaxConfigBytes)
    return Invalid(path, absl::StrCat("is over ", kMaxConfigBytes, " bytes"));
  absl::StatusOr<Config> config = ParseConfig(text);
  if (!config.ok()) return Invalid(path, config.status().message());
  return config;
}

std::string FormatConfig(const Config& config) {
  std::string out;
  google::protobuf::TextFormat::PrintToString(config, &out);
  return out;
}

void ApplyDefaults(Config& config) {
  const ApiLimits api;
  const LedgerLimits ledger;
  config::v1::Limits& limits = *config.mutable_limits();
  if (limits.max_event_bytes() == 0)
    limits.set_max_event_bytes(static_cast<uint32_t>(api.max_event_bytes));
  if (limits.max_batch_events() == 0)
    limits.set_max_batch_events(static_cast<uint32_t>(api.max_batch_events));
  if (limits.max_batch_bytes() == 0)
    limits.set_max_batch_bytes(static_cast<uint32_t>(api.max_batch_bytes));
  if (limits.max_queue_events() == 0)
    limits.set_max_queue_events(static_cast<uint32_t>(ledger.max_queue_entries));
  if (limits.max_queue_bytes() == 0) limits.set_max_queue_bytes(ledger.max_queue_bytes);
  if (limits.max_deadline_seconds() == 0)
    limits.set_max_deadline_seconds(static_cast<uint32_t>(api.max_deadline_seconds));
  if (limits.drain_seconds() == 0)
    limits.set_drain_seconds(static_cast<uint32_t>(api.drain_seconds));
  if (limits.max_connections() == 0)
    limits.set_max_connections(static_cast<uint32_t>(api.max_connections));
  if (limits.max_connections_per_address() == 0)
    limits.set_max_connections_per_address(static_cast<uint32_t>(api.max_connections_per_address));
  if (limits.handshake_timeout_ms() == 0)
    limits.set_handshake_timeout_ms(static_cast<uint32_t>(api.handshake_timeout_ms));
  if (limits.slow_reader_seconds() == 0)
    limits.set_slow_reader_seconds(static_cast<uint32_t>(api.slow_reader_seconds));
  if (limits.max_ledgers() == 0) limits.set_max_ledgers(static_cast<uint32_t>(kDefaultMaxLedgers));
  if (limits.low_water_bytes() == 0) limits.set_low_water_bytes(ledger.low_water_bytes);
  if (limits.ballast_bytes() == 0) limits.set_ballast_bytes(kDefaultBallastBytes);
  if (limits.check_entries_per_second() == 0)
    limits.set_check_entries_per_second(kDefaultCheckEntriesPerSecond);
  if (config.publish().interval_ms() == 0)
    config.mutable_publish()->set_interval_ms(kDefaultPublishIntervalMs);
  if (!PolicyFiles(config.witness()).empty()) ApplyWitnessDefaults(*config.mutable_witness());
  if (config.anchor().interval_s() == 0)
    config.mutable_anchor()->set_interval_s(kDefaultAnchorIntervalSeconds);
  if (config.anchor().timeout_ms() == 0)
    config.mutable_anchor()->set_timeout_ms(kDefaultTsaTimeoutMs);
  if (config.logging().level().empty()) config.mutable_logging()->set_level("info");
}

void ApplyRoot(const std::string& root, Config& config) {
  if (config.data_dir().empty()) config.set_data_dir(root + "/data");
  if (config.state_dir().empty()) config.set_state_dir(root + "/state");
  if (config.key_dir().empty()) config.set_key_dir(root + "/keys");
  if (config.seed_dir().empty()) config.set_seed_dir(root + "/seeds");
}

absl::Status ValidateConfig(const Config& config, bool allow_unix_socket) {
  RETURN_IF_ERROR(CheckFolders(config));
  if (!config.signer().empty()) {
    const absl::Status address = ParseSignerAddress(config.signer()).status();
    if (!address.ok()) return Invalid("signer", address.message());
  }
  if (!config.master_key().empty()) {
    RETURN_IF_ERROR(ParseMasterKeySource(config.master_key()).status());
  }
  if (config.listeners().empty()) return Invalid("listeners", "at least one is required");
  if (config.access().policy_file().empty()) {
    return Invalid("access.policy_file",
                   "is required: who may do what (--access_policy FILE). `auditctl dev-certs DIR` "
                   "writes DIR/access.policy to try things out with");
  }
  std::set<std::string> names;
  for (int i = 0; i < config.listeners_size(); ++i) {
    const std::string field = absl::StrCat("listeners[", i, "]");
    RETURN_IF_ERROR(CheckListener(config.listeners(i), field, allow_unix_socket));
    if (!names.insert(config.listeners(i).name()).second)
      return Invalid(field + ".name", "occurs twice");
  }
  RETURN_IF_ERROR(CheckTokenConfig(config));
  if (!config.metrics().address().empty()) {
    RETURN_IF_ERROR(CheckHostPort("metrics.address", config.metrics().address(), true));
  }
  RETURN_IF_ERROR(CheckPublish(config.publish()));
  RETURN_IF_ERROR(CheckAnchor(config.anchor()));
  RETURN_IF_ERROR(CheckLimits(config.limits()));
  RETURN_IF_ERROR(CheckErasure(config.erasure()));
  RETURN_IF_ERROR(CheckRates(config.rates()));
  RETURN_IF_ERROR(CheckWitness(config));
  for (int i = 0; i < config.auto_create_size(); ++i) {
    const std::string field = absl::StrCat("auto_create[", i, "]");
    if (!CheckLedgerId(config.auto_create(i).ledger_id()).ok()) {
      return Invalid(field + ".ledger_id", "must be [a-z][a-z0-9-]{0,62}");
    }
    const absl::Status origin = CheckOrigin(config.auto_create(i).origin());
    if (!origin.ok()) return Invalid(field + ".origin", origin.message());
  }
  return absl::OkStatus();
}

CosignerOptions ToCosignerOptions(const config::v1::Witness& witness) {
  CosignerOptions out;
  out.interval = std::chrono::milliseconds(witness.interval_ms());
  out.timeout = std::chrono::milliseconds(witness.timeout_ms());
  out.ack_timeout = std::chrono::milliseconds(witness.ack_timeout_ms());
  out.max_lag_entries = witness.max_lag_entries();
  out.max_lag = std::chrono::seconds(witness.max_lag_seconds());
  out.alarm_after = std::chrono::seconds(witness.alarm_after_seconds());
  return out;
}

std::string PolicyFileOf(const config::v1::Witness& witness, const std::string& ledger_id) {
  for (const config::v1::LedgerPolicy& one : witness.ledgers()) {
    if (one.ledger_id() == ledger_id) return one.policy_file();
  }
  return witness.policy_file();
}

std::string DescribePolicies(const config::v1::Witness& witness) {
  std::string out;
  for (const std::string& file : PolicyFiles(witness)) {
    const absl::StatusOr<WitnessPolicy> policy = LoadWitnessPolicy(file, true);
    if (policy.ok())
      absl::StrAppend(&out, "# ", file, ": ", policy->policy.ExplainSurvived(), "\n");
  }
  return out;
}

ApiLimits ToApiLimits(const config::v1::Limits& limits) {
  ApiLimits out;
  out.max_event_bytes = limits.max_event_bytes();
  out.max_batch_events = limits.max_batch_events();
  out.max_batch_bytes = limits.max_batch_bytes();
  out.max_deadline_seconds = limits.max_deadline_seconds();
  out.drain_seconds = limits.drain_seconds();
  out.max_connections = limits.max_connections();
  out.max_connections_per_address = limits.max_connections_per_address();
  out.handshake_timeout_ms = limits.handshake_timeout_ms();
  out.slow_reader_seconds = limits.slow_reader_seconds();
  return out;
}

LedgerSetOptions ToLedgerSetOptions(const Config& config) {
  LedgerSetOptions out;
  out.roots = {config.data_dir(), config.state_dir(), config.key_dir(), config.seed_dir()};
  out.roots.signer_socket = ParseSignerAddress(config.signer()).value_or("");
  out.limits.max_queue_entries = config.limits().max_queue_events();
  out.limits.max_queue_bytes = config.limits().max_queue_bytes();
  out.limits.low_water_bytes = config.limits().low_water_bytes();
  out.limits.resume_water_bytes = out.limits.low_water_bytes / 4 * 5;
  out.limits.ballast_bytes = config.limits().ballast_bytes();
  out.limits.check_entries_per_second = config.limits().check_entries_per_second();
  out.max_ledgers = config.limits().max_ledgers();
  out.one_person_erases = [erasure = config.erasure()](const std::string& id) {
    const auto& ledgers = erasure.one_person_ledgers();
    return std::find(ledgers.begin(), ledgers.end(), id) != ledgers.end();
  };
  if (!PolicyFiles(config.witness()).empty()) {
    out.hold_until_confirmed = [witness = config.witness()](const std::string& id) {
      return !PolicyFileOf(witness, id).empty();
    };
  }
  return out;
}

}  // namespace auditledger
