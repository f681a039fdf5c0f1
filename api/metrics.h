// Prometheus metrics. Labels are methods, codes, reasons and ledger ids: nothing personal, and
// nothing a caller makes up.
//
//   auditledger_rpcs_total{method,code}            finished calls
//   auditledger_refusals_total{reason}             failed calls and refused events of streams
//   auditledger_rate_limited_total{limit}          refused by a rate: principal_calls and so on
//   auditledger_append_seconds                     arrival to acknowledgement, of successes
//   auditledger_ledger_*{ledger}                   LedgerCounters, head size and age, serving
//   process_resident_memory_bytes
//   auditledger_connections{listener}              open, as of the guard's last look
//   auditledger_connections_total{listener,outcome} accepted, refused_full, refused_address,
//   refused_cut_off, gone, failed; and of those accepted, cut_off
//   auditledger_witnessed_*{ledger}                size, lag in entries and seconds, quorum away, f
//   auditledger_witness_*{ledger,witness}          last success, size, latency, failures by outcome
//   auditledger_publish_*{ledger}                  size, lag in entries, failing (0 or 1), where
//   tiles are published
//   auditledger_anchor_*{ledger,tsa}               size stamped, age of the newest timestamp in
//   seconds, failures, failing (0 or 1), where timestamps are configured
//   auditledger_access_*                           policies loaded and refused, failing (0 or 1),
//   grants in force, seconds until the next one ends
//   auditledger_token_keys{issuer}                 an issuer's keys, where tokens are configured;
//   _age_seconds since they were confirmed, _failing (0 or 1)
//
// Thread-safety: all methods.
#ifndef AUDITLEDGER_API_METRICS_H_
#define AUDITLEDGER_API_METRICS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/accept_guard.h"
#include "api/anchorer.h"
#include "api/tile_publisher.h"
#include "ledger/clock.h"
#include "ledger/ledger_set.h"

namespace auditledger {

class PolicyKeeper;
class TokenAccess;
class Witnessing;

class Metrics {
 public:
  // `ledgers` and `clock` must outlive it.
  Metrics(LedgerSet& ledgers, Clock& clock);
  ~Metrics();

  void CountRpc(absl::string_view method, absl::StatusCode code);
  void CountRefusal(absl::string_view reason);
  void CountRateLimited(absl::string_view limit);
  void ObserveAppend(uint64_t micros);

  // Shows what `witnessing`, which must outlive it, knows of the witnesses.
  void ReportWitnessing(Witnessing& witnessing);
  // Shows what `publisher`, which must outlive it, has published.
  void ReportPublishing(const TilePublisher& publisher);

  // Shows what `anchorer`, which must outlive it, has had stamped.
  void ReportAnchors(const Anchorer& anchorer);
  // Shows the keys of the issuers that `tokens`, which must outlive it, knows.
  void ReportTokens(const TokenAccess& tokens);

  // Shows which access policy `policy`, which must outlive it, has in force.
  void ReportAccess(const PolicyKeeper& policy);

  // Shows what `guard` has accepted and refused.
  void ReportConnections(const std::string& listener, std::shared_ptr<const AcceptGuard> guard);

  // Serves GET /metrics at host:port; returns the port bound. Unavailable when it cannot listen.
  absl::StatusOr<int> Serve(const std::string& address);
  // The exposition text, as GET /metrics gives it.
  std::string Text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_METRICS_H_
