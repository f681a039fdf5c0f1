// A fixed pool of threads with a bounded queue: everything that would block one of gRPC's few
// handler threads runs here.
//
// Example: if (!pool.Submit([call] { call->Finish(Read()); })) call->Fail(PoolIsFull());
//
// Thread-safety: all methods. Jobs must not throw. The destructor runs what is queued and joins.
#ifndef AUDITLEDGER_API_READ_POOL_H_
#define AUDITLEDGER_API_READ_POOL_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "ledger/mutex.h"

namespace auditledger {

class ReadPool {
 public:
  ReadPool(size_t threads, size_t max_queue);
  ~ReadPool();
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;

  // False when `max_queue` jobs wait already; then `job` is not run.
  [[nodiscard]] bool Submit(std::function<void()> job);

 private:
  void Run();

  const size_t max_queue_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

// ResourceExhausted (OVERLOADED) with a hint when to come again.
absl::Status PoolIsFull();

}  // namespace auditledger

#endif  // AUDITLEDGER_API_READ_POOL_H_
