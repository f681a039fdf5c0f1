// What TLS, authorisation and encryption cost an event, beside the same server without them: a
// server and its load in this process, `tools/dev bench cost`.
//
// Bare is over a Unix socket, everything granted, payloads neither encrypted nor their secrets
// kept, nothing masked, reads not on record. Each other row puts one of these back, the last of a
// table all. The product has no switch for any of them: they are left out by the linker
// (switch_off.h). A round runs every row of a table, in an order that turns; a figure is the median
// of the rounds, in CPU microseconds of client and server together, a ratio that of the rounds' own
// ratios to bare. What an event costs beyond this (parsing, hashing, LevelDB, syncs) is in all
// rows.
//
//   cost_bench [--sizes 300 1500] [--rounds 9] [--seconds 0.5] [--quick] [--folder /tmp]
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/client/channel.h"
#include "api/client/dev_certs.h"
#include "api/config.h"
#include "api/server.h"
#include "auditledger/v1/ledger_service.grpc.pb.h"
#include "ledger/ledger_set.h"
#include "tests/api/test_issuer.h"
#include "tests/bench/cpu_time.h"
#include "tests/bench/switch_off.h"
#include "tools/load_calls.h"

namespace auditledger {
namespace {

constexpr char kUri[] = "spiffe://bench.example/app";
constexpr size_t kReaders = 16;
constexpr uint64_t kEntriesToRead = 2000;
constexpr double kWarmSeconds = 0.05;

struct Options {
  std::vector<size_t> sizes{300, 1500};
  int rounds = 9;
  double seconds = 0.5;
  std::string folder = std::filesystem::temp_directory_path().string();
};

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "cost_bench: " << value.status().ToString() << "\n";
  std::exit(1);
}
void Need(const absl::Status& status) { Need<int>(status.ok() ? absl::StatusOr<int>(0) : status); }

using Parts = std::set<Part>;
using Channel = std::shared_ptr<grpc::Channel>;

// One server, reached in three ways.
class Rig {
 public:
  explicit Rig(const std::string& folder) : folder_(folder) {
    const std::string certs = folder_ + "/certs";
    Need(MakeDevCa(certs));
    Need(MakeDevServerCert(certs, "server"));
    Need(MakeDevClientCert(certs, "app", {kUri}));
    const std::string holder = std::string(testing::TestIssuer::kIssuer) + "#app";
    for (const std::string& principal : {std::string(kUri), std::string("local:bare"), holder}) {
      Need(AddDevGrants(certs, principal, {config::v1::ROLE_EMITTER, config::v1::ROLE_AUDITOR}));
    }
    WriteToken();
    LedgerSetOptions options;
    options.roots = {folder_ + "/data", folder_ + "/state", folder_ + "/keys", folder_ + "/seeds"};
    ledgers_ = Need(LedgerSet::Open(options));
    Need(ledgers_->Create("append", "bench.example/append"));
    Need(ledgers_->Create("read", "bench.example/read"));
    Serve(certs);
    tls = Need(
        TlsChannel({addresses_["tls"], certs + "/ca.pem", certs + "/app.pem", certs + "/app.key"}));
    bare = UnixChannel(addresses_["bare"]);
    token = UnixChannel(addresses_["token"], folder_ + "/token");
  }
  ~Rig() { server_->Drain(); }

  Channel bare;
  Channel tls;
  Channel token;

 private:
  void WriteToken() {
    const testing::TestIssuer& issuer = testing::TestIssuer::Get();
    const auto now_s = static_cast<int64_t>(Clock::System().WallMicros() / 1'000'000);
    testing::Json claims = testing::TestIssuer::Claims(now_s, "app");
    claims["exp"] = now_s + 86400;
    std::ofstream(folder_ + "/token") << issuer.Token(testing::TestIssuer::Header(), claims);
    std::ofstream(folder_ + "/jwks") << issuer.Jwks();
  }

  void Serve(const std::string& certs) {
    config::v1::Config config;
    ApplyRoot(folder_, config);
    for (const char* name : {"bare", "token"}) {
      config::v1::Listener* listener = config.add_listeners();
      listener->set_name(name);
      listener->set_address("unix:" + folder_ + "/" + name + ".sock");
    }
    config.mutable_listeners(1)->set_credential(config::v1::CREDENTIAL_TOKEN);
    config::v1::Listener* listener = config.add_listeners();
    listener->set_name("tls");
    listener->set_address("127.0.0.1:0");
    listener->mutable_tls()->set_certificate_file(certs + "/server.pem");
    listener->mutable_tls()->set_private_key_file(certs + "/server.key");
    listener->mutable_tls()->set_client_ca_file(certs + "/ca.pem");
    config::v1::Tokens* tokens = config.add_tokens();
    tokens->set_issuer(testing::TestIssuer::kIssuer);
    tokens->set_audience(testing::TestIssuer::kAudience);
    tokens->set_jwks_file(folder_ + "/jwks");
    config.mutable_access()->set_policy_file(certs + "/access.policy");
    ApplyDefaults(config);
    Need(ValidateConfig(config, /*allow_unix_socket=*/true));
    log_ = Need(RpcLog::Open("error", folder_ + "/log"));
    server_ = Need(Server::Start(config, *ledgers_, Clock::System(), *log_));
    for (const BoundListener& bound : server_->listeners()) addresses_[bound.name] = bound.address;
  }

  const std::string folder_;
  std::unique_ptr<LedgerSet> ledgers_;
  std::unique_ptr<RpcLog> log_;
  std::unique_ptr<Server> server_;
  std::map<std::string, std::string> addresses_;
};

// CPU microseconds an event.
double Append(const Channel& channel, LoadPlan plan, size_t event_bytes, double seconds) {
  static uint64_t run = 0;
  plan.verify_every = 0;
  const LoadEvents events = Need(LoadEvents::Make(
      {.event_bytes = event_bytes,
       .run = ++run,
       .recorded_unix_s = static_cast<int64_t>(Clock::System().WallMicros() / 1'000'000)}));
  LoadStretch stretch;
  std::atomic<uint64_t> progress{0};
  LoadParts parts{&plan, &events, &stretch, nullptr, &progress, {channel}};
  stretch.begin_ns = LoadNow();
  stretch.end_ns = stretch.begin_ns + static_cast<int64_t>(seconds * 1e9);
  const double begin = CpuMicros();
  const LoadTally tally =
      plan.mode == LoadPlan::Mode::kStream ? RunStreams(parts, 0, 1) : RunCalls(parts, 0, 1);
  const double used = CpuMicros() - begin;
  Need(tally.failure);
  if (tally.events_in_all == 0 || tally.RefusedEvents() > 0) {
    Need(absl::InternalError("events were refused: the server is overloaded"));
  }
  return used / static_cast<double>(tally.events_in_all);
}

// CPU microseconds a call.
double Read(const Channel& channel, v1::EntryView view, double seconds) {
  std::atomic<uint64_t> calls{0};
  const int64_t end = LoadNow() + static_cast<int64_t>(seconds * 1e9);
  const auto read = [&] {
    const auto stub = v1::LedgerService::NewStub(channel);
    v1::GetEntryRequest request;
    request.set_view(view);
    while (LoadNow() < end) {
      // The first two entries are the ledger's own.
      request.set_name("ledgers/read/entries/" +
                       std::to_string(2 + calls.fetch_add(1) % kEntriesToRead));
      grpc::ClientContext context;
      v1::GetEntryResponse response;
      const grpc::Status status = stub->GetEntry(&context, request, &response);
      if (!status.ok()) Need(absl::InternalError(status.error_message()));
    }
  };
  const double begin = CpuMicros();
  std::vector<std::thread> readers;
  for (size_t i = 0; i < kReaders; ++i) readers.emplace_back(read);
  for (std::thread& reader : readers) reader.join();
  return (CpuMicros() - begin) / static_cast<double>(calls.load());
}

struct Row {
  std::string name;
  Parts off;
  std::function<double()> measure;
  std::vector<double> costs{};
};

struct Table {
  std::string title;
  std::vector<Row> rows;         // the first is the bare one
  std::function<double()> warm;  // with everything on: how long a record of such an event is
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double Measure(const Row& row) {
  for (const Part part : row.off) SetOff(part, true);
  const double cost = row.measure();
  for (const Part part : row.off) SetOff(part, false);
  return cost;
}

void RunRound(size_t round, Table& table) {
  table.warm();
  for (size_t i = 0; i < table.rows.size(); ++i) {
    Row& row = table.rows[(i + round) % table.rows.size()];
    row.costs.push_back(Measure(row));
  }
}

void Print(const Table& table) {
  std::printf("%-46s %7s %7s %7s\n", table.title.c_str(), "CPU us", "more", "ratio");
  const std::vector<Row>& rows = table.rows;
  for (const Row& row : rows) {
    std::vector<double> more;
    std::vector<double> ratios;
    for (size_t round = 0; round < row.costs.size(); ++round) {
      more.push_back(row.costs[round] - rows.front().costs[round]);
      ratios.push_back(row.costs[round] / rows.front().costs[round]);
    }
    std::printf("  %-44s %7.2f %7.2f %7.3f\n", row.name.c_str(), Median(row.costs), Median(more),
                Median(ratios));
  }
}

Table AppendTable(const Rig& rig, const std::string& title, const LoadPlan& plan, size_t size,
                  double seconds) {
  const auto during = [=](const Channel& channel, double time) {
    return [=] { return Append(channel, plan, size, time); };
  };
  const auto by = [=](const Channel& channel) { return during(channel, seconds); };
  const auto bare_but = [](Part part) {
    Parts off{Part::kRoles, Part::kMasks, Part::kEncryption, Part::kKeyStore};
    off.erase(part);
    return off;
  };
  const Parts none = bare_but(Part::kAccessLog);
  return {
      std::to_string(size) + " B, " + title,
      {{"bare", none, by(rig.bare)},
       {"+ mutual TLS 1.3", none, by(rig.tls)},
       {"+ access token (JWT, ES256)", none, by(rig.token)},
       {"+ roles of a policy", bare_but(Part::kRoles), by(rig.bare)},
       {"+ masks of secrets", bare_but(Part::kMasks), by(rig.bare)},
       {"+ payloads encrypted, and compressed before", bare_but(Part::kEncryption), by(rig.bare)},
       {"+ their secrets wrapped and kept", bare_but(Part::kKeyStore), by(rig.bare)},
       {"as shipped: all but the token", {}, by(rig.tls)}},
      during(rig.bare, kWarmSeconds)};
}

Table ReadTable(const Rig& rig, double seconds) {
  const auto by = [=](const Channel& channel, v1::EntryView view) {
    return [=] { return Read(channel, view, seconds); };
  };
  const Parts none{Part::kRoles, Part::kAccessLog};
  return {"GetEntry, 16 callers",
          {{"bare: the leaf", none, by(rig.bare, v1::ENTRY_VIEW_LEAF)},
           {"+ mutual TLS 1.3", none, by(rig.tls, v1::ENTRY_VIEW_LEAF)},
           {"+ roles of a policy", {Part::kAccessLog}, by(rig.bare, v1::ENTRY_VIEW_LEAF)},
           {"+ payload, not on record", none, by(rig.bare, v1::ENTRY_VIEW_FULL)},
           {"+ payload, on record before", {Part::kRoles}, by(rig.bare, v1::ENTRY_VIEW_FULL)},
           {"as shipped: all, with payload", {}, by(rig.tls, v1::ENTRY_VIEW_FULL)}},
          by(rig.bare, v1::ENTRY_VIEW_LEAF)};
}

LoadPlan PlanOf(LoadPlan::Mode mode, size_t callers, const std::string& ledger) {
  LoadPlan plan;
  plan.mode = mode;
  plan.callers = callers;
  plan.ledger = "ledgers/" + ledger;
  return plan;
}

int Main(const Options& options) {
  const std::string folder =
      std::filesystem::absolute(options.folder) / ("cost-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::vector<Table> tables;
  {
    const Rig rig(folder);
    LoadPlan fill = PlanOf(LoadPlan::Mode::kBatch, 1, "read");
    fill.batch = kEntriesToRead / 2;
    for (int i = 0; i < 2; ++i) Append(rig.bare, fill, options.sizes.front(), 0);
    const LoadPlan unary = PlanOf(LoadPlan::Mode::kUnary, 64, "append");
    const LoadPlan stream = PlanOf(LoadPlan::Mode::kStream, 4, "append");
    for (const size_t size : options.sizes) {
      tables.push_back(AppendTable(rig, "unary, 64 callers", unary, size, options.seconds));
      tables.push_back(
          AppendTable(rig, "4 streams, 50 events a message", stream, size, options.seconds));
    }
    tables.push_back(ReadTable(rig, options.seconds));
    for (int round = 0; round < options.rounds; ++round) {
      for (Table& table : tables) RunRound(static_cast<size_t>(round), table);
    }
  }
  std::filesystem::remove_all(folder);
  std::printf("medians of %d rounds of %.2f s a row, %u cores\n", options.rounds, options.seconds,
              std::thread::hardware_concurrency());
  for (const Table& table : tables) Print(table);
  return 0;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  auditledger::Options options;
  CLI::App app{"Tells what TLS, authorisation and encryption cost an event."};
  app.add_option("--sizes", options.sizes, "bytes of an event, 300 to 4096");
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--seconds", options.seconds, "of a row in a round")->capture_default_str();
  app.add_option("--folder", options.folder, "where the ledgers are made")->capture_default_str();
  app.add_flag_callback(
      "--quick",
      [&options] {
        options = {{300}, 1, 0.02, options.folder};
      },
      "once, a moment each: that it runs");
  CLI11_PARSE(app, argc, argv);
  return auditledger::Main(options);
}
