#include "ledger/posting_store.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/leveldb_engine.h"
#include "ledger/mutex.h"
#include "ledger/strict_env.h"
#include "leveldb/cache.h"
#include "leveldb/db.h"
#include "leveldb/env.h"
#include "leveldb/write_batch.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kCacheBytes = 16 << 20;
constexpr size_t kWriteBufferBytes = 16 << 20;  // few, large tables: the keys are random
constexpr int kMaxOpenFiles = 128;
constexpr size_t kForgetWriteBytes = 1 << 20;
constexpr int kLowestPriority = 19;

leveldb::Slice ToSlice(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }
absl::string_view ToView(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

leveldb::ReadOptions Reads(const leveldb::Snapshot* snapshot) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.snapshot = snapshot;
  return options;
}

// As for the log (strict_env.h), but that nobody was told of what is here: its own log is neither
// synced nor made ready for it. And with a thread for what LevelDB does in the background, where
// the log's own database has the machine's one.
class PostingEnv : public StrictEnv {
 public:
  using StrictEnv::StrictEnv;
  ~PostingEnv() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.SignalAll();
    if (thread_.joinable()) thread_.join();
  }
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override {
    return absl::EndsWith(name, ".log") ? target()->NewWritableFile(name, file)
                                        : StrictEnv::NewWritableFile(name, file);
  }
  void Schedule(void (*function)(void*), void* argument) override {
    MutexLock lock(mutex_);
    work_.emplace_back(function, argument);
    if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
    changed_.SignalOne();
  }

 private:
  void Run() {
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowestPriority);
    while (true) {
      std::pair<void (*)(void*), void*> next;
      {
        MutexLock lock(mutex_);
        while (work_.empty() && !stopping_) changed_.Wait(mutex_);
        if (work_.empty()) return;
        next = work_.front();
        work_.pop_front();
      }
      next.first(next.second);
    }
  }

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::pair<void (*)(void*), void*>> work_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;  // of who schedules first, under the lock
};

// What is left of a run without these entries.
std::vector<uint64_t> Without(const std::vector<uint64_t>& entries,
                              absl::Span<const EntryRange> ranges) {
  std::vector<uint64_t> out;
  std::copy_if(entries.begin(), entries.end(), std::back_inserter(out),
               [&](uint64_t entry) { return !Contains(ranges, entry); });
  return out;
}

}  // namespace

PostingStore::~PostingStore() = default;

absl::Status PostingStore::Note(const absl::Status& status) const {
  if (absl::IsDataLoss(status)) damaged_.store(true);
  return status;
}

absl::Status PostingStore::FromLevelDb(const leveldb::Status& status) const {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat("search index: ", status.ToString());
  return Note(status.IsCorruption() ? absl::DataLossError(message)
                                    : absl::UnavailableError(message));
}

absl::StatusOr<std::unique_ptr<PostingStore>> PostingStore::Open(const std::string& path,
                                                                 const std::string& origin,
                                                                 const Hash& key_check) {
  std::unique_ptr<PostingStore> store(new PostingStore);
  auto env = std::make_unique<PostingEnv>(BaseEnvOfEngines());
  const PostingEnv& opened_with = *env;
  store->env_ = std::move(env);
  store->cache_.reset(leveldb::NewLRUCache(kCacheBytes));
  leveldb::Options options;
  options.env = store->env_.get();
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.block_cache = store->cache_.get();
  options.write_buffer_size = kWriteBufferBytes;
  options.max_open_files = kMaxOpenFiles;
  leveldb::DB* db = nullptr;
  const leveldb::Status opened = leveldb::DB::Open(options, path, &db);
  if (opened_with.LockRefused()) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is in use"));
  }
  // Files that others name and that are not there, or are of something else.
  if (opened.IsNotFound() || opened.IsInvalidArgument()) {
    return absl::DataLossError(absl::StrCat("search index: ", opened.ToString()));
  }
  RETURN_IF_ERROR(store->FromLevelDb(opened));
  store->db_.reset(db);
  RETURN_IF_ERROR(store->LoadHeader(origin, key_check));
  return store;
}

absl::Status PostingStore::LoadHeader(const std::string& origin, const Hash& key_check) {
  std::string bytes;
  const leveldb::Status got = db_->Get(Reads(nullptr), kPostingHeaderKey, &bytes);
  if (got.IsNotFound()) {
    header_.origin = origin;
    header_.key_check = key_check;
    return FromLevelDb(
        db_->Put(leveldb::WriteOptions(), kPostingHeaderKey, EncodePostingHeader(header_)));
  }
  RETURN_IF_ERROR(FromLevelDb(got));
  ASSIGN_OR_RETURN(header_, ParsePostingHeader(bytes));
  if (header_.origin == origin && header_.key_check == key_check) return absl::OkStatus();
  return absl::DataLossError("search index: is of another log, or under another key");
}

absl::Status PostingStore::Destroy(const std::string& path) {
  leveldb::Options options;
  options.env = BaseEnvOfEngines();
  const leveldb::Status status = leveldb::DestroyDB(path, options);
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("search index: ", status.ToString()));
}

absl::Status PostingStore::Apply(const PostingBatch& batch) {
  std::vector<const PostingTerm*> terms;
  for (const auto& [term, entries] : batch.runs) terms.push_back(&term);
  // In the order of the keys: each then goes into the memtable's list beside the one before it.
  std::sort(terms.begin(), terms.end(), [](const auto* a, const auto* b) { return *a < *b; });
  leveldb::WriteBatch write;
  for (const PostingTerm* term : terms) {
    const std::vector<uint64_t>& entries = batch.runs.at(*term);
    write.Put(RunKey(*term, entries.back()), EncodeRun(entries));
  }
  for (const auto& [zone, added] : batch.zones) {
    ASSIGN_OR_RETURN(const std::optional<TimeBounds> old, ReadZone(zone, nullptr));
    const TimeBounds all = old.has_value() ? TimeBounds{std::min(old->least, added.least),
                                                        std::max(old->greatest, added.greatest)}
                                           : added;
    write.Put(ZoneKey(zone), EncodeTimeBounds(all));
  }
  PostingHeader header = header_;
  header.position = batch.position;
  header.last_leaf = batch.last_leaf;
  write.Put(kPostingHeaderKey, EncodePostingHeader(header));
  RETURN_IF_ERROR(FromLevelDb(db_->Write(leveldb::WriteOptions(), &write)));
  header_ = std::move(header);
  return absl::OkStatus();
}

absl::Status PostingStore::Forget(absl::Span<const EntryRange> ranges) {
  // As for the log (LevelDbEngine::ForgetChunks): LevelDB writes a memtable out with all that was
  // ever put in it, and drops what a newer record hides only where two tables are merged.
  FlushMemtable();
  RETURN_IF_ERROR(TakeOut(ranges));
  FlushMemtable();
  db_->CompactRange(nullptr, nullptr);
  FlushMemtable();  // removes what was merged
  // A merge that failed is told by the next write; this one changes nothing.
  return FromLevelDb(
      db_->Put(leveldb::WriteOptions(), kPostingHeaderKey, EncodePostingHeader(header_)));
}

absl::Status PostingStore::TakeOut(absl::Span<const EntryRange> ranges) {
  const std::unique_ptr<leveldb::Iterator> it(db_->NewIterator(Reads(nullptr)));
  const std::string first = RunKeyPrefix(PostingTerm());
  leveldb::WriteBatch write;
  for (it->Seek(ToSlice(first)); it->Valid() && it->key()[0] == first[0]; it->Next()) {
    const absl::StatusOr<PostingRun> run = ParseRunRecord(ToView(it->key()), ToView(it->value()));
    if (!run.ok()) return Note(run.status());
    const std::vector<uint64_t> left = Without(run->entries, ranges);
    if (left.size() == run->entries.size()) continue;
    write.Delete(it->key());
    if (!left.empty()) write.Put(RunKey(run->term, left.back()), EncodeRun(left));
    if (write.ApproximateSize() < kForgetWriteBytes) continue;
    RETURN_IF_ERROR(FromLevelDb(db_->Write(leveldb::WriteOptions(), &write)));
    write.Clear();
  }
  RETURN_IF_ERROR(FromLevelDb(it->status()));
  return FromLevelDb(db_->Write(leveldb::WriteOptions(), &write));
}

// A range without keys: the memtable is written out first, and then there is nothing to merge.
void PostingStore::FlushMemtable() {
  const leveldb::Slice before_all("A");
  db_->CompactRange(&before_all, &before_all);
}

absl::StatusOr<std::optional<TimeBounds>> PostingStore::ReadZone(
    uint64_t zone, const leveldb::Snapshot* snapshot) const {
  std::string bytes;
  const leveldb::Status got = db_->Get(Reads(snapshot), ZoneKey(zone), &bytes);
  if (got.IsNotFound()) return std::nullopt;
  RETURN_IF_ERROR(FromLevelDb(got));
  const absl::StatusOr<TimeBounds> bounds = ParseTimeBounds(bytes);
  if (!bounds.ok()) return Note(bounds.status());
  return *bounds;
}

PostingCursor::PostingCursor(const PostingStore& store, std::unique_ptr<leveldb::Iterator> it,
                             PostingTerm term, uint64_t& steps)
    : store_(store), it_(std::move(it)), term_(term), prefix_(RunKeyPrefix(term)), steps_(steps) {}

PostingCursor::~PostingCursor() = default;

absl::StatusOr<bool> PostingCursor::LoadRun() {
  run_.clear();
  RETURN_IF_ERROR(store_.FromLevelDb(it_->status()));
  if (!it_->Valid() || !absl::StartsWith(ToView(it_->key()), prefix_)) return false;
  absl::StatusOr<PostingRun> run = ParseRunRecord(ToView(it_->key()), ToView(it_->value()));
  if (!run.ok()) return store_.Note(run.status());
  run_ = std::move(run->entries);
  return true;
}

absl::StatusOr<std::optional<uint64_t>> PostingCursor::Seek(uint64_t target, LogOrder order) {
  return order == LogOrder::kForward ? SeekForward(target) : SeekBackward(target);
}

// A run that the last Seek came to has nothing before it that a later target could mean.
absl::StatusOr<std::optional<uint64_t>> PostingCursor::SeekForward(uint64_t target) {
  if (run_.empty() || run_.back() < target) {
    ++steps_;
    it_->Seek(ToSlice(RunKey(term_, target)));
    ASSIGN_OR_RETURN(const bool found, LoadRun());
    if (!found) return std::nullopt;
  }
  return *std::lower_bound(run_.begin(), run_.end(), target);
}

absl::StatusOr<std::optional<uint64_t>> PostingCursor::SeekBackward(uint64_t target) {
  if (run_.empty() || run_.front() > target) {
    ++steps_;
    it_->Seek(ToSlice(RunKey(term_, target)));
    ASSIGN_OR_RETURN(bool found, LoadRun());
    if (!found || run_.front() > target) {
      ++steps_;
      if (it_->Valid()) {
        it_->Prev();
      } else {
        it_->SeekToLast();
      }
      ASSIGN_OR_RETURN(found, LoadRun());
      if (!found) return std::nullopt;
    }
  }
  return *std::prev(std::upper_bound(run_.begin(), run_.end(), target));
}

PostingReader::PostingReader(std::shared_ptr<const PostingStore> store)
    : store_(std::move(store)), snapshot_(store_->db_->GetSnapshot()) {}

PostingReader::~PostingReader() { store_->db_->ReleaseSnapshot(snapshot_); }

absl::StatusOr<uint64_t> PostingReader::Position() const {
  std::string bytes;
  RETURN_IF_ERROR(
      store_->FromLevelDb(store_->db_->Get(Reads(snapshot_), kPostingHeaderKey, &bytes)));
  const absl::StatusOr<PostingHeader> header = ParsePostingHeader(bytes);
  if (!header.ok()) return store_->Note(header.status());
  return header->position;
}

std::unique_ptr<PostingCursor> PostingReader::Open(const PostingTerm& term) {
  return std::unique_ptr<PostingCursor>(new PostingCursor(
      *store_, std::unique_ptr<leveldb::Iterator>(store_->db_->NewIterator(Reads(snapshot_))), term,
      steps_));
}

absl::StatusOr<std::optional<TimeBounds>> PostingReader::Zone(uint64_t zone) {
  ++steps_;
  return store_->ReadZone(zone, snapshot_);
}

}  // namespace auditledger
