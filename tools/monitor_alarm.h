// How a monitor speaks: reports as JSON, one line of log for each finding that is new or gone, a
// webhook, metrics, and the exit code.
//
// JSON of a report: {"log", "size", "root", "age_seconds", "new_entries", "evidence_files",
// "findings": [{"severity", "kind", "place", "what", "evidence"}]}.
// Webhook: POST of {"monitor": VERSION, "reports": [...]} of all logs whenever the set of findings
// changed, all clear included. What is not delivered is sent anew each round, as it then is, so
// nothing queues up.
//
// Thread-safety: an object belongs to one thread; metrics are read by others.
#ifndef AUDITLEDGER_TOOLS_MONITOR_ALARM_H_
#define AUDITLEDGER_TOOLS_MONITOR_ALARM_H_

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/monitor_http.h"
#include "tools/monitor_log.h"

namespace auditledger {

// Documented in tools/README.md, never renumbered.
inline constexpr int kMonitorOk = 0;
inline constexpr int kMonitorMisbehaviour = 1;
inline constexpr int kMonitorCannotTell = 2;
inline constexpr int kMonitorOwnFault = 4;  // its own folder or mirror
inline constexpr int kMonitorLate = 5;
inline constexpr int kMonitorUsage = 64;

// Of the worst finding.
int MonitorExitCode(const std::vector<RoundReport>& reports);
nlohmann::json ToJson(const RoundReport& report);

class MonitorAlarm {
 public:
  struct Options {
    std::string version;
    std::string webhook{};  // URL; empty: none
    HttpLimits http{};
    uint64_t attempts = 3;  // of one round: what is away longer is tried in the next
  };
  explicit MonitorAlarm(Options options);

  // Lines for findings that came or went since the last call, and the webhook if there are any or
  // one is still undelivered.
  void Tell(const std::vector<RoundReport>& reports);
  // One line: {"time", "level", "event", ...}.
  static void Log(const std::string& level, const std::string& event, nlohmann::json fields);

 private:
  void Post(const std::vector<RoundReport>& reports);

  const Options options_;
  HttpClient http_;
  std::set<std::string> known_;  // findings, as they were logged
  bool undelivered_ = false;
};

// GET /metrics:
//   auditledger_monitor_size{log}             entries in the mirror
//   auditledger_monitor_age_seconds{log}      since the newest sign of life
//   auditledger_monitor_evidence_files{log}
//   auditledger_monitor_findings{log,severity}
//   auditledger_monitor_rounds_total, auditledger_monitor_round_time_seconds (Unix time of the
//   last)
class MonitorMetrics {
 public:
  // Unavailable when it cannot listen at host:port.
  static absl::StatusOr<std::unique_ptr<MonitorMetrics>> Serve(const std::string& address);
  virtual ~MonitorMetrics() = default;
  virtual int port() const = 0;
  virtual void Show(const std::vector<RoundReport>& reports, uint64_t now_us) = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_MONITOR_ALARM_H_
