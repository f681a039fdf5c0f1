#include "ledger/fsck_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/format_upgrade.h"
#include "ledger/fsck_env.h"
#include "ledger/key_format.h"
#include "ledger/record_scan.h"
#include "leveldb/cache.h"
#include "leveldb/db.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Of a pass over everything nothing is read twice but indexes and tiles.
constexpr size_t kBlockCacheBytes = 8 << 20;
constexpr int kMaxOpenFiles = 256;

leveldb::Slice ToSlice(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }
absl::string_view ToView(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status Translate(const leveldb::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(what, ": ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  return absl::UnavailableError(message);
}

leveldb::ReadOptions VerifiedReads(bool fill_cache) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = fill_cache;
  return options;
}

class NoLog : public leveldb::Logger {
 public:
  void Logv(const char*, std::va_list) override {}
};

class LevelDbFsckStore : public FsckStore {
 public:
  LevelDbFsckStore() : cache_(leveldb::NewLRUCache(kBlockCacheBytes)) {}
  ~LevelDbFsckStore() override {
    env_.Close();
    db_.reset();
  }

  // Without `reading`, what LevelDB can read counts.
  absl::Status Open(const std::string& path, std::optional<LogReading> reading);
  absl::Status Rescue(const std::string& path);
  absl::Status UpgradeInMemory();

  absl::StatusOr<std::optional<Head>> LoadHead() override {
    const absl::StatusOr<std::string> bytes = Get(kHeadKey, "read head");
    if (absl::IsNotFound(bytes.status())) return std::nullopt;
    RETURN_IF_ERROR(bytes.status());
    return ParseHead(*bytes);
  }
  absl::Status Commit(const std::optional<Head>&, const CommitBatch&) override {
    return absl::FailedPreconditionError("a ledger that is being checked takes no entries");
  }
  absl::StatusOr<std::string> Read(RecordKind kind, uint64_t index) override {
    return Get(RecordKey(kind, index), "read record");
  }
  absl::Status Scan(RecordKind kind, uint64_t begin, uint64_t end,
                    absl::FunctionRef<bool(uint64_t, absl::string_view)> visit) override;
  absl::StatusOr<std::string> ReadTile(TileId id) override { return Get(TileKey(id), "read tile"); }
  absl::Status ScanStreams(absl::FunctionRef<bool(uint32_t, absl::string_view)> visit) override;
  absl::Status latched() const override { return absl::OkStatus(); }
  bool SyncFailed() const override { return false; }

  absl::Status ScanOthers(
      absl::FunctionRef<void(absl::string_view, absl::string_view)> visit) override;
  void OnStrangeKey(std::function<void(absl::string_view)> call) override {
    strange_ = std::move(call);
  }

 private:
  absl::StatusOr<std::string> Get(absl::string_view key, absl::string_view what) {
    std::string value;
    RETURN_IF_ERROR(Translate(db_->Get(VerifiedReads(true), ToSlice(key), &value), what));
    return value;
  }

  leveldb::Options OptionsFor(bool paranoid) {
    leveldb::Options options;
    options.env = &env_;
    options.info_log = &log_;
    options.paranoid_checks = paranoid;
    options.reuse_logs = false;
    options.max_open_files = kMaxOpenFiles;
    options.block_cache = cache_.get();
    return options;
  }

  FsckEnv env_;  // outlives the database
  NoLog log_;
  const std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<leveldb::DB> db_;
  std::function<void(absl::string_view)> strange_;
};

absl::Status LevelDbFsckStore::Open(const std::string& path, std::optional<LogReading> reading) {
  env_.SetLogReading(reading);
  if (!env_.FileExists(path + "/CURRENT")) {
    return absl::NotFoundError(absl::StrCat("no database in ", path));
  }
  leveldb::DB* opened = nullptr;
  const leveldb::Status status =
      leveldb::DB::Open(OptionsFor(/*paranoid=*/reading.has_value()), path, &opened);
  db_.reset(opened);
  if (env_.LockRefused()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is in use: stop the server, or check a copy"));
  }
  const absl::Status open_status = Translate(status, absl::StrCat("open ", path));
  if (absl::IsNotFound(open_status)) return absl::DataLossError(open_status.message());
  return open_status;
}

absl::Status LevelDbFsckStore::Rescue(const std::string& path) {
  std::vector<std::string> names;
  if (!env_.GetChildren(path, &names).ok() || names.empty()) {
    return absl::NotFoundError(absl::StrCat("no database in ", path));
  }
  const leveldb::Status repaired = leveldb::RepairDB(path, OptionsFor(/*paranoid=*/false));
  RETURN_IF_ERROR(Translate(repaired, absl::StrCat("rescue ", path)));
  return Open(path, std::nullopt);
}

// Writes stay in memory (fsck_env.h): an old ledger needs as much of it as it has bytes.
absl::Status LevelDbFsckStore::UpgradeInMemory() {
  const absl::StatusOr<std::string> stored = Get(kFormatKey, "read format");
  if (!stored.ok()) return absl::OkStatus();  // what is missing is for the check to tell
  const absl::StatusOr<uint32_t> format = ParseFormat(*stored);
  if (!format.ok() || *format != 1) return absl::OkStatus();
  return Translate(UpgradeFromFormat1(*db_), "upgrade from format 1, in memory");
}

absl::Status LevelDbFsckStore::Scan(RecordKind kind, uint64_t begin, uint64_t end,
                                    absl::FunctionRef<bool(uint64_t, absl::string_view)> visit) {
  const std::unique_ptr<leveldb::Iterator> it(db_->NewIterator(VerifiedReads(false)));
  RETURN_IF_ERROR(ScanRecords(*it, kind, begin, end, visit, [&](absl::string_view key) {
    if (strange_) strange_(key);
    return absl::OkStatus();
  }));
  return Translate(it->status(), "scan");
}

absl::Status LevelDbFsckStore::ScanStreams(
    absl::FunctionRef<bool(uint32_t, absl::string_view)> visit) {
  const std::unique_ptr<leveldb::Iterator> it(db_->NewIterator(VerifiedReads(false)));
  const std::string first = StreamKey(0);
  for (it->Seek(first); it->Valid() && it->key()[0] == first[0]; it->Next()) {
    const absl::StatusOr<uint32_t> number = NumberOfStreamKey(ToView(it->key()));
    if (number.ok() && !visit(*number, ToView(it->value()))) break;
  }
  return Translate(it->status(), "scan streams");
}

absl::Status LevelDbFsckStore::ScanOthers(
    absl::FunctionRef<void(absl::string_view, absl::string_view)> visit) {
  const std::unique_ptr<leveldb::Iterator> it(db_->NewIterator(VerifiedReads(false)));
  ScanOtherKeys(*it, visit);
  return Translate(it->status(), "scan");
}

absl::StatusOr<std::unique_ptr<FsckStore>> OpenStore(const std::string& path,
                                                     std::optional<LogReading> reading,
                                                     bool upgrade = true) {
  auto store = std::make_unique<LevelDbFsckStore>();
  RETURN_IF_ERROR(store->Open(path, reading));
  if (upgrade) RETURN_IF_ERROR(store->UpgradeInMemory());
  return store;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FsckStore>> FsckStore::Open(const std::string& path, bool tolerant) {
  if (tolerant) return OpenStore(path, std::nullopt);
  return OpenStore(path, LogReading::kOlderWhole);
}

absl::StatusOr<std::unique_ptr<FsckStore>> FsckStore::OpenRescued(const std::string& path) {
  auto store = std::make_unique<LevelDbFsckStore>();
  RETURN_IF_ERROR(store->Rescue(path));
  return store;
}

absl::StatusOr<std::unique_ptr<FsckStore>> FsckStore::OpenAsEnginesDo(const std::string& path) {
  auto store = OpenStore(path, LogReading::kOlderWhole, /*upgrade=*/false);
  if (!absl::IsDataLoss(store.status())) return store;
  return OpenStore(path, LogReading::kWithoutTornTail, /*upgrade=*/false);
}

absl::StatusOr<std::unique_ptr<FsckStore>> FsckStore::OpenWhole(const std::string& path) {
  return OpenStore(path, LogReading::kAllWhole);
}

}  // namespace auditledger
