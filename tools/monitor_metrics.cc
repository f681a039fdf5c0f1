#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <exception>

#include "tools/monitor_alarm.h"

namespace auditledger {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::Family;
using prometheus::Gauge;

class MonitorMetricsImpl : public MonitorMetrics {
 public:
  explicit MonitorMetricsImpl(std::unique_ptr<prometheus::Exposer> exposer)
      : exposer_(std::move(exposer)) {
    exposer_->RegisterCollectable(registry_);
  }

  int port() const override { return exposer_->GetListeningPorts().front(); }

  void Show(const std::vector<RoundReport>& reports, uint64_t now_us) override {
    for (const RoundReport& report : reports) {
      size_.Add({{"log", report.log}}).Set(static_cast<double>(report.size));
      age_.Add({{"log", report.log}}).Set(static_cast<double>(report.age_us) / 1e6);
      evidence_.Add({{"log", report.log}}).Set(static_cast<double>(report.evidence_files));
      for (const Severity severity :
           {Severity::kLate, Severity::kCannotTell, Severity::kMisbehaviour}) {
        double count = 0;
        for (const MonitorFinding& finding : report.findings) {
          count += finding.severity == severity ? 1 : 0;
        }
        findings_.Add({{"log", report.log}, {"severity", std::string(SeverityName(severity))}})
            .Set(count);
      }
    }
    rounds_.Increment();
    time_.Set(static_cast<double>(now_us) / 1e6);
  }

 private:
  Family<Gauge>& Gauges(const char* name, const char* help) {
    return BuildGauge().Name(name).Help(help).Register(*registry_);
  }

  const std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  Family<Gauge>& size_ = Gauges("auditledger_monitor_size", "Entries in the mirror");
  Family<Gauge>& age_ = Gauges("auditledger_monitor_age_seconds", "Since the newest sign of life");
  Family<Gauge>& evidence_ =
      Gauges("auditledger_monitor_evidence_files", "Files of evidence on hand");
  Family<Gauge>& findings_ = Gauges("auditledger_monitor_findings", "Findings of the last round");
  prometheus::Counter& rounds_ = BuildCounter()
                                     .Name("auditledger_monitor_rounds_total")
                                     .Help("Rounds done")
                                     .Register(*registry_)
                                     .Add({});
  Gauge& time_ =
      Gauges("auditledger_monitor_round_time_seconds", "When the last round ended").Add({});
  const std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MonitorMetrics>> MonitorMetrics::Serve(const std::string& address) {
  try {  // the exposer's constructor throws when it cannot listen
    return std::unique_ptr<MonitorMetrics>(
        std::make_unique<MonitorMetricsImpl>(std::make_unique<prometheus::Exposer>(address, 1)));
  } catch (const std::exception&) {
    return absl::UnavailableError("--metrics-address: cannot listen there");
  }
}

}  // namespace auditledger
