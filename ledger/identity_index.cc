#include "ledger/identity_index.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "ledger/identity_filter.h"
#include "ledger/identity_run.h"
#include "ledger/identity_runs.h"
#include "ledger/mutex.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Full sets that may wait to be written. With more the committer waits for the disk, and memory
// stays bounded.
constexpr size_t kMaxFrozen = 4;
// Entries merged before the background thread looks whether it has to stop or to write.
constexpr uint64_t kMergeStep = 16384;

using IdentityMap = absl::flat_hash_map<Mac128, uint64_t>;
using RunPtr = std::shared_ptr<const IdentityRun>;

size_t MapBytes(const IdentityMap& map) {
  return map.capacity() * (sizeof(IdentityMap::value_type) + 1);
}

// A full set of new identities: searched in memory until it is a run.
struct Frozen {
  RunRange range;
  IdentityMap map;
};
using FrozenPtr = std::shared_ptr<const Frozen>;

// What Lookup sees beside the set being filled. Immutable; each change is a new one.
struct View {
  std::vector<FrozenPtr> frozen;  // oldest first, as the runs, which are older
  std::vector<RunPtr> runs;
};

class BackgroundIdentityIndex : public IdentityIndex {
 public:
  BackgroundIdentityIndex(std::string dir, std::vector<RunPtr> runs, const LedgerLimits& limits)
      : dir_(std::move(dir)),
        run_entries_(std::max<size_t>(limits.identity_run_entries, 1)),
        filter_bytes_max_(limits.identity_filter_bytes_max),
        view_(std::make_shared<const View>(View{{}, std::move(runs)})) {
    next_ = active_from_ = covered();
    thread_ = std::thread([this] { Work(); });
  }
  ~BackgroundIdentityIndex() override {
    stopping_.store(true);
    {
      MutexLock lock(mutex_);
      changed_.SignalAll();
    }
    thread_.join();
  }

  uint64_t covered() const override {
    const std::shared_ptr<const View> view = Snapshot();
    return view->runs.empty() ? 0 : view->runs.back()->range().to;
  }
  absl::StatusOr<std::optional<uint64_t>> Lookup(const Mac128& identity) override;
  absl::Status Insert(const Mac128& identity, uint64_t index) override;
  absl::Status Advance(uint64_t size) override;
  absl::Status Flush() override;
  absl::Status Verify() override;
  size_t MemoryBytes() const override;

 private:
  // One thing for the background thread to do.
  struct Task {
    FrozenPtr write;            // if set
    std::vector<RunPtr> merge;  // else
  };

  std::shared_ptr<const View> Snapshot() const {
    MutexLock lock(mutex_);
    return view_;
  }
  absl::Status Freeze(uint64_t to);

  // The background thread's.
  void Work();
  std::optional<Task> NextTask();
  absl::Status WriteFrozen(const FrozenPtr& frozen);
  absl::Status Merge(const std::vector<RunPtr>& inputs);
  absl::Status PauseMerge();
  absl::StatusOr<RunPtr> OpenNew(RunRange range, uint64_t count, const std::vector<RunPtr>& gone);

  const std::string dir_;
  const size_t run_entries_;
  const size_t filter_bytes_max_;

  // The committer's alone.
  IdentityMap active_;
  uint64_t active_from_ = 0;
  uint64_t next_ = 0;
  std::atomic<size_t> active_bytes_{0};

  mutable Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<const View> view_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);  // the first error of the background thread
  bool idle_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

absl::StatusOr<std::optional<uint64_t>> BackgroundIdentityIndex::Lookup(const Mac128& identity) {
  const std::shared_ptr<const View> view = Snapshot();
  for (const RunPtr& run : view->runs) {
    absl::StatusOr<std::optional<uint64_t>> found = run->Lookup(identity);
    if (absl::IsDataLoss(found.status())) Quarantine(*run);
    if (!found.ok() || found->has_value()) return found;
  }
  for (const FrozenPtr& frozen : view->frozen) {
    const auto it = frozen->map.find(identity);
    if (it != frozen->map.end()) return it->second;
  }
  const auto it = active_.find(identity);
  if (it == active_.end()) return std::nullopt;
  return it->second;
}

absl::Status BackgroundIdentityIndex::Insert(const Mac128& identity, uint64_t index) {
  if (index < next_) {
    return absl::InvalidArgumentError(
        absl::StrCat("identity index: entry ", index, " after entry ", next_));
  }
  // Indices ascend, so that nothing below this one is still to come.
  if (active_.size() >= run_entries_) RETURN_IF_ERROR(Freeze(index));
  active_.emplace(identity, index);
  active_bytes_.store(MapBytes(active_));
  next_ = index + 1;
  return absl::OkStatus();
}

absl::Status BackgroundIdentityIndex::Advance(uint64_t size) {
  if (size < next_) {
    return absl::InvalidArgumentError(
        absl::StrCat("identity index: size ", size, " after entry ", next_));
  }
  next_ = size;
  return active_.size() >= run_entries_ ? Freeze(size) : absl::OkStatus();
}

absl::Status BackgroundIdentityIndex::Freeze(uint64_t to) {
  auto frozen = std::make_shared<const Frozen>(Frozen{{active_from_, to}, std::move(active_)});
  active_ = IdentityMap();
  active_bytes_.store(0);
  active_from_ = to;
  MutexLock lock(mutex_);
  while (view_->frozen.size() >= kMaxFrozen && status_.ok()) changed_.Wait(mutex_);
  View next = *view_;
  next.frozen.push_back(std::move(frozen));
  view_ = std::make_shared<const View>(std::move(next));
  idle_ = false;
  changed_.SignalAll();
  return status_;
}

absl::Status BackgroundIdentityIndex::Flush() {
  MutexLock lock(mutex_);
  while (!idle_ && status_.ok()) changed_.Wait(mutex_);
  return status_;
}

absl::Status BackgroundIdentityIndex::Verify() {
  const std::shared_ptr<const View> view = Snapshot();
  for (const RunPtr& run : view->runs) RETURN_IF_ERROR(VerifyRun(run));
  return absl::OkStatus();
}

size_t BackgroundIdentityIndex::MemoryBytes() const {
  const std::shared_ptr<const View> view = Snapshot();
  size_t bytes = active_bytes_.load();
  for (const FrozenPtr& frozen : view->frozen) bytes += MapBytes(frozen->map);
  for (const RunPtr& run : view->runs) bytes += run->memory_bytes();
  return bytes;
}

void BackgroundIdentityIndex::Work() {
  while (const std::optional<Task> task = NextTask()) {
    const absl::Status status =
        task->write != nullptr ? WriteFrozen(task->write) : Merge(task->merge);
    if (status.ok() || absl::IsCancelled(status)) continue;
    MutexLock lock(mutex_);
    status_ = status;
    changed_.SignalAll();
  }
}

// Waits for something to do. Nothing when the index is being destroyed. After an error nothing is
// done any more: what is in memory stays there and the committer is told.
std::optional<BackgroundIdentityIndex::Task> BackgroundIdentityIndex::NextTask() {
  MutexLock lock(mutex_);
  while (!stopping_.load()) {
    if (status_.ok()) {
      if (!view_->frozen.empty()) return Task{view_->frozen.front(), {}};
      std::vector<RunPtr> merge = PickMerge(view_->runs, run_entries_);
      if (!merge.empty()) return Task{nullptr, std::move(merge)};
    }
    idle_ = true;
    changed_.SignalAll();
    changed_.Wait(mutex_);
  }
  return std::nullopt;
}

// Opens a run just written, with its filter in memory as long as all filters but those of `gone`
// leave room.
absl::StatusOr<RunPtr> BackgroundIdentityIndex::OpenNew(RunRange range, uint64_t count,
                                                        const std::vector<RunPtr>& gone) {
  uint64_t used = FilterMemory(Snapshot()->runs) + FilterBytes(count);
  used -= FilterMemory(gone);
  return IdentityRun::Open(dir_, range, used <= filter_bytes_max_);
}

absl::Status BackgroundIdentityIndex::WriteFrozen(const FrozenPtr& frozen) {
  std::vector<RunEntry> entries;
  entries.reserve(frozen->map.size());
  for (const auto& [identity, index] : frozen->map) entries.push_back({identity, index});
  std::sort(entries.begin(), entries.end());
  RETURN_IF_ERROR(WriteRun(dir_, frozen->range, entries));
  ASSIGN_OR_RETURN(const RunPtr run, OpenNew(frozen->range, entries.size(), {}));
  MutexLock lock(mutex_);
  View next = *view_;
  next.frozen.erase(next.frozen.begin());
  next.runs.push_back(run);
  view_ = std::make_shared<const View>(std::move(next));
  changed_.SignalAll();
  return absl::OkStatus();
}

// A merge of large runs takes minutes; the sets that fill meanwhile are written in between.
absl::Status BackgroundIdentityIndex::PauseMerge() {
  while (!stopping_.load()) {
    const std::shared_ptr<const View> view = Snapshot();
    if (view->frozen.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(WriteFrozen(view->frozen.front()));
  }
  return absl::CancelledError("the index is being closed");
}

absl::Status BackgroundIdentityIndex::Merge(const std::vector<RunPtr>& inputs) {
  RunMerger merger(inputs);
  RETURN_IF_ERROR(merger.Start(dir_));
  for (bool done = false; !done;) {
    RETURN_IF_ERROR(PauseMerge());
    ASSIGN_OR_RETURN(done, merger.Step(kMergeStep));
  }
  ASSIGN_OR_RETURN(const RunPtr merged, OpenNew(merger.range(), merger.count(), inputs));
  {
    MutexLock lock(mutex_);
    View next = *view_;
    const auto first = std::find(next.runs.begin(), next.runs.end(), inputs.front());
    *first = merged;
    next.runs.erase(first + 1, first + static_cast<std::ptrdiff_t>(inputs.size()));
    view_ = std::make_shared<const View>(std::move(next));
  }
  for (const RunPtr& run : inputs) {
    const absl::Status removed = RemoveFile(run->path());
    // Quarantined meanwhile: it has another name, and the next start makes what is missing anew.
    if (!absl::IsNotFound(removed)) RETURN_IF_ERROR(removed);
  }
  return SyncDirectory(dir_);
}

}  // namespace

absl::StatusOr<std::unique_ptr<IdentityIndex>> IdentityIndex::Open(const std::string& dir,
                                                                   uint64_t size,
                                                                   const LedgerLimits& limits) {
  RETURN_IF_ERROR(MakeDirectory(dir, 0700));
  ASSIGN_OR_RETURN(std::vector<RunPtr> runs, OpenRuns(dir, size, limits.identity_filter_bytes_max));
  return std::make_unique<BackgroundIdentityIndex>(dir, std::move(runs), limits);
}

}  // namespace auditledger
