// auditledger-monitor: follows logs, keeps mirrors, writes evidence. See tools/README.md.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <iostream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/notification.h"
#include "ledger/clock.h"
#include "ledger/posix_file.h"
#include "merkle/evidence.h"
#include "merkle/key_change_list.h"
#include "merkle/status_macros.h"
#include "tools/monitor_alarm.h"
#include "tools/monitor_compare.h"
#include "tools/monitor_config.h"
#include "verifier/pins.h"

namespace auditledger {
namespace {

using nlohmann::json;

constexpr char kAbout[] =
    "Follows audit ledgers by their public tiles, trusting nobody: checks every head against all\n"
    "before it, hashes every leaf into a mirror of its own, compares what different places show, "
    "and\n"
    "writes evidence that anyone can check (merkle/evidence.h).";

constexpr char kFooter[] = R"(
Log lines (JSON) go to standard error, reports of --once to standard output.

Exit codes: 0 all well, 1 misbehaviour (evidence, where it can be proven, in STATE/NAME/evidence),
2 cannot tell (a place does not answer or is damaged), 4 our own folder is in use or damaged,
5 late (too old, or ahead of the clock), 64 wrong usage. A monitor that was told to end (SIGTERM)
exits with what its last round found.

Examples:
  auditledger-monitor --state /var/lib/monitor --key clinic.vkey \
    --place https://tiles.example.org/clinic --place /srv/other-copy --once
  auditledger-monitor --state /var/lib/monitor --config logs.conf --interval 30 \
    --webhook https://alarm.example.org/hook --metrics-address 127.0.0.1:9464
  auditledger-monitor evidence history-0123456789abcdef.evidence --key clinic.vkey
  auditledger-monitor compare /srv/public/clinic /var/lib/monitor/clinic/mirror --key clinic.vkey)";

struct Flags {
  std::string state;
  std::string config;
  std::string name = "log";
  std::string key;
  std::string key_changes;
  std::vector<std::string> places;
  std::vector<std::string> witnesses;
  std::vector<std::string> shown;
  std::string webhook;
  std::string metrics_address;
  uint64_t interval = 30;
  uint64_t max_age = MonitorLimits().max_age_us / 1'000'000;
  bool once = false;
  bool json = false;
  std::string first;  // of a subcommand
  std::string second;
  MonitorLimits limits;
};

int Fail(int code, const absl::Status& status) {
  std::cerr << "auditledger-monitor: " << status.message() << std::endl;
  return code;
}

absl::StatusOr<std::vector<MonitoredLog>> Logs(const Flags& flags) {
  std::string text;
  if (!flags.config.empty()) {
    if (!flags.key.empty() || !flags.places.empty()) {
      return absl::InvalidArgumentError("--config names keys and places itself");
    }
    ASSIGN_OR_RETURN(text, ReadWholeFile(flags.config, kMaxMonitorConfigBytes));
  } else {
    if (flags.key.empty() || flags.places.empty()) {
      return absl::InvalidArgumentError("give --config, or --key and --place");
    }
    ASSIGN_OR_RETURN(const NoteVerifier key, LoadKey(flags.key));
    text = absl::StrCat("log ", flags.name, " ", key.ToVkey());
    for (const std::string& place : flags.places) absl::StrAppend(&text, " ", place);
  }
  for (const std::string& witness : flags.witnesses) {
    ASSIGN_OR_RETURN(const NoteVerifier key, LoadKey(witness));
    absl::StrAppend(&text, "\nwitness ", key.ToVkey());
  }
  return ParseMonitorConfig(text);
}

// Each text for the log that it names; read anew in each round, others write these files.
// What cannot be read is a finding: it must not keep the monitor from the logs.
std::vector<ShownText> ShownTo(const Flags& flags, const MonitoredLog& log, bool alone,
                               std::vector<MonitorFinding>& findings) {
  std::vector<ShownText> out;
  for (const std::string& path : flags.shown) {
    absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxNoteBytes * 2);
    if (!text.ok()) {
      findings.push_back(
          {Severity::kCannotTell, "unreadable", path, std::string(text.status().message()), ""});
      continue;
    }
    const std::string origin_line = absl::StrCat(log.key.name(), "\n");
    if (alone || absl::StrContains(*text, origin_line)) out.push_back({path, *std::move(text)});
  }
  return out;
}

class Program {
 public:
  explicit Program(Flags flags)
      : flags_(std::move(flags)),
        alarm_({.version = AUDITLEDGER_VERSION,
                .webhook = flags_.webhook,
                .http = flags_.limits.http}) {
    flags_.limits.stop = &stop;
    flags_.limits.max_age_us = flags_.max_age * 1'000'000;
  }

  int Run() {
    WatchSignals();
    const absl::StatusOr<std::vector<MonitoredLog>> logs = Logs(flags_);
    if (!logs.ok()) return Fail(kMonitorUsage, logs.status());
    const absl::Status made = MakeDirectory(flags_.state, 0755);
    if (!made.ok()) return Fail(kMonitorOwnFault, made);
    for (const MonitoredLog& log : *logs) {
      auto monitor =
          LogMonitor::Open(log, absl::StrCat(flags_.state, "/", log.name), flags_.limits);
      if (!monitor.ok()) return Fail(kMonitorOwnFault, monitor.status());
      monitors_.push_back(*std::move(monitor));
    }
    if (!flags_.metrics_address.empty()) {
      auto metrics = MonitorMetrics::Serve(flags_.metrics_address);
      if (!metrics.ok()) return Fail(kMonitorUsage, metrics.status());
      metrics_ = *std::move(metrics);
      MonitorAlarm::Log("info", "metrics", {{"port", metrics_->port()}});
    }
    int code = kMonitorOk;
    do {
      const absl::StatusOr<int> round = Round();
      if (absl::IsCancelled(round.status())) break;
      if (!round.ok()) return Fail(kMonitorOwnFault, round.status());
      code = *round;
    } while (!flags_.once && !stopped.WaitFor(std::chrono::seconds(flags_.interval)));
    return code;
  }

 private:
  // SIGTERM and SIGINT are blocked in all threads; this one hears them. A second one ends at once.
  static void WatchSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);  // before any thread starts: all inherit it
    std::thread([signals] {
      int number = 0;
      sigwait(&signals, &number);
      stop = true;
      stopped.Notify();
      sigwait(&signals, &number);
      _exit(128 + number);
    }).detach();
  }

  absl::StatusOr<int> Round() {
    std::vector<RoundReport> reports;
    for (const auto& monitor : monitors_) {
      std::vector<MonitorFinding> unreadable;
      const std::vector<ShownText> shown =
          ShownTo(flags_, monitor->log(), monitors_.size() == 1, unreadable);
      ASSIGN_OR_RETURN(RoundReport report, monitor->Round(Clock::System().WallMicros(), shown));
      report.findings.insert(report.findings.end(), unreadable.begin(), unreadable.end());
      reports.push_back(std::move(report));
    }
    alarm_.Tell(reports);
    if (metrics_ != nullptr) metrics_->Show(reports, Clock::System().WallMicros());
    if (flags_.once) Print(reports);
    return MonitorExitCode(reports);
  }

  void Print(const std::vector<RoundReport>& reports) const {
    for (const RoundReport& report : reports) {
      if (flags_.json) {
        std::cout << ToJson(report).dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
        continue;
      }
      std::cout << report.log << "\t" << report.size << "\t" << report.root << "\t"
                << (report.findings.empty() ? "ok" : "findings") << "\n";
      for (const MonitorFinding& finding : report.findings) {
        std::cout << report.log << "\t" << SeverityName(finding.severity) << "\t" << finding.kind
                  << "\t" << finding.place << "\t" << finding.what << "\t" << finding.evidence
                  << "\n";
      }
    }
  }

  Flags flags_;
  MonitorAlarm alarm_;
  std::vector<std::unique_ptr<LogMonitor>> monitors_;
  std::unique_ptr<MonitorMetrics> metrics_;
  // Not the object's: the thread that hears signals may outlive it.
  inline static std::atomic<bool> stop{false};
  inline static Notification stopped;
};

// 1: the file shows misbehaviour of the pinned log; 2: it shows nothing.
int JudgeEvidence(const Flags& flags) {
  const auto log_key = LoadKey(flags.key);
  if (!log_key.ok()) return Fail(kMonitorUsage, log_key.status());
  EvidencePins pins{log_key->name(), *log_key, {}};
  if (!flags.key_changes.empty()) {
    const auto bytes = ReadWholeFile(flags.key_changes, kMaxKeyChangeListBytes);
    const auto list = bytes.ok() ? ParseKeyChangeList(*bytes) : bytes.status();
    auto chain = list.ok() ? KeyChain::BuildFromLeaves(*log_key, list->changes) : list.status();
    if (!chain.ok()) return Fail(kMonitorUsage, chain.status());
    pins.chain = *std::move(chain);
  }
  for (const std::string& witness : flags.witnesses) {
    const auto parsed = LoadKey(witness);
    if (!parsed.ok()) return Fail(kMonitorUsage, parsed.status());
    pins.witnesses.push_back(*parsed);
  }
  const auto text = ReadWholeFile(flags.first, kMaxEvidenceBytes);
  if (!text.ok()) return Fail(kMonitorCannotTell, text.status());
  const auto evidence = ParseEvidence(*text);
  if (!evidence.ok()) return Fail(kMonitorCannotTell, evidence.status());
  const auto shown = CheckEvidence(*evidence, pins);
  if (!shown.ok()) return Fail(kMonitorCannotTell, shown.status());
  std::cout << *shown << "\n";
  return kMonitorMisbehaviour;
}

json ToJson(const CopyState& state) {
  return {{"size", state.size}, {"vouched", state.vouched}, {"unreadable", state.unreadable}};
}

int Compare(const Flags& flags) {
  const auto log_key = LoadKey(flags.key);
  if (!log_key.ok()) return Fail(kMonitorUsage, log_key.status());
  const auto first = OpenSource(flags.first, flags.limits.http);
  const auto second = OpenSource(flags.second, flags.limits.http);
  if (!first.ok()) return Fail(kMonitorUsage, first.status());
  if (!second.ok()) return Fail(kMonitorUsage, second.status());
  const auto result = CompareCopies(**first, **second, *log_key);
  if (!result.ok()) return Fail(kMonitorCannotTell, result.status());
  json ranges = json::array();
  for (const auto& [from, to] : result->ranges) ranges.push_back({from, to});
  std::cout << json({{"first", ToJson(result->first)},
                     {"second", ToJson(result->second)},
                     {"compared", result->compared},
                     {"different", result->different},
                     {"ranges", ranges}})
                   .dump()
            << "\n";
  const bool whole = result->different == 0 && result->first.vouched && result->second.vouched;
  return whole ? kMonitorOk : kMonitorMisbehaviour;
}

void AddOptions(CLI::App& app, Flags& flags) {
  app.add_option("--state", flags.state, "folder of mirrors and evidence, one subfolder a log");
  app.add_option("--config", flags.config, "lines \"log NAME VKEY PLACE...\" and \"witness VKEY\"");
  app.add_option("--name", flags.name, "of the one log without --config")->capture_default_str();
  app.add_option("--key", flags.key, "its vkey or a file of it: pins key and origin");
  app.add_option("--place", flags.places, "http(s) URL or folder of its tiles; may repeat");
  app.add_option("--witness", flags.witnesses, "a witness's vkey or a file of it; may repeat");
  app.add_option("--shown", flags.shown,
                 "file of a head or receipt that somebody was shown; may repeat, read each round");
  app.add_flag("--once", flags.once, "one round, a report on standard output, and end");
  app.add_option("--interval", flags.interval, "seconds between rounds")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.add_option("--max-age", flags.max_age,
                 "seconds without a new entry or cosignature that are \"stale\"; 0: any")
      ->capture_default_str();
  app.add_option("--webhook", flags.webhook, "URL that gets a POST of JSON when findings change");
  app.add_option("--metrics-address", flags.metrics_address, "host:port of Prometheus metrics");
  app.add_option("--ca", flags.limits.http.ca_file, "certificates to trust for https");
  app.add_flag("--json", flags.json, "reports of --once as JSON, one a line");
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app(kAbout, "auditledger-monitor");
  app.footer(kFooter);
  app.set_version_flag("--version", AUDITLEDGER_VERSION);
  AddOptions(app, flags);
  app.fallthrough();
  CLI::App* evidence = app.add_subcommand(
      "evidence", "check an evidence file: 1 it proves misbehaviour, 2 it does not");
  evidence->add_option("file", flags.first, "the evidence file")->required();
  evidence->add_option("--key-changes", flags.key_changes,
                       "file of the changes of the log's key, as a mirror has: a head then counts "
                       "only by the key of its size");
  CLI::App* compare = app.add_subcommand(
      "compare", "two copies of one log, entry by entry: which differ, which is vouched for");
  compare->add_option("first", flags.first, "URL or folder")->required();
  compare->add_option("second", flags.second, "URL or folder")->required();
  app.require_subcommand(0, 1);
  try {  // CLI11 reports through exceptions
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kMonitorOk : kMonitorUsage;
  }
  if (*evidence) return JudgeEvidence(flags);
  if (*compare) return Compare(flags);
  if (flags.state.empty()) return Fail(kMonitorUsage, absl::InvalidArgumentError("give --state"));
  return Program(std::move(flags)).Run();
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  return auditledger::Main(argc, argv);
}
