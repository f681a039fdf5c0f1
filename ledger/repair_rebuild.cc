#include "ledger/repair_rebuild.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ledger/backup_restore.h"
#include "ledger/leveldb_engine.h"
#include "ledger/stream_table.h"
#include "ledger/tree_edge.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using Records = std::map<uint64_t, std::string>;

class Rebuild {
 public:
  Rebuild(const RebuildSources& sources, const ProvenLeaves& proven, uint64_t signed_size,
          Engine& engine)
      : sources_(sources), proven_(proven), signed_size_(signed_size), engine_(engine) {}

  absl::StatusOr<Rebuilt> Run(const std::function<void(uint64_t, uint64_t)>& progress);

 private:
  void AddStreams();
  Records ReadOwn(RecordKind kind, uint64_t begin, uint64_t end);
  absl::Status AddBundle(uint64_t bundle);
  void Miss(uint64_t index, bool payload, bool identity);
  void Put(RecordKind kind, uint64_t index, std::string bytes);
  absl::Status Commit();

  const RebuildSources& sources_;
  const ProvenLeaves& proven_;
  const uint64_t signed_size_;
  Engine& engine_;
  TreeEdge edge_;
  CommitBatch batch_;
  size_t batch_bytes_ = 0;
  std::optional<Head> last_;
  Rebuilt rebuilt_;
};

// Before the entries, which name them.
void Rebuild::AddStreams() {
  std::map<uint32_t, std::string> streams;
  if (sources_.store != nullptr) {
    // What cannot be read is asked of the backup.
    sources_.store
        ->ScanStreams([&](uint32_t number, absl::string_view record) {
          if (ParseStreamRecord(record).ok()) streams.emplace(number, record);
          return true;
        })
        .IgnoreError();
  }
  if (sources_.backup != nullptr) {
    for (const auto& [number, record] : sources_.backup->Streams()) {
      if (streams.emplace(number, record).second) ++rebuilt_.streams;
    }
  }
  for (auto& [number, record] : streams) {
    batch_.stream_records.emplace_back(number, std::move(record));
  }
}

Records Rebuild::ReadOwn(RecordKind kind, uint64_t begin, uint64_t end) {
  Records out;
  if (sources_.store == nullptr) return out;
  sources_.store
      ->Scan(kind, begin, end,
             [&](uint64_t index, absl::string_view bytes) {
               out.emplace(index, bytes);
               return true;
             })
      .IgnoreError();
  return out;
}

void Rebuild::Put(RecordKind kind, uint64_t index, std::string bytes) {
  batch_bytes_ += bytes.size();
  batch_.records.push_back({kind, index, std::move(bytes)});
}

void Rebuild::Miss(uint64_t index, bool payload, bool identity) {
  if (!payload && !identity) return;
  WantedRecords* const last = rebuilt_.missing.empty() ? nullptr : &rebuilt_.missing.back();
  if (last != nullptr && last->end == index && last->payload == payload &&
      last->identity == identity) {
    last->end = index + 1;
  } else {
    rebuilt_.missing.push_back({index, index + 1, payload, identity});
  }
}

absl::Status Rebuild::AddBundle(uint64_t bundle) {
  const uint64_t begin = bundle * kTileWidth;
  const uint64_t end = std::min(begin + kTileWidth, proven_.head.size);
  auto leaves = sources_.leaves->Pick(bundle, end - begin, signed_size_, proven_.policy);
  Records payloads = ReadOwn(RecordKind::kPayload, begin, end);
  Records identities = ReadOwn(RecordKind::kIdentity, begin, end);
  for (uint64_t index = begin; index < end; ++index) {
    std::optional<PickedLeaf>& picked = leaves[index - begin];
    if (!picked.has_value()) {
      return absl::DataLossError(absl::StrCat("entry ", index, " is not shown any more"));
    }
    const absl::StatusOr<Leaf> leaf = ParseLeaf(picked->bytes);
    edge_.Append(LeafHash(picked->bytes));
    if (!picked->is_own) rebuilt_.leaves.Add(index);
    if (leaf.ok()) {
      batch_.head.time_us = leaf->recorded_at_us;
      const bool has_payload = leaf->commitment.has_value();
      const bool needs_payload = has_payload && !payloads.contains(index);
      const bool needs_identity = CarriesEvent(leaf->kind) && !identities.contains(index);
      if (has_payload && !needs_payload) {
        Put(RecordKind::kPayload, index, std::move(payloads[index]));
      }
      if (CarriesEvent(leaf->kind) && !needs_identity) {
        Put(RecordKind::kIdentity, index, std::move(identities[index]));
      }
      Miss(index, needs_payload, needs_identity);
      if (sources_.secrets != nullptr) {
        const bool erased = proven_.erasures.ErasedBy(index).has_value();
        RETURN_IF_ERROR(sources_.secrets->Look(
            index, {.has_secret = has_payload, .is_erased = erased}, sources_.backup));
      }
    }
    Put(RecordKind::kLeaf, index, std::move(picked->bytes));
  }
  const bool full = batch_bytes_ >= kRestoreBatchBytes ||
                    edge_.size() - (last_ ? last_->size : 0) >= kRestoreBatchEntries;
  return full ? Commit() : absl::OkStatus();
}

absl::Status Rebuild::Commit() {
  batch_.tiles = edge_.TakeChangedTiles();
  batch_.head.size = edge_.size();
  batch_.head.root = edge_.Root();
  RETURN_IF_ERROR(engine_.Commit(last_, batch_));
  last_ = batch_.head;
  batch_ = CommitBatch();
  batch_.head.time_us = last_->time_us;
  batch_bytes_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<Rebuilt> Rebuild::Run(const std::function<void(uint64_t, uint64_t)>& progress) {
  AddStreams();
  const uint64_t size = proven_.head.size;
  for (uint64_t bundle = 0; bundle * kTileWidth < size; ++bundle) {
    RETURN_IF_ERROR(AddBundle(bundle));
    if (progress) progress(edge_.size(), size);
  }
  if (!last_ || last_->size < size) RETURN_IF_ERROR(Commit());
  if (last_->root == proven_.head.root) return std::move(rebuilt_);
  return absl::DataLossError("a copy shows other leaves than when they were proven");
}

}  // namespace

absl::StatusOr<Rebuilt> RebuildLog(const RebuildSources& sources, const ProvenLeaves& proven,
                                   uint64_t signed_size, const std::string& path,
                                   const std::function<void(uint64_t, uint64_t)>& progress) {
  LevelDbOptions leveldb;
  leveldb.path = path;
  leveldb.create_if_missing = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, OpenLevelDbEngine(leveldb));
  return Rebuild(sources, proven, signed_size, *engine).Run(progress);
}

}  // namespace auditledger
