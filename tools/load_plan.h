// What a run of the load generator is to do, and the stretch of it that counts.
//
// Closed loop: `callers` callers, each with one call under way, as programs that wait for their
// receipt. Open loop (`rate` > 0): arrivals at even distances whatever the server does, as users
// come; each latency counts from the moment the call was to be sent, so that a server that stalls
// cannot hide how many would have waited.
#ifndef AUDITLEDGER_TOOLS_LOAD_PLAN_H_
#define AUDITLEDGER_TOOLS_LOAD_PLAN_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace auditledger {

struct LoadPlan {
  enum class Mode { kUnary, kBatch, kStream };
  Mode mode = Mode::kUnary;
  size_t callers = 64;
  double rate = 0;                // events a second; 0 = closed loop
  size_t batch = 1000;            // events of a call in kBatch; the service's limit
  size_t per_message = 50;        // events of a message in kStream; what LedgerClient sends
  size_t window = 500;            // unanswered events of a stream; LedgerClient's
  size_t max_outstanding = 1000;  // calls of an open loop; what would be more is not sent
  double timeout_s = 10;          // of a call; the server's own
  size_t verify_every = 1;        // receipts of every n-th answer; 0 = none
  std::string ledger;             // ledgers/ID
  bool witnessed = false;         // wait for the quorum's cosignatures

  size_t events_per_call() const { return mode == Mode::kBatch ? batch : 1; }
};

using LoadClock = std::chrono::steady_clock;

inline int64_t LoadNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(LoadClock::now().time_since_epoch())
      .count();
}

// From when to when calls count, in LoadNow's nanoseconds. The end moves forward when the run is
// cut short. Thread-safety: all members.
struct LoadStretch {
  std::atomic<int64_t> begin_ns{0};
  std::atomic<int64_t> end_ns{0};

  bool Over(int64_t now_ns) const { return now_ns >= end_ns.load(std::memory_order_relaxed); }
  bool Counts(int64_t ns) const {
    return ns >= begin_ns.load(std::memory_order_relaxed) && !Over(ns);
  }
  void EndNow() { end_ns.store(LoadNow()); }
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_LOAD_PLAN_H_
