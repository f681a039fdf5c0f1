// auditledger-load: puts an audit ledger under load and measures it; believes no receipt unseen.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/exit_codes.h"
#include "tools/load_calls.h"
#include "tools/load_connect.h"
#include "tools/load_report.h"

namespace auditledger {
namespace {

constexpr char kAbout[] =
    "Puts an audit ledger (auditledgerd) under load and prints rate, latency, and what an event "
    "costs.\n"
    "Receipts are verified: head, signature, proof, and that the leaf commits to the event sent.\n"
    "Options of the connection may stand in the environment, as auditctl's: AUDITCTL_SERVER, "
    "_LEDGER,\n_CA, _CERT, _KEY_FILE, _PIN_KEY, _TIMEOUT.";

constexpr char kFooter[] =
    "\nClosed loop (the default): --callers callers, each with one call, or one stream, under "
    "way.\n"
    "Open loop (--rate): arrivals at even distances whatever the server does; a call's latency "
    "counts\nfrom the moment it was to be sent.\n\n"
    "Without --pin-key the ledger's key is asked of the server itself: enough to measure, no "
    "proof\nagainst the server.\n\n"
    "Exit codes: 0 done, 1 a receipt does not verify, 2 no answer, 4 refused (what no retry "
    "mends),\n64 wrong usage.\n\n"
    "Examples:\n"
    "  auditledger-load --ledger clinic --callers 64 --seconds 10\n"
    "  auditledger-load --ledger clinic --mode batch --callers 4 --event-bytes 300 --verify 100\n"
    "  auditledger-load --ledger clinic --rate 5000 --seconds 60 --json";

struct LoadOptions {
  ctl::Options connection;
  std::vector<std::string> other_keys;
  std::string mode = "unary";
  std::string verify = "all";
  std::string ack = "durable";
  LoadPlan plan;
  size_t event_bytes = 1200;
  size_t connections = 1;
  size_t threads = 1;
  size_t verify_threads = 1;
  double seconds = 10;
  double warmup_s = 1;
  int server_pid = 0;
  std::string data_dir;
  bool progress = false;
};

// Memory for so many calls under way is some hundred MiB.
constexpr size_t kMaxCallers = 100'000;
// The server ends connections of that age, and streams with them.
constexpr double kMaxStreamSeconds = 590;

void AddConnectionOptions(CLI::App& app, ctl::Options& options) {
  app.add_option("--server", options.server, "host:port, or unix:/path")
      ->envname("AUDITCTL_SERVER")
      ->capture_default_str();
  app.add_option("--ledger", options.ledger, "id of the ledger")
      ->envname("AUDITCTL_LEDGER")
      ->required();
  app.add_option("--ca", options.ca, "certificate authority of the server (PEM)")
      ->envname("AUDITCTL_CA");
  app.add_option("--cert", options.cert, "our certificate (PEM)")->envname("AUDITCTL_CERT");
  app.add_option("--key-file", options.key_file, "its private key (PEM)")
      ->envname("AUDITCTL_KEY_FILE");
  app.add_option("--pin-key", options.pin_key, "the ledger's vkey, or a file that holds it")
      ->envname("AUDITCTL_PIN_KEY");
  app.add_flag("--json", options.json, "print one JSON object");
}

void AddOptions(CLI::App& app, LoadOptions& options) {
  LoadPlan& plan = options.plan;
  AddConnectionOptions(app, options.connection);
  app.add_option("--other-key", options.other_keys,
                 "another key of the ledger, as the next one before a rotation; may repeat")
      ->allow_extra_args(false);
  app.add_option("--mode", options.mode, "unary, batch or stream")
      ->check(CLI::IsMember({"unary", "batch", "stream"}))
      ->capture_default_str();
  app.add_option("--callers", plan.callers, "calls or streams under way in a closed loop")
      ->check(CLI::Range(size_t{1}, kMaxCallers))
      ->capture_default_str();
  app.add_option("--ack", options.ack, "durable, or witnessed: wait for the policy's quorum")
      ->check(CLI::IsMember({"durable", "witnessed"}))
      ->capture_default_str();
  app.add_option("--rate", plan.rate, "open loop: events a second")->check(CLI::PositiveNumber);
  app.add_option("--batch", plan.batch, "events of a call in mode batch")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--per-message", plan.per_message, "events of a message in mode stream")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--window", plan.window, "unanswered events of a stream")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--max-outstanding", plan.max_outstanding,
                 "calls under way in an open loop; arrivals beyond are counted, not sent")
      ->check(CLI::Range(size_t{1}, kMaxCallers))
      ->capture_default_str();
  app.add_option("--event-bytes", options.event_bytes, "size of an event, 300 to 4096")
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "that count")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--warmup", options.warmup_s, "seconds before them that do not")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--timeout", plan.timeout_s, "seconds to wait for each call")
      ->envname("AUDITCTL_TIMEOUT")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--verify", options.verify,
                 "receipts to check: all, none, or N for those of every Nth answer")
      ->capture_default_str();
  app.add_option("--verify-threads", options.verify_threads, "threads that check receipts")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "threads that make calls")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--connections", options.connections,
                 "connections; a server takes 1,000 calls under way on each")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--server-pid,--server_pid", options.server_pid,
                 "the server's process, on this machine: its CPU and memory are measured");
  app.add_option("--data-dir,--data_dir", options.data_dir,
                 "the server's folder, on this machine: bytes on disk are measured");
  app.add_flag("--progress", options.progress, "tell on standard error, also where no terminal is");
}

absl::Status Complete(LoadOptions& options) {
  LoadPlan& plan = options.plan;
  plan.mode = options.mode == "unary"   ? LoadPlan::Mode::kUnary
              : options.mode == "batch" ? LoadPlan::Mode::kBatch
                                        : LoadPlan::Mode::kStream;
  plan.witnessed = options.ack == "witnessed";
  const bool is_stream = plan.mode == LoadPlan::Mode::kStream;
  if (options.verify == "all") {
    plan.verify_every = 1;
  } else if (options.verify == "none") {
    plan.verify_every = 0;
  } else if (!absl::SimpleAtoi(options.verify, &plan.verify_every) || plan.verify_every == 0) {
    return absl::InvalidArgumentError("--verify: must be all, none or a number from 1");
  }
  if (is_stream && plan.rate > 0) {
    return absl::InvalidArgumentError("--rate: an open loop makes calls, not streams");
  }
  if (is_stream && plan.per_message > plan.window) {
    return absl::InvalidArgumentError("--per-message: is over --window");
  }
  if (is_stream && options.warmup_s + options.seconds > kMaxStreamSeconds) {
    return absl::InvalidArgumentError(
        absl::StrCat("--seconds: the server ends a stream after ten minutes, so at most ",
                     kMaxStreamSeconds, " with --warmup"));
  }
  options.connection.timeout_s = plan.timeout_s;
  plan.ledger = absl::StartsWith(options.connection.ledger, "ledgers/")
                    ? options.connection.ledger
                    : absl::StrCat("ledgers/", options.connection.ledger);
  constexpr size_t kMaxNameBytes = 127;  // so that its length is one byte of a request
  if (plan.ledger.size() > kMaxNameBytes) return absl::InvalidArgumentError("--ledger: too long");
  return absl::OkStatus();
}

// Waits until `until_ns`, or for SIGINT or SIGTERM: true when one came.
bool WaitOrInterrupt(const sigset_t& signals, int64_t until_ns) {
  while (true) {
    const int64_t left_ns = until_ns - LoadNow();
    if (left_ns <= 0) return false;
    const timespec wait = {left_ns / 1'000'000'000, left_ns % 1'000'000'000};
    if (sigtimedwait(&signals, nullptr, &wait) > 0) return true;
  }
}

// The stretch that counts, watched from outside.
class Watch {
 public:
  Watch(const LoadOptions& options, LoadStretch& stretch, const std::atomic<uint64_t>& answered)
      : options_(options), stretch_(stretch), answered_(answered) {}

  // Until the stretch is over; notes what client and server use within it.
  absl::Status Run(const sigset_t& signals, LoadReport& report) {
    ctl::Progress progress("events", options_.progress);
    if (WaitOrInterrupt(signals, stretch_.begin_ns.load())) stretch_.EndNow();
    const ProcessUse own = OwnUse();
    ASSIGN_OR_RETURN(const ProcessUse server, Server());
    const int64_t begin_ns = LoadNow();
    while (!stretch_.Over(LoadNow())) {
      const int64_t tick_ns = std::min(stretch_.end_ns.load(), LoadNow() + kTickNs);
      if (WaitOrInterrupt(signals, tick_ns)) stretch_.EndNow();
      progress.Update(answered_.load(), 0);
    }
    report.seconds = static_cast<double>(LoadNow() - begin_ns) * 1e-9;
    report.client_cpu_seconds = OwnUse().cpu_seconds - own.cpu_seconds;
    if (options_.server_pid == 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(report.server, Server());
    report.server_cpu_seconds = report.server->cpu_seconds - server.cpu_seconds;
    return absl::OkStatus();
  }

 private:
  static constexpr int64_t kTickNs = 200'000'000;

  absl::StatusOr<ProcessUse> Server() const {
    if (options_.server_pid == 0) return ProcessUse{};
    return UseOf(options_.server_pid);
  }

  const LoadOptions& options_;
  LoadStretch& stretch_;
  const std::atomic<uint64_t>& answered_;
};

absl::StatusOr<double> Disk(const LoadOptions& options) {
  if (options.data_dir.empty()) return 0;
  ASSIGN_OR_RETURN(const uint64_t bytes, FolderBytes(options.data_dir));
  return static_cast<double>(bytes);
}

// Makes the calls while Watch looks on; fills the report.
absl::Status MeasureLoad(const LoadOptions& options, LoadParts parts, const sigset_t& signals,
                         LoadReport& report) {
  ASSIGN_OR_RETURN(const double disk_before, Disk(options));
  LoadStretch stretch;
  std::atomic<uint64_t> answered{0};
  parts.stretch = &stretch;
  parts.progress = &answered;
  stretch.begin_ns = LoadNow() + static_cast<int64_t>(options.warmup_s * 1e9);
  stretch.end_ns = stretch.begin_ns + static_cast<int64_t>(options.seconds * 1e9);
  std::vector<LoadTally> tallies(options.threads);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < options.threads; ++i) {
    threads.emplace_back([&, i] {
      const bool streams = options.plan.mode == LoadPlan::Mode::kStream;
      tallies[i] =
          streams ? RunStreams(parts, i, options.threads) : RunCalls(parts, i, options.threads);
    });
  }
  const absl::Status watched = Watch(options, stretch, answered).Run(signals, report);
  if (!watched.ok()) stretch.EndNow();
  for (std::thread& thread : threads) thread.join();
  if (parts.receipts != nullptr) parts.receipts->Finish();
  for (const LoadTally& tally : tallies) report.tally.Merge(tally);
  RETURN_IF_ERROR(watched);
  if (options.data_dir.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const double disk_after, Disk(options));
  report.disk_bytes = disk_after - disk_before;
  return absl::OkStatus();
}

absl::StatusOr<LoadReport> Load(const LoadOptions& options, const sigset_t& signals,
                                absl::Status& bad_receipt) {
  std::random_device random;
  const int64_t now_s = std::chrono::duration_cast<std::chrono::seconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
  ASSIGN_OR_RETURN(const LoadEvents events,
                   LoadEvents::Make({.event_bytes = options.event_bytes,
                                     .run = uint64_t{random()} << 16 | (random() & 0xffff),
                                     .recorded_unix_s = now_s,
                                     .witnessed = options.plan.witnessed}));
  LoadParts parts;
  parts.plan = &options.plan;
  parts.events = &events;
  ASSIGN_OR_RETURN(parts.channels, ConnectLoad(options.connection, options.connections));
  std::optional<LoadReceipts> receipts;
  if (options.plan.verify_every > 0) {
    ASSIGN_OR_RETURN(const PinnedLog log, PinLoad(options.connection, options.other_keys,
                                                  options.plan.ledger, parts.channels[0]));
    receipts.emplace(log, events, options.verify_threads);
    parts.receipts = &*receipts;
  }
  LoadReport report;
  report.plan = options.plan;
  report.event_bytes = options.event_bytes;
  RETURN_IF_ERROR(MeasureLoad(options, parts, signals, report));
  if (receipts) {
    report.verified = receipts->verified();
    report.verify_cpu_seconds = receipts->cpu_seconds();
    bad_receipt = receipts->failure();
  }
  return report;
}

int Fail(int code, absl::string_view why) {
  std::cerr << "auditledger-load: " << why << "\n";
  return code;
}

int Run(LoadOptions options, const sigset_t& signals) {
  const absl::Status complete = Complete(options);
  if (!complete.ok()) return Fail(kExitUsage, complete.message());
  absl::Status bad_receipt;
  const absl::StatusOr<LoadReport> report = Load(options, signals, bad_receipt);
  if (absl::IsUnavailable(report.status()))
    return Fail(kExitUnreachable, report.status().message());
  if (!report.ok()) return Fail(ctl::ExitCodeOf(report.status()), report.status().message());
  std::cout << (options.connection.json ? LoadJson(*report).dump() + "\n" : LoadText(*report));
  std::cout.flush();
  if (!bad_receipt.ok())
    return Fail(kExitNotProven, absl::StrCat("NOT PROVEN: ", bad_receipt.message()));
  if (!report->tally.failure.ok()) return Fail(kExitRefused, report->tally.failure.ToString());
  if (report->tally.events_in_all == 0) return Fail(kExitUnreachable, "no event was answered");
  return kExitOk;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);  // before any thread starts: all inherit it
  auditledger::LoadOptions options;
  CLI::App app{auditledger::kAbout};
  app.footer(auditledger::kFooter);
  auditledger::AddOptions(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? auditledger::kExitOk : auditledger::kExitUsage;
  }
  return auditledger::Run(std::move(options), signals);
}
