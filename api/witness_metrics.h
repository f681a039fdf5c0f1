// How the ledgers' heads are cosigned, as Prometheus families (metrics.h has their names).
//
// Thread-safety: a function.
#ifndef AUDITLEDGER_API_WITNESS_METRICS_H_
#define AUDITLEDGER_API_WITNESS_METRICS_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "api/witnessing.h"
#include "ledger/ledger_set.h"

namespace auditledger {

void AddWitnessMetrics(Witnessing& witnessing, const std::vector<LedgerSet::Slot>& slots,
                       std::vector<prometheus::MetricFamily>& out);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_WITNESS_METRICS_H_
