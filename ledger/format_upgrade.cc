#include "ledger/format_upgrade.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "ledger/key_format.h"
#include "leveldb/write_batch.h"
#include "merkle/bytes.h"

namespace auditledger {
namespace {

// What is in memory at a time.
constexpr size_t kBatchBytes = 4 << 20;

// Nothing for a key that stays as it is.
std::optional<std::string> NewKey(const leveldb::Slice& key) {
  ByteReader in(absl::string_view(key.data(), key.size()));
  uint8_t prefix = 0;
  uint64_t index = 0;
  if (!in.U8("", prefix).ok()) return std::nullopt;
  uint8_t level = 0;
  if (prefix == 'T' && !in.U8("", level).ok()) return std::nullopt;
  if (!in.U64("", index).ok() || !in.Finish("").ok() || level > 0) return std::nullopt;
  for (const RecordKind kind : {RecordKind::kLeaf, RecordKind::kPayload, RecordKind::kIdentity}) {
    if (prefix == static_cast<uint8_t>(kind)) return RecordKey(kind, index);
  }
  return prefix == 'T' ? std::optional(TileKey({0, index})) : std::nullopt;
}

}  // namespace

leveldb::Status UpgradeFromFormat1(leveldb::DB& db) {
  leveldb::ReadOptions verified;
  verified.verify_checksums = true;
  verified.fill_cache = false;
  leveldb::WriteOptions synced;
  synced.sync = true;
  leveldb::WriteBatch batch;
  const std::unique_ptr<leveldb::Iterator> it(db.NewIterator(verified));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::optional<std::string> key = NewKey(it->key());
    if (!key.has_value()) continue;
    batch.Put(*key, it->value());
    batch.Delete(it->key());
    if (batch.ApproximateSize() < kBatchBytes) continue;
    if (leveldb::Status status = db.Write(synced, &batch); !status.ok()) return status;
    batch.Clear();
  }
  if (!it->status().ok()) return it->status();
  batch.Put(kFormatKey, EncodeFormat(kDatabaseFormat));
  return db.Write(synced, &batch);
}

}  // namespace auditledger
