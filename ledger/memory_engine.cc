#include "ledger/memory_engine.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "ledger/mutex.h"

namespace auditledger {
namespace {

class MemoryEngine : public Engine {
 public:
  absl::StatusOr<std::optional<Head>> LoadHead() override {
    MutexLock lock(mutex_);
    return head_;
  }

  absl::Status Commit(const std::optional<Head>& expected, const CommitBatch& batch) override {
    MutexLock lock(mutex_);
    if (!latched_.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("storage has stopped after: ", latched_.message()));
    }
    if (expected != head_) {
      latched_ = absl::AbortedError("the stored head is not the expected one");
      return latched_;
    }
    for (const CommitBatch::Record& r : batch.records) records_[{r.kind, r.index}] = r.bytes;
    for (const auto& [id, bytes] : batch.tiles) tiles_[id] = bytes;
    for (const auto& [number, bytes] : batch.stream_records) streams_[number] = bytes;
    head_ = batch.head;
    return absl::OkStatus();
  }

  absl::Status Forget(absl::Span<const Forgotten> entries) override {
    MutexLock lock(mutex_);
    for (const Forgotten& entry : entries) {
      records_.erase({RecordKind::kPayload, entry.index});
      if (!entry.identity.empty()) records_[{RecordKind::kIdentity, entry.index}] = entry.identity;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Read(RecordKind kind, uint64_t index) override {
    MutexLock lock(mutex_);
    return Find(records_, std::make_pair(kind, index));
  }

  absl::Status Scan(RecordKind kind, uint64_t begin, uint64_t end,
                    absl::FunctionRef<bool(uint64_t, absl::string_view)> visit) override {
    std::vector<std::pair<uint64_t, std::string>> copy;  // a visitor may call back: no lock then
    if (begin < end) {
      MutexLock lock(mutex_);
      const auto last = records_.lower_bound({kind, end});
      for (auto it = records_.lower_bound({kind, begin}); it != last; ++it) {
        copy.emplace_back(it->first.second, it->second);
      }
    }
    for (const auto& [index, bytes] : copy) {
      if (!visit(index, bytes)) break;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadTile(TileId id) override {
    MutexLock lock(mutex_);
    return Find(tiles_, id);
  }

  absl::Status ScanStreams(absl::FunctionRef<bool(uint32_t, absl::string_view)> visit) override {
    std::map<uint32_t, std::string> copy;
    {
      MutexLock lock(mutex_);
      copy = streams_;
    }
    for (const auto& [number, bytes] : copy) {
      if (!visit(number, bytes)) break;
    }
    return absl::OkStatus();
  }

  absl::Status latched() const override {
    MutexLock lock(mutex_);
    return latched_;
  }
  bool SyncFailed() const override { return false; }

 private:
  template <typename Map, typename Key>
  static absl::StatusOr<std::string> Find(const Map& map, const Key& key) {
    const auto it = map.find(key);
    if (it == map.end()) return absl::NotFoundError("no such record");
    return it->second;
  }

  mutable Mutex mutex_;
  absl::Status latched_ ABSL_GUARDED_BY(mutex_);
  std::optional<Head> head_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<RecordKind, uint64_t>, std::string> records_ ABSL_GUARDED_BY(mutex_);
  std::map<TileId, std::string> tiles_ ABSL_GUARDED_BY(mutex_);
  std::map<uint32_t, std::string> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Engine> NewMemoryEngine() { return std::make_unique<MemoryEngine>(); }

}  // namespace auditledger
