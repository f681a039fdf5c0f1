#include "api/search/search_indexes.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"

namespace auditledger {
namespace {

constexpr int kLowestPriority = 19;

}  // namespace

SearchIndexes::SearchIndexes(LedgerSet& ledgers, RpcLog& log, Options options)
    : ledgers_(ledgers), log_(log), options_(std::move(options)) {}

void SearchIndexes::Start() {
  thread_ = std::thread([this] { Run(); });
}

void SearchIndexes::Stop() {
  if (!thread_.joinable()) return;
  stopping_.Notify();
  thread_.join();
}

void SearchIndexes::Run() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowestPriority);
  bool more = false;
  do {
    more = RunOnce();
  } while (!stopping_.WaitFor(more ? std::chrono::milliseconds(0) : options_.interval));
}

bool SearchIndexes::RunOnce() {
  MutexLock lock(round_mutex_);
  // Its fault shows at each ledger's, below.
  (void)MakeDirectory(options_.dir, 0700);
  bool more = false;
  for (const LedgerSet::Slot& slot : ledgers_.List()) {
    if (slot.ledger != nullptr && Of(slot).Turn()) more = true;
  }
  return more;
}

SearchIndexer& SearchIndexes::Of(const LedgerSet::Slot& slot) {
  MutexLock lock(mutex_);
  std::unique_ptr<SearchIndexer>& found = indexers_[slot.ledger];
  if (found == nullptr) {
    found = std::make_unique<SearchIndexer>(
        *slot.ledger, log_,
        SearchIndexer::Options{slot.id, absl::StrCat(options_.dir, "/", slot.id), options_.rebuild,
                               options_.batch_entries});
  }
  return *found;
}

SearchIndexer* SearchIndexes::Find(const Ledger& ledger) const {
  MutexLock lock(mutex_);
  const auto found = indexers_.find(&ledger);
  return found == indexers_.end() ? nullptr : found->second.get();
}

std::vector<SearchIndexer::Report> SearchIndexes::Report() const {
  std::vector<SearchIndexer*> indexers;
  {
    MutexLock lock(mutex_);
    for (const auto& [ledger, indexer] : indexers_) indexers.push_back(indexer.get());
  }
  std::vector<SearchIndexer::Report> out;
  for (const SearchIndexer* indexer : indexers) out.push_back(indexer->report());
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.ledger_id < b.ledger_id; });
  return out;
}

}  // namespace auditledger
