// All calls in flight: how many, which streams, which overstay; and whether new ones are let in.
//
// Thread-safety: all methods. Tick, BeginDrain and AbortAll call back into calls without holding
// the lock.
#ifndef AUDITLEDGER_API_CALL_TRACKER_H_
#define AUDITLEDGER_API_CALL_TRACKER_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "api/notification.h"
#include "ledger/mutex.h"

namespace auditledger {

// A call as the tracker sees it.
class TrackedCall {
 public:
  virtual ~TrackedCall() = default;
  virtual void BeginDrain() {}                      // a stream: answer what was read, then end
  virtual void Tick() {}                            // a stream: what waited, and who is stuck
  virtual void Abort(const absl::Status& why) = 0;  // finish now, if not finished yet
};

class CallTracker {
 public:
  // False while draining: the call must be refused and not leave.
  [[nodiscard]] bool Enter();
  void Leave();
  // `call` is aborted with DEADLINE_EXCEEDED at `deadline_us` of the monotonic clock. Deadlines
  // must not fall.
  void AddUnary(std::weak_ptr<TrackedCall> call, uint64_t deadline_us);
  void AddStream(const TrackedCall* key, std::weak_ptr<TrackedCall> call);
  void RemoveStream(const TrackedCall* key);

  void Tick(uint64_t now_us);
  void BeginDrain();
  bool draining() const;
  size_t in_flight() const;
  // True as soon as it drains and no call is left; false when that took longer than `limit`.
  bool WaitIdle(std::chrono::milliseconds limit) { return idle_.WaitFor(limit); }
  void AbortAll(const absl::Status& why);

 private:
  std::vector<std::shared_ptr<TrackedCall>> Streams() const;

  mutable Mutex mutex_;
  Notification idle_;  // draining, and nothing in flight: from then on nothing enters
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  size_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::pair<uint64_t, std::weak_ptr<TrackedCall>>> unary_ ABSL_GUARDED_BY(mutex_);
  std::map<const TrackedCall*, std::weak_ptr<TrackedCall>> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CALL_TRACKER_H_
