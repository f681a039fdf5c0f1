// How many calls and events a second each principal, each ledger and each address may send.
//
// Off by default: what a machine takes differs tenfold, and what it cannot take is refused anyway
// (in_flight_bytes.h, the ledgers' queues). Rates are for fairness, so that one emitter that runs
// wild is refused before it takes from the others; only an operator knows what each may need.
//
// Example:
//   RETURN_IF_ERROR(limiter.TakeCall(principal.name, principal.address));
//   RETURN_IF_ERROR(limiter.TakeEvents(principal.name, ledger.origin(), principal.address, 100));
//
// All or nothing: what one limit refuses is taken from none.
// Thread-safety: all methods. Errors: ResourceExhausted (RATE_LIMITED) with the time after which
// the same would be let in, if nobody of the same name came before; `limit` in the metadata names
// it.
#ifndef AUDITLEDGER_API_RATE_LIMITER_H_
#define AUDITLEDGER_API_RATE_LIMITER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/token_buckets.h"
#include "auditledger/config/v1/config.pb.h"
#include "ledger/clock.h"
#include "ledger/mutex.h"

namespace auditledger {

class RateLimiter {
 public:
  using OnRefusal = std::function<void(const std::string& limit)>;
  // `clock` must outlive it. `on_refusal` gets "principal_calls" and the like.
  RateLimiter(const config::v1::Rates& rates, Clock& clock, OnRefusal on_refusal);

  // Empty: no such key (a local listener has no address, some calls no ledger).
  absl::Status TakeCall(absl::string_view principal, absl::string_view address);
  absl::Status TakeLedgerCall(absl::string_view ledger);
  absl::Status TakeEvents(absl::string_view principal, absl::string_view ledger,
                          absl::string_view address, uint64_t events);

 private:
  struct Limit {
    Limit(std::string limit, const config::v1::Rate& rate);
    const std::string name;
    const bool on;
    TokenBuckets buckets;
  };
  struct Wish {
    Limit* limit;
    absl::string_view key;
  };
  absl::Status Take(const std::vector<Wish>& wishes, uint64_t tokens);

  Clock& clock_;
  const OnRefusal on_refusal_;
  Mutex mutex_;  // guards the buckets
  Limit principal_calls_;
  Limit principal_events_;
  Limit ledger_calls_;
  Limit ledger_events_;
  Limit address_calls_;
  Limit address_events_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_RATE_LIMITER_H_
