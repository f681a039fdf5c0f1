// Something that happens once, and can be waited for with a limit of time.
//
// Example: while (!stop_.WaitFor(std::chrono::milliseconds(200))) Tick();
//
// Thread-safety: all methods. Whoever notifies must be done before it is destroyed.
#ifndef AUDITLEDGER_API_NOTIFICATION_H_
#define AUDITLEDGER_API_NOTIFICATION_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace auditledger {

class Notification {
 public:
  void Notify() {
    const std::lock_guard<std::mutex> lock(mutex_);
    happened_ = true;
    condition_.notify_all();
  }
  // True as soon as it happened, or had; false when it did not within `limit`.
  bool WaitFor(std::chrono::milliseconds limit) {
    std::unique_lock<std::mutex> lock(mutex_);
    return condition_.wait_for(lock, limit, [this] { return happened_; });
  }

 private:
  // Not ledger/mutex.h: nothing here needs an annotation.
  std::mutex mutex_;
  std::condition_variable condition_;
  bool happened_ = false;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_NOTIFICATION_H_
