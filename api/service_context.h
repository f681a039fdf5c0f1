// What every handler needs, made once by the server (server.h), which outlives all calls.
//
// Thread-safety: the members are.
#ifndef AUDITLEDGER_API_SERVICE_CONTEXT_H_
#define AUDITLEDGER_API_SERVICE_CONTEXT_H_

#include <cstdint>
#include <string>

#include "api/access/authorizer.h"
#include "api/call_tracker.h"
#include "api/in_flight_bytes.h"
#include "api/limits.h"
#include "api/metrics.h"
#include "api/page_token.h"
#include "api/rate_limiter.h"
#include "api/read_pool.h"
#include "api/rpc_log.h"
#include "ledger/clock.h"
#include "ledger/ledger_set.h"

namespace auditledger {

class AccessLog;
class AccessRefusals;
class PolicyKeeper;
class TokenAccess;
class Witnessing;

struct ServiceContext {
  LedgerSet& ledgers;
  Clock& clock;
  const Authorizer& authorizer;
  const ApiLimits& limits;
  const PageTokens& tokens;
  Metrics& metrics;
  RpcLog& log;
  AccessLog& access_log;
  AccessRefusals& refusals;
  CallTracker& tracker;
  ReadPool& read_pool;
  ReadPool& seal_pool;
  InFlightBytes& appends;
  // Where ledger `id` keeps what: its timestamps lie in <data_root>/<id>/timestamps.
  std::string data_root;
  std::string version;
  uint64_t started_us = 0;              // monotonic
  PolicyKeeper* policy = nullptr;       // set before anything is served
  Witnessing* witnessing = nullptr;     // none: no ledger has a witness policy
  TokenAccess* token_access = nullptr;  // none: no token issuer is configured
  RateLimiter* rates = nullptr;         // none: nothing is limited by its rate
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_SERVICE_CONTEXT_H_
