#include "tools/monitor_alarm.h"

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace auditledger {
namespace {

using nlohmann::json;

// One line of text, whatever is in it.
std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json ToJson(const MonitorFinding& finding) {
  return {{"severity", std::string(SeverityName(finding.severity))},
          {"kind", finding.kind},
          {"place", finding.place},
          {"what", finding.what},
          {"evidence", finding.evidence}};
}

const char* LevelOf(const std::string& severity) {
  return severity == "misbehaviour" ? "error" : "warning";
}

}  // namespace

int MonitorExitCode(const std::vector<RoundReport>& reports) {
  int code = kMonitorOk;
  for (const RoundReport& report : reports) {
    for (const MonitorFinding& finding : report.findings) {
      if (finding.severity == Severity::kMisbehaviour) return kMonitorMisbehaviour;
      if (finding.severity == Severity::kCannotTell) code = kMonitorCannotTell;
      if (finding.severity == Severity::kLate && code == kMonitorOk) code = kMonitorLate;
    }
  }
  return code;
}

json ToJson(const RoundReport& report) {
  json findings = json::array();
  for (const MonitorFinding& finding : report.findings) findings.push_back(ToJson(finding));
  return {{"log", report.log},
          {"size", report.size},
          {"root", report.root},
          {"age_seconds", report.age_us / 1'000'000},
          {"new_entries", report.new_entries},
          {"evidence_files", report.evidence_files},
          {"findings", findings}};
}

MonitorAlarm::MonitorAlarm(Options options) : options_(std::move(options)), http_(options_.http) {}

void MonitorAlarm::Log(const std::string& level, const std::string& event, json fields) {
  fields["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  fields["level"] = level;
  fields["event"] = event;
  std::cerr << Dump(fields) << std::endl;
}

void MonitorAlarm::Tell(const std::vector<RoundReport>& reports) {
  std::set<std::string> now;
  for (const RoundReport& report : reports) {
    for (const MonitorFinding& finding : report.findings) {
      json line = ToJson(finding);
      // An age that grows is no news.
      if (finding.severity == Severity::kLate) line["what"] = finding.kind;
      line["log"] = report.log;
      now.insert(Dump(line));
    }
  }
  for (const std::string& line : now) {
    if (known_.contains(line)) continue;
    const json fields = json::parse(line);
    Log(LevelOf(fields["severity"]), "finding", fields);
  }
  for (const std::string& line : known_) {
    if (!now.contains(line)) Log("info", "finding_gone", json::parse(line));
  }
  const bool changed = now != known_;
  known_ = std::move(now);
  if (!options_.webhook.empty() && (changed || undelivered_)) Post(reports);
}

void MonitorAlarm::Post(const std::vector<RoundReport>& reports) {
  json all = json::array();
  for (const RoundReport& report : reports) all.push_back(auditledger::ToJson(report));
  const std::string body = Dump({{"monitor", options_.version}, {"reports", all}});
  absl::Status posted;
  for (uint64_t attempt = 0; attempt < options_.attempts; ++attempt) {
    posted = http_.PostJson(options_.webhook, body);
    if (posted.ok()) break;
  }
  undelivered_ = !posted.ok();
  if (undelivered_) Log("error", "webhook_failed", {{"why", std::string(posted.message())}});
}

}  // namespace auditledger
