#include "api/witness_metrics.h"

#include <string>
#include <utility>

namespace auditledger {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Reports = std::vector<std::pair<std::string, CosignerReport>>;  // by ledger id

void AddMetric(MetricFamily& family, std::vector<ClientMetric::Label> labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
}

void AddLedgers(const Reports& reports, std::vector<MetricFamily>& out) {
  const auto family = [&](const char* name, const char* help, auto value) {
    MetricFamily added{name, help, MetricType::Gauge, {}};
    for (const auto& [id, report] : reports) {
      AddMetric(added, {{"ledger", id}}, static_cast<double>(value(report)));
    }
    out.push_back(std::move(added));
  };
  using R = const CosignerReport&;
  family("auditledger_witnessed_size", "Entries under the newest head a quorum cosigned",
         [](R r) { return r.witnessed_size; });
  family("auditledger_witnessed_lag_entries", "Entries beyond it",
         [](R r) { return r.lag_entries; });
  family("auditledger_witnessed_lag_seconds", "Age of the oldest of them",
         [](R r) { return static_cast<double>(r.lag_us) / 1e6; });
  family("auditledger_witnessed_quorum_away", "1 while health says so",
         [](R r) { return r.alarm ? 1 : 0; });
  family("auditledger_witnessed_f", "Dishonest witnesses that the policy survives",
         [](R r) { return r.f; });
}

void AddWitnesses(const Reports& reports, std::vector<MetricFamily>& out) {
  const auto family = [&](const char* name, const char* help, auto value) {
    MetricFamily added{name, help, MetricType::Gauge, {}};
    for (const auto& [id, report] : reports) {
      for (const WitnessReport& witness : report.witnesses) {
        AddMetric(added, {{"ledger", id}, {"witness", witness.name}},
                  static_cast<double>(value(witness)));
      }
    }
    out.push_back(std::move(added));
  };
  using W = const WitnessReport&;
  family("auditledger_witness_last_success_seconds", "Unix time of its last cosignature, 0: never",
         [](W w) { return static_cast<double>(w.last_success_us) / 1e6; });
  family("auditledger_witness_size", "What it has cosigned", [](W w) { return w.size; });
  family("auditledger_witness_latency_seconds", "Of its last cosignature",
         [](W w) { return static_cast<double>(w.latency_us) / 1e6; });
  MetricFamily failures{"auditledger_witness_failures_total",
                        "Requests without a cosignature",
                        MetricType::Counter,
                        {}};
  for (const auto& [id, report] : reports) {
    for (const WitnessReport& witness : report.witnesses) {
      for (const auto& [outcome, count] : witness.failed) {
        AddMetric(failures, {{"ledger", id}, {"witness", witness.name}, {"outcome", outcome}},
                  static_cast<double>(count));
      }
    }
  }
  out.push_back(std::move(failures));
}

}  // namespace

void AddWitnessMetrics(Witnessing& witnessing, const std::vector<LedgerSet::Slot>& slots,
                       std::vector<MetricFamily>& out) {
  Reports reports;
  for (const LedgerSet::Slot& slot : slots) {
    Cosigner* const cosigner = witnessing.Find(slot.id);
    if (cosigner != nullptr) reports.emplace_back(slot.id, cosigner->Report());
  }
  if (reports.empty()) return;
  AddLedgers(reports, out);
  AddWitnesses(reports, out);
}

}  // namespace auditledger
