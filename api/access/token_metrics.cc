#include "api/access/token_metrics.h"

#include <utility>

namespace auditledger {

void AddTokenMetrics(const TokenAccess& tokens, std::vector<prometheus::MetricFamily>& out) {
  const std::vector<JwksSource::Report> reports = tokens.Report();
  const auto family = [&](const char* name, const char* help, auto value) {
    prometheus::MetricFamily added{name, help, prometheus::MetricType::Gauge, {}};
    for (const JwksSource::Report& report : reports) {
      prometheus::ClientMetric metric;
      metric.label = {{"issuer", report.issuer}};
      metric.gauge.value = static_cast<double>(value(report));
      added.metric.push_back(std::move(metric));
    }
    out.push_back(std::move(added));
  };
  using R = const JwksSource::Report&;
  family("auditledger_token_keys", "Keys of the issuer that tokens are checked with",
         [](R r) { return r.keys; });
  family("auditledger_token_keys_age_seconds",
         "Since they were read or confirmed; -1: none was yet", [](R r) { return r.age_s; });
  family("auditledger_token_keys_failing", "1 while reading them fails: the log says why",
         [](R r) { return r.failing ? 1 : 0; });
}

}  // namespace auditledger
