#include "api/rate_limiter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "api/status.h"
#include "ledger/errors.h"

namespace auditledger {
namespace {

absl::Status Refuse(const std::string& limit, uint64_t wait_us) {
  return WithReason(absl::ResourceExhaustedError(
                        absl::StrCat("over the rate of ", absl::StrReplaceAll(limit, {{"_", " "}}),
                                     "; come again after the hint")),
                    kReasonRateLimited,
                    {{"retry_after_ms", absl::StrCat((wait_us + 999) / 1000)}, {"limit", limit}});
}

}  // namespace

RateLimiter::Limit::Limit(std::string limit, const config::v1::Rate& rate)
    : name(std::move(limit)),
      on(rate.per_second() > 0),
      buckets({rate.per_second(), rate.burst() > 0 ? rate.burst() : rate.per_second()}) {}

RateLimiter::RateLimiter(const config::v1::Rates& rates, Clock& clock, OnRefusal on_refusal)
    : clock_(clock),
      on_refusal_(std::move(on_refusal)),
      principal_calls_("principal_calls", rates.principal_calls()),
      principal_events_("principal_events", rates.principal_events()),
      ledger_calls_("ledger_calls", rates.ledger_calls()),
      ledger_events_("ledger_events", rates.ledger_events()),
      address_calls_("address_calls", rates.address_calls()),
      address_events_("address_events", rates.address_events()) {}

absl::Status RateLimiter::Take(const std::vector<Wish>& wishes, uint64_t tokens) {
  const auto applies = [](const Wish& wish) { return wish.limit->on && !wish.key.empty(); };
  if (std::none_of(wishes.begin(), wishes.end(), applies)) return absl::OkStatus();
  const uint64_t now_us = clock_.MonotonicMicros();
  uint64_t longest_us = 0;
  const Limit* refusing = nullptr;
  {
    MutexLock lock(mutex_);
    for (const Wish& wish : wishes) {
      if (!applies(wish)) continue;
      const uint64_t wait_us = wish.limit->buckets.WaitFor(wish.key, tokens, now_us);
      if (wait_us <= longest_us) continue;
      longest_us = wait_us;
      refusing = wish.limit;
    }
    for (const Wish& wish : wishes) {
      if (refusing == nullptr && applies(wish)) wish.limit->buckets.Take(wish.key, tokens, now_us);
    }
  }
  if (refusing == nullptr) return absl::OkStatus();
  on_refusal_(refusing->name);
  return Refuse(refusing->name, longest_us);
}

absl::Status RateLimiter::TakeCall(absl::string_view principal, absl::string_view address) {
  return Take({{&principal_calls_, principal}, {&address_calls_, address}}, 1);
}

absl::Status RateLimiter::TakeLedgerCall(absl::string_view ledger) {
  return Take({{&ledger_calls_, ledger}}, 1);
}

absl::Status RateLimiter::TakeEvents(absl::string_view principal, absl::string_view ledger,
                                     absl::string_view address, uint64_t events) {
  return Take(
      {{&principal_events_, principal}, {&ledger_events_, ledger}, {&address_events_, address}},
      events);
}

}  // namespace auditledger
