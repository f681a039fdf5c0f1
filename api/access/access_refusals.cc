#include "api/access/access_refusals.h"

#include <algorithm>
#include <utility>

#include "api/names.h"

namespace auditledger {

void AccessRefusals::Start() {
  thread_ = std::thread([this] {
    while (!stopping_.WaitFor(kRefusalTick)) {
      log_.Retry();
      RunOnce();
    }
  });
}

void AccessRefusals::Stop() {
  if (thread_.joinable()) {
    stopping_.Notify();
    thread_.join();
  }
  Flush();
}

void AccessRefusals::Count(absl::string_view principal, absl::string_view method,
                           absl::string_view ledger) {
  Kind kind;
  kind.principal = std::string(principal);
  // Nobody known: one count for all there is.
  if (!principal.empty()) {
    kind.method = std::string(method);
    const absl::StatusOr<std::string> id = ParseLedgerName("ledger", ledger);
    if (id.ok() && ledgers_.Find(*id).ok()) kind.ledger_id = *id;
  }
  const Counted one{1, clock_.WallMicros()};
  bool at_once = false;
  {
    MutexLock lock(mutex_);
    const uint64_t now_us = clock_.MonotonicMicros();
    if (window_began_us_ == 0) window_began_us_ = now_us;
    // Its zero stays in the window, so that the next one is counted.
    at_once = !principal.empty() && HasRoom(kind) && counted_.try_emplace(kind).second;
    if (!at_once) Add(kind, one);
  }
  if (at_once) Put(kind, one);
}

void AccessRefusals::Add(const Kind& kind, const Counted& counted) {
  // Those beyond: known callers whose name and method are left out. Nobody's name is empty, so the
  // two are told apart by the method.
  Kind others{"", kind.principal.empty() ? kind.method : "several", kind.ledger_id};
  const bool room = HasRoom(kind) || counted_.count(kind) > 0;
  Counted& sum = counted_[room ? kind : others];
  if (sum.count == 0) sum.first_us = counted.first_us;
  sum.first_us = std::min(sum.first_us, counted.first_us);
  sum.count += counted.count;
}

// Nobody's refusals crowd out another's, and no ledger's those of another.
bool AccessRefusals::HasRoom(const Kind& kind) const {
  size_t of_ledger = 0;
  size_t of_caller = 0;
  for (const auto& [other, counted] : counted_) {
    // What sums up callers that are not told apart has its place in any case.
    if (other.ledger_id != kind.ledger_id || other.principal.empty()) continue;
    ++of_ledger;
    if (other.principal == kind.principal) ++of_caller;
  }
  return of_ledger < kMaxRefusalKinds && of_caller < kMaxRefusalKindsPerPrincipal;
}

void AccessRefusals::RunOnce() {
  {
    MutexLock lock(mutex_);
    if (window_began_us_ == 0 ||
        clock_.MonotonicMicros() - window_began_us_ < kRefusalWindowMicros) {
      return;
    }
  }
  Flush();
}

void AccessRefusals::Flush() {
  std::map<Kind, Counted> counted;
  {
    MutexLock lock(mutex_);
    counted.swap(counted_);
    window_began_us_ = 0;
  }
  for (const auto& [kind, sum] : counted) {
    if (sum.count > 0) Put(kind, sum);
  }
}

void AccessRefusals::Put(const Kind& kind, const Counted& counted) {
  RefusalEventInput refusal;
  refusal.principal = kind.principal;
  refusal.method = kind.method;
  refusal.authenticated = !(kind.principal.empty() && kind.method.empty());
  refusal.count = counted.count;
  refusal.first_us = counted.first_us;
  for (const LedgerSet::Slot& slot : ledgers_.List()) {
    if (slot.ledger == nullptr || (!kind.ledger_id.empty() && slot.id != kind.ledger_id)) continue;
    // What cannot be recorded now is counted on, for that ledger alone.
    Kind again = kind;
    again.ledger_id = slot.id;
    log_.RecordRefusal(*slot.ledger, refusal, [this, again, counted](const absl::Status& status) {
      if (!absl::IsUnavailable(status)) return;
      MutexLock lock(mutex_);
      if (window_began_us_ == 0) window_began_us_ = clock_.MonotonicMicros();
      Add(again, counted);
    });
  }
}

}  // namespace auditledger
