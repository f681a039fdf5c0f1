// The newest signed head, and who wants to hear of the next ones.
//
// Thread-safety: all methods may be called by many threads; Notify by one.
#ifndef AUDITLEDGER_LEDGER_HEAD_FEED_H_
#define AUDITLEDGER_LEDGER_HEAD_FEED_H_

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "ledger/ledger.h"
#include "ledger/mutex.h"

namespace auditledger {

class HeadFeed {
 public:
  using HeadPtr = std::shared_ptr<const PublishedHead>;
  explicit HeadFeed(HeadPtr head) : head_(std::move(head)) {}

  HeadPtr head() const {
    MutexLock lock(mutex_);
    return head_;
  }
  // What head() answers from now on. Listeners hear of it by Notify, on a thread that may wait.
  void Publish(HeadPtr head) {
    MutexLock lock(mutex_);
    head_ = std::move(head);
  }
  // Calls each listener unless it knows this head or a newer one.
  void Notify(const HeadPtr& head) {
    MutexLock lock(listeners_mutex_);
    for (auto& [id, listener] : listeners_) listener.Hear(head);
  }
  uint64_t Add(Ledger::HeadListener callback) {
    MutexLock lock(listeners_mutex_);
    Listener& listener = listeners_[++last_id_];
    listener.callback = std::move(callback);
    listener.Hear(head());
    return last_id_;
  }
  void Remove(uint64_t id) {
    MutexLock lock(listeners_mutex_);
    listeners_.erase(id);
  }

 private:
  struct Listener {
    Ledger::HeadListener callback;
    uint64_t heard_size = 0;  // no head has size 0: genesis is part of the first

    void Hear(const HeadPtr& head) {
      if (head->head.size <= heard_size) return;
      heard_size = head->head.size;
      callback(head);
    }
  };

  mutable Mutex mutex_;
  HeadPtr head_ ABSL_GUARDED_BY(mutex_);
  // Held while listeners run, so that none runs once Remove has returned.
  Mutex listeners_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::map<uint64_t, Listener> listeners_ ABSL_GUARDED_BY(listeners_mutex_);
  uint64_t last_id_ ABSL_GUARDED_BY(listeners_mutex_) = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_HEAD_FEED_H_
