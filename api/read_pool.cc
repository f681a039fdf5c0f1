#include "api/read_pool.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/limits.h"
#include "ledger/errors.h"

namespace auditledger {

ReadPool::ReadPool(size_t threads, size_t max_queue) : max_queue_(max_queue) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

ReadPool::~ReadPool() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

bool ReadPool::Submit(std::function<void()> job) {
  MutexLock lock(mutex_);
  if (queue_.size() >= max_queue_) return false;
  queue_.push_back(std::move(job));
  wake_.SignalOne();
  return true;
}

void ReadPool::Run() {
  while (true) {
    std::function<void()> job;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) wake_.Wait(mutex_);
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

absl::Status PoolIsFull() {
  return WithReason(
      absl::ResourceExhaustedError("too many requests wait; come again after the hint"),
      kReasonOverloaded, {{"retry_after_ms", absl::StrCat(kReadRetryMs)}});
}

}  // namespace auditledger
