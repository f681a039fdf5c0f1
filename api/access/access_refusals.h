// Refused calls, on record in the ledgers that they concern: the first of a caller, method and
// ledger at once, what follows within a minute as one counted event. Who was not even known is
// counted once a minute for all of them. So a flood makes some dozens of entries a minute in a
// ledger, however fast it is.
//
// A ledger that cannot record them now, as one that is latched, has them counted on until it can:
// within its own room, so that they grow no further and take none of another ledger's.
//
// A call that names a ledger which is there concerns that one, any other call all of them.
//
// Thread-safety: all methods.
#ifndef AUDITLEDGER_API_ACCESS_ACCESS_REFUSALS_H_
#define AUDITLEDGER_API_ACCESS_ACCESS_REFUSALS_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <tuple>

#include "absl/strings/string_view.h"
#include "api/access/access_log.h"
#include "api/notification.h"
#include "ledger/clock.h"
#include "ledger/ledger_set.h"
#include "ledger/mutex.h"

namespace auditledger {

inline constexpr uint64_t kRefusalWindowMicros = 60ull * 1'000'000;
inline constexpr std::chrono::milliseconds kRefusalTick{1000};
// Callers and methods that are told apart in a window for one ledger, and as many of calls that
// concern all; those beyond are counted together. All that a hospital's systems could get wrong at
// once, and few enough for a log to bear each minute.
inline constexpr size_t kMaxRefusalKinds = 50;
// Of one caller, for the same.
inline constexpr size_t kMaxRefusalKindsPerPrincipal = 10;

class AccessRefusals {
 public:
  // All must outlive it.
  AccessRefusals(AccessLog& log, LedgerSet& ledgers, Clock& clock)
      : log_(log), ledgers_(ledgers), clock_(clock) {}
  ~AccessRefusals() { Stop(); }

  void Start();
  // Records what is counted. Before the ledgers are drained.
  void Stop();
  // Ends the window if it is over. For tests, and for the thread of Start.
  void RunOnce();

  // `ledger` as the request had it, "" where it names none. `principal` "": unauthenticated.
  void Count(absl::string_view principal, absl::string_view method, absl::string_view ledger);

 private:
  struct Kind {
    std::string principal;
    std::string method;
    std::string ledger_id;  // "": all
    bool operator<(const Kind& other) const {
      return std::tie(principal, method, ledger_id) <
             std::tie(other.principal, other.method, other.ledger_id);
    }
  };
  struct Counted {
    uint64_t count = 0;
    uint64_t first_us = 0;
  };

  bool HasRoom(const Kind& kind) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Flush();
  void Put(const Kind& kind, const Counted& counted);
  void Add(const Kind& kind, const Counted& counted) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  AccessLog& log_;
  LedgerSet& ledgers_;
  Clock& clock_;
  Notification stopping_;
  std::thread thread_;
  Mutex mutex_;
  uint64_t window_began_us_ ABSL_GUARDED_BY(mutex_) = 0;  // monotonic
  std::map<Kind, Counted> counted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_ACCESS_REFUSALS_H_
