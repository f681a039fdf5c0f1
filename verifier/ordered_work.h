// Work split over threads, results folded in order by the calling thread, at most `window` of them
// in memory.
//
//   RunOrdered<Result>(count, threads, [](uint64_t i) { return Work(i); },
//                      [&](uint64_t i, Result r) { Fold(r); });
//
// Thread-safety: `work` is called from many threads at once, `fold` from the caller's alone.
// REQUIRES: neither throws.
#ifndef AUDITLEDGER_VERIFIER_ORDERED_WORK_H_
#define AUDITLEDGER_VERIFIER_ORDERED_WORK_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace auditledger {

template <typename Result, typename Work, typename Fold>
void RunOrdered(uint64_t count, unsigned threads, const Work& work, const Fold& fold) {
  const uint64_t window = uint64_t{4} * threads;
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t next = 0;    // to be worked on
  uint64_t folded = 0;  // all before are folded
  std::map<uint64_t, Result> done;

  const auto run = [&] {
    std::unique_lock<std::mutex> lock(mutex);
    while (next < count) {
      if (next >= folded + window) {
        changed.wait(lock);
        continue;
      }
      const uint64_t mine = next++;
      lock.unlock();
      Result result = work(mine);
      lock.lock();
      done.emplace(mine, std::move(result));
      changed.notify_all();
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < threads; ++i) workers.emplace_back(run);
  for (uint64_t i = 0; i < count; ++i) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return done.contains(i); });
    auto result = done.extract(i);
    folded = i + 1;
    changed.notify_all();
    lock.unlock();
    fold(i, std::move(result.mapped()));
  }
  for (std::thread& worker : workers) worker.join();
}

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_ORDERED_WORK_H_
