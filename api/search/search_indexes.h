// The search indexes of all ledgers, and the thread that keeps them.
//
//   committed log ──▶ a turn a ledger (search_indexer.h), each interval, at the lowest priority ──▶
//   dir/<ledger id>
//
// One thread for all: what it does is the machine's spare time, and there is one machine. A ledger
// gets one batch a turn, so that one that is made anew does not keep the others waiting; ledgers
// made meanwhile are found. Nothing here is on an append's way: entries are read back as anybody
// reads them, and what LevelDB merges it merges on a thread of the index's own.
//
// Example:
//   SearchIndexes indexes(ledgers, log, {"/var/lib/auditledger/search"});
//   indexes.Start();  ...  indexes.Stop();
//
// Thread-safety: all methods but the constructor, Start and Stop.
#ifndef AUDITLEDGER_API_SEARCH_SEARCH_INDEXES_H_
#define AUDITLEDGER_API_SEARCH_SEARCH_INDEXES_H_

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/notification.h"
#include "api/search/search_indexer.h"
#include "ledger/ledger_set.h"
#include "ledger/mutex.h"

namespace auditledger {

// What came meanwhile is one write: short enough for who has just recorded something and looks for
// it, long enough for some thousand entries to share their runs under load.
inline constexpr uint64_t kSearchIntervalMs = 200;

class SearchIndexes {
 public:
  struct Options {
    std::string dir;  // made when it is not there
    bool rebuild = false;
    std::chrono::milliseconds interval{kSearchIntervalMs};
    uint64_t batch_entries = kSearchBatchEntries;
  };
  // All must outlive it.
  SearchIndexes(LedgerSet& ledgers, RpcLog& log, Options options);
  ~SearchIndexes() { Stop(); }

  void Start();
  // Ends within a batch. Idempotent.
  void Stop();
  // One round; what the thread does. True when a ledger has more.
  bool RunOnce();

  // Of that ledger; nullptr before its first turn. It lives as long as this.
  SearchIndexer* Find(const Ledger& ledger) const;
  // By ledger id.
  std::vector<SearchIndexer::Report> Report() const;

 private:
  void Run();
  SearchIndexer& Of(const LedgerSet::Slot& slot);

  LedgerSet& ledgers_;
  RpcLog& log_;
  const Options options_;
  Mutex round_mutex_;  // one round at a time
  mutable Mutex mutex_;
  std::map<const Ledger*, std::unique_ptr<SearchIndexer>> indexers_ ABSL_GUARDED_BY(mutex_);
  Notification stopping_;
  std::thread thread_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_SEARCH_SEARCH_INDEXES_H_
