// What metrics show of token issuers (metrics.h): their keys, and never a token.
//
// Thread-safety: a pure function.
#ifndef AUDITLEDGER_API_ACCESS_TOKEN_METRICS_H_
#define AUDITLEDGER_API_ACCESS_TOKEN_METRICS_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "api/access/token_access.h"

namespace auditledger {

void AddTokenMetrics(const TokenAccess& tokens, std::vector<prometheus::MetricFamily>& out);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_TOKEN_METRICS_H_
