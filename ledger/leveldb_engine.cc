#include "ledger/leveldb_engine.h"

#include <algorithm>
#include <atomic>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ledger/format_upgrade.h"
#include "ledger/key_format.h"
#include "ledger/mutex.h"
#include "ledger/posix_file.h"
#include "ledger/record_scan.h"
#include "ledger/strict_env.h"
#include "leveldb/cache.h"
#include "leveldb/db.h"
#include "leveldb/write_batch.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

leveldb::Slice ToSlice(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }
absl::string_view ToView(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

std::atomic<leveldb::Env*> g_base_env{nullptr};

// Entries that are forgotten with one table: a write of at most half a megabyte.
constexpr size_t kMaxForgottenTogether = 8192;
// Chunks between two entries that may still share a table.
constexpr uint64_t kNearChunks = 4;

// LevelDB's messages hold file names and offsets, never contents.
absl::Status Translate(const leveldb::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(what, ": ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  return absl::UnavailableError(message);
}

leveldb::ReadOptions VerifiedReads() {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  return options;
}

// A scan passes once: it must not push out what single reads have in the cache.
leveldb::ReadOptions VerifiedScans() {
  leveldb::ReadOptions options = VerifiedReads();
  options.fill_cache = false;
  return options;
}

leveldb::WriteOptions Synced() {
  leveldb::WriteOptions options;
  options.sync = true;
  return options;
}

class LevelDbEngine : public Engine {
 public:
  explicit LevelDbEngine(const LevelDbOptions& options)
      : env_(BaseEnvOfEngines()), cache_(leveldb::NewLRUCache(options.block_cache_bytes)) {}

  absl::Status Open(const LevelDbOptions& options);

  absl::StatusOr<std::optional<Head>> LoadHead() override;
  absl::Status Commit(const std::optional<Head>& expected, const CommitBatch& batch) override;
  absl::Status Forget(absl::Span<const Forgotten> entries) override;
  size_t CommitBytesNow() const override { return commit_bytes_now_; }
  absl::StatusOr<std::string> Read(RecordKind kind, uint64_t index) override {
    return Get(RecordKey(kind, index), "read record");
  }
  absl::Status Scan(RecordKind kind, uint64_t begin, uint64_t end,
                    absl::FunctionRef<bool(uint64_t, absl::string_view)> visit) override;
  absl::StatusOr<std::string> ReadTile(TileId id) override { return Get(TileKey(id), "read tile"); }
  absl::Status ScanStreams(absl::FunctionRef<bool(uint32_t, absl::string_view)> visit) override;

  absl::Status latched() const override {
    MutexLock lock(mutex_);
    return latched_;
  }
  bool SyncFailed() const override { return env_.SyncFailed(); }

 private:
  absl::Status CheckSyncs() const;
  absl::Status CheckFormat();
  absl::StatusOr<bool> IsEmpty();
  absl::StatusOr<std::string> Get(absl::string_view key, absl::string_view what);
  // Calls `visit` with key and value from `begin` on while it returns true.
  absl::Status Iterate(absl::string_view begin,
                       absl::FunctionRef<bool(absl::string_view, absl::string_view)> visit);
  absl::Status Write(const std::optional<Head>& expected, const CommitBatch& batch);
  absl::Status Latch(absl::Status status);
  absl::Status ForgetChunks(absl::Span<const Forgotten> entries);
  void FlushMemtable();
  void Pace(size_t bytes);

  // Destroyed in reverse: the database before what it uses.
  StrictEnv env_;
  const std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<leveldb::DB> db_;
  std::string path_;
  Mutex write_mutex_;  // one writes at a time, so that a memtable can be of one of them alone
  std::optional<Head> head_;            // as stored; only Open and the committing thread touch it
  size_t commit_bytes_now_ = SIZE_MAX;  // the committing thread's
  mutable Mutex mutex_;
  absl::Status latched_ ABSL_GUARDED_BY(mutex_);
};

absl::Status LevelDbEngine::Open(const LevelDbOptions& options) {
  path_ = options.path;
  // LevelDB counts a folder without CURRENT as no database, and says "invalid argument".
  if (!options.create_if_missing && !env_.FileExists(options.path + "/CURRENT")) {
    return absl::NotFoundError(absl::StrCat("no database in ", options.path));
  }
  leveldb::Options db;
  db.env = &env_;
  db.create_if_missing = options.create_if_missing;
  db.paranoid_checks = true;
  db.reuse_logs = false;
  SetTableOptions(db);
  db.write_buffer_size = options.write_buffer_bytes;
  db.max_open_files = options.max_open_files;
  db.block_cache = cache_.get();
  leveldb::DB* opened = nullptr;
  leveldb::Status status = leveldb::DB::Open(db, options.path, &opened);
  if (status.IsCorruption()) {
    // A power cut may have torn the last batch. Whether somebody was told of it is for the signer's
    // memory to say, which was asked before (recovery.h, CheckBeforeOpening).
    env_.LeaveOutTornTails();
    status = leveldb::DB::Open(db, options.path, &opened);
  }
  db_.reset(opened);
  if (env_.LockRefused()) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.path, " is in use: ", status.ToString()));
  }
  const absl::Status open_status = Translate(status, absl::StrCat("open ", options.path));
  if (absl::IsNotFound(open_status)) return absl::DataLossError(open_status.message());
  RETURN_IF_ERROR(open_status);
  RETURN_IF_ERROR(CheckSyncs());
  RETURN_IF_ERROR(CheckFormat());
  ASSIGN_OR_RETURN(head_, LoadHead());
  return absl::OkStatus();
}

// LevelDB passes over some failed syncs, as that of the folder it was made in.
absl::Status LevelDbEngine::CheckSyncs() const {
  if (!env_.SyncFailed()) return absl::OkStatus();
  return absl::UnavailableError("a sync of the database or its folder failed");
}

absl::Status LevelDbEngine::CheckFormat() {
  const absl::StatusOr<std::string> stored = Get(kFormatKey, "read format");
  if (absl::IsNotFound(stored.status())) {
    // New, or a crash came between making the database and this write.
    ASSIGN_OR_RETURN(const bool empty, IsEmpty());
    if (!empty) return absl::DataLossError("the database has records but no format record");
    return Translate(db_->Put(Synced(), kFormatKey, EncodeFormat(kDatabaseFormat)), "write format");
  }
  RETURN_IF_ERROR(stored.status());
  ASSIGN_OR_RETURN(const uint32_t format, ParseFormat(*stored));
  if (format == kDatabaseFormat) return absl::OkStatus();
  if (format == 1) return Translate(UpgradeFromFormat1(*db_), "upgrade from format 1");
  return absl::FailedPreconditionError(
      absl::StrCat("the database has format ", format, ", this program knows ", kDatabaseFormat));
}

absl::StatusOr<bool> LevelDbEngine::IsEmpty() {
  bool empty = true;
  RETURN_IF_ERROR(Iterate("", [&](absl::string_view, absl::string_view) { return empty = false; }));
  return empty;
}

absl::StatusOr<std::string> LevelDbEngine::Get(absl::string_view key, absl::string_view what) {
  std::string value;
  RETURN_IF_ERROR(Translate(db_->Get(VerifiedReads(), ToSlice(key), &value), what));
  return value;
}

absl::StatusOr<std::optional<Head>> LevelDbEngine::LoadHead() {
  const absl::StatusOr<std::string> stored = Get(kHeadKey, "read head");
  if (absl::IsNotFound(stored.status())) return std::nullopt;
  RETURN_IF_ERROR(stored.status());
  ASSIGN_OR_RETURN(const Head head, ParseHead(*stored));
  return head;
}

absl::Status LevelDbEngine::Commit(const std::optional<Head>& expected, const CommitBatch& batch) {
  if (const absl::Status first = latched(); !first.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("storage has stopped after: ", first.message()));
  }
  // LevelDB itself goes on after a failed append, and loses what it acknowledges then: hence the
  // latch.
  return Latch(Write(expected, batch));
}

absl::Status LevelDbEngine::Latch(absl::Status status) {
  if (status.ok()) return status;
  MutexLock lock(mutex_);
  if (latched_.ok()) latched_ = status;
  return status;
}

absl::Status LevelDbEngine::Forget(absl::Span<const Forgotten> entries) {
  while (!entries.empty()) {
    if (const absl::Status first = latched(); !first.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("storage has stopped after: ", first.message()));
    }
    // Chunks near each other share tables; far ones are not tied together by what is written.
    size_t count = 1;
    while (count < entries.size() && count < kMaxForgottenTogether &&
           entries[count].index / kChunkEntries <=
               entries[count - 1].index / kChunkEntries + kNearChunks) {
      ++count;
    }
    RETURN_IF_ERROR(Latch(ForgetChunks(entries.subspan(0, count))));
    entries.remove_prefix(count);
  }
  return absl::OkStatus();
}

// LevelDB drops what a newer record hides only when tables are merged, and writes a memtable out
// with all that was ever put in it. So what is to go has to lie in tables before it is overwritten,
// and what overwrites it in a small table of its own: merging that into those below rewrites these
// and no others. While it is made, no commit is written beside it.
absl::Status LevelDbEngine::ForgetChunks(absl::Span<const Forgotten> entries) {
  leveldb::WriteBatch write;
  for (const Forgotten& entry : entries) {
    write.Delete(RecordKey(RecordKind::kPayload, entry.index));
    if (!entry.identity.empty()) {
      write.Put(RecordKey(RecordKind::kIdentity, entry.index), entry.identity);
    }
  }
  {
    MutexLock lock(write_mutex_);
    FlushMemtable();
    RETURN_IF_ERROR(Translate(db_->Write(Synced(), &write), "forget"));
    FlushMemtable();
  }
  const std::string begin =
      RecordKeyPrefix(RecordKind::kIdentity, entries.front().index / kChunkEntries);
  // Behind the payloads, the last kind that is touched.
  const std::string end = RecordKey(RecordKind::kPayload, entries.back().index) + '\0';
  const leveldb::Slice begin_slice = ToSlice(begin);
  const leveldb::Slice end_slice = ToSlice(end);
  db_->CompactRange(&begin_slice, &end_slice);
  // A table that a reader held meanwhile is removed when the next memtable is written out.
  FlushMemtable();
  // A merge that failed is told by the next write; this one changes nothing.
  RETURN_IF_ERROR(
      Translate(db_->Put(Synced(), kFormatKey, EncodeFormat(kDatabaseFormat)), "forget"));
  RETURN_IF_ERROR(CheckSyncs());
  return SyncDirectory(path_);  // the old files' names are gone for good
}

// A range without keys: the memtable is written out first, and then there is nothing to merge.
void LevelDbEngine::FlushMemtable() {
  const leveldb::Slice before_all("A");
  db_->CompactRange(&before_all, &before_all);
}

absl::Status LevelDbEngine::Write(const std::optional<Head>& expected, const CommitBatch& batch) {
  if (expected != head_) return absl::AbortedError("the stored head is not the expected one");
  leveldb::WriteBatch write;
  // In the order of the keys: each then goes into the memtable's list beside the one before it, and
  // the way there is in the processor's cache.
  for (const RecordKind kind : {RecordKind::kIdentity, RecordKind::kLeaf, RecordKind::kPayload}) {
    for (const CommitBatch::Record& record : batch.records) {
      if (record.kind == kind) write.Put(RecordKey(kind, record.index), record.bytes);
    }
  }
  for (const auto& [id, bytes] : batch.tiles) write.Put(TileKey(id), bytes);
  for (const auto& [number, bytes] : batch.stream_records) write.Put(StreamKey(number), bytes);
  write.Put(kHeadKey, EncodeHead(batch.head));
  Pace(write.ApproximateSize());
  {
    MutexLock lock(write_mutex_);
    RETURN_IF_ERROR(Translate(db_->Write(Synced(), &write), "commit"));
  }
  RETURN_IF_ERROR(CheckSyncs());
  head_ = batch.head;
  return absl::OkStatus();
}

void LevelDbEngine::Pace(size_t bytes) {
  std::string property;
  int files = 0;
  if (!db_->GetProperty("leveldb.num-files-at-level0", &property)) return;
  if (!absl::SimpleAtoi(property, &files)) return;
  commit_bytes_now_ = PacedBytes(files);
  const uint64_t micros = PaceMicros(files, bytes);
  if (micros > 0) env_.SleepForMicroseconds(static_cast<int>(micros));
}

absl::Status LevelDbEngine::Iterate(
    absl::string_view begin, absl::FunctionRef<bool(absl::string_view, absl::string_view)> visit) {
  const std::unique_ptr<leveldb::Iterator> it(db_->NewIterator(VerifiedScans()));
  for (it->Seek(ToSlice(begin)); it->Valid(); it->Next()) {
    if (!visit(ToView(it->key()), ToView(it->value()))) break;
  }
  return Translate(it->status(), "scan");
}

absl::Status LevelDbEngine::Scan(RecordKind kind, uint64_t begin, uint64_t end,
                                 absl::FunctionRef<bool(uint64_t, absl::string_view)> visit) {
  const std::unique_ptr<leveldb::Iterator> it(db_->NewIterator(VerifiedScans()));
  const absl::Status status = ScanRecords(*it, kind, begin, end, visit, [&](absl::string_view key) {
    return IndexOfRecordKey(kind, key).status();
  });
  RETURN_IF_ERROR(Translate(it->status(), "scan"));
  return status;
}

absl::Status LevelDbEngine::ScanStreams(
    absl::FunctionRef<bool(uint32_t, absl::string_view)> visit) {
  absl::Status bad_key;
  const std::string first = StreamKey(0);
  const absl::Status status = Iterate(first, [&](absl::string_view key, absl::string_view value) {
    if (key[0] != first[0]) return false;
    const absl::StatusOr<uint32_t> number = NumberOfStreamKey(key);
    bad_key = number.status();
    return bad_key.ok() && visit(*number, value);
  });
  return status.ok() ? bad_key : status;
}

// REQUIRES: level0_files >= kPacedFromFiles.
int PaceDoublings(int level0_files) {
  return std::min(level0_files - kPacedFromFiles, kMaxPaceDoublings);
}

}  // namespace

void SetTableOptions(leveldb::Options& options) {
  options.block_size = kTableBlockBytes;
  options.block_restart_interval = kTableRestartKeys;
  options.compression = leveldb::kSnappyCompression;
}

size_t PacedBytes(int level0_files) {
  if (level0_files < kPacedFromFiles) return SIZE_MAX;
  return (kMaxPaceMicros * kPacedBytesPerMicro) >> PaceDoublings(level0_files);
}

uint64_t PaceMicros(int level0_files, size_t bytes) {
  if (level0_files < kPacedFromFiles) return 0;
  return std::min((uint64_t{bytes} << PaceDoublings(level0_files)) / kPacedBytesPerMicro,
                  kMaxPaceMicros);
}

void SetBaseEnvForTesting(leveldb::Env* env) { g_base_env.store(env); }

leveldb::Env* BaseEnvOfEngines() {
  leveldb::Env* const for_testing = g_base_env.load();
  return for_testing != nullptr ? for_testing : leveldb::Env::Default();
}

absl::StatusOr<std::unique_ptr<Engine>> OpenLevelDbEngine(const LevelDbOptions& options) {
  auto engine = std::make_unique<LevelDbEngine>(options);
  RETURN_IF_ERROR(engine->Open(options));
  return engine;
}

}  // namespace auditledger
