#include "ledger/key_format.h"

#include "absl/strings/str_cat.h"
#include "ledger/crc32c.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kEntryPrefix = 'E';
constexpr uint8_t kTilePrefix = 'T';
constexpr uint64_t kMaxChunk = UINT64_MAX / kChunkEntries;
constexpr uint64_t kChunkTiles = kChunkEntries / kTileWidth;  // of level 0
constexpr uint8_t kStreamPrefix = 'S';

absl::Status Damaged(const absl::Status& status) {
  return absl::Status(status.ok() ? absl::StatusCode::kOk : absl::StatusCode::kDataLoss,
                      status.message());
}

absl::Status ReadPrefix(ByteReader& in, absl::string_view what, uint8_t wanted) {
  uint8_t found = 0;
  RETURN_IF_ERROR(in.U8(what, found));
  if (found == wanted) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(what, ": is ", found, ", not ", wanted));
}

absl::Status ReadHead(absl::string_view bytes, Head& head) {
  ByteReader in(bytes);
  absl::string_view root;
  uint32_t crc = 0;
  RETURN_IF_ERROR(ReadPrefix(in, "head version", kVersion));
  RETURN_IF_ERROR(in.U64("head size", head.size));
  RETURN_IF_ERROR(in.Raw("head root", Hash::kSize, root));
  RETURN_IF_ERROR(in.U64("head time", head.time_us));
  const size_t covered = bytes.size() - in.rest().size();
  RETURN_IF_ERROR(in.U32("head CRC", crc));
  RETURN_IF_ERROR(in.Finish("head"));
  if (crc != Crc32c(bytes.substr(0, covered))) {
    return absl::DataLossError("head: its CRC does not match");
  }
  ASSIGN_OR_RETURN(head.root, Hash::FromBytes(root));
  return absl::OkStatus();
}

std::string ChunkKey(uint64_t chunk, uint8_t kind) {
  std::string key;
  PutU8(key, kEntryPrefix);
  PutU64(key, chunk);
  PutU8(key, kind);
  return key;
}

// In a chunk that holds `width` of these: chunk * width + n.
absl::Status ReadChunkKey(absl::string_view key, uint8_t kind, uint64_t width, uint64_t& number) {
  ByteReader in(key);
  uint64_t chunk = 0;
  uint16_t offset = 0;
  RETURN_IF_ERROR(ReadPrefix(in, "entry key", kEntryPrefix));
  RETURN_IF_ERROR(in.U64("entry key", chunk));
  RETURN_IF_ERROR(ReadPrefix(in, "entry key", kind));
  RETURN_IF_ERROR(in.U16("entry key", offset));
  RETURN_IF_ERROR(in.Finish("entry key"));
  if (chunk > kMaxChunk || offset >= width) {
    return absl::DataLossError("entry key: beyond its range");
  }
  number = chunk * width + offset;
  return absl::OkStatus();
}

absl::Status ReadUpperTileKey(absl::string_view key, TileId& id) {
  ByteReader in(key);
  RETURN_IF_ERROR(ReadPrefix(in, "tile key", kTilePrefix));
  RETURN_IF_ERROR(in.U8("tile key", id.level));
  RETURN_IF_ERROR(in.U64("tile key", id.index));
  RETURN_IF_ERROR(in.Finish("tile key"));
  return id.level > 0 ? absl::OkStatus() : absl::DataLossError("tile key: level 0");
}

}  // namespace

// At once: every commit makes three for each of its entries.
std::string RecordKey(RecordKind kind, uint64_t index) {
  const uint64_t chunk = index / kChunkEntries;
  const uint64_t offset = index % kChunkEntries;
  char key[12] = {static_cast<char>(kEntryPrefix)};
  for (int i = 0; i < 8; ++i) key[1 + i] = static_cast<char>(chunk >> (56 - 8 * i));
  key[9] = static_cast<char>(kind);
  key[10] = static_cast<char>(offset >> 8);
  key[11] = static_cast<char>(offset);
  return std::string(key, sizeof(key));
}

std::string RecordKeyPrefix(RecordKind kind, uint64_t chunk) {
  return ChunkKey(chunk, static_cast<uint8_t>(kind));
}

std::string TileKey(TileId id) {
  std::string key;
  if (id.level == 0) {
    key = ChunkKey(id.index / kChunkTiles, kTilePrefix);
    PutU16(key, static_cast<uint16_t>(id.index % kChunkTiles));
    return key;
  }
  PutU8(key, kTilePrefix);
  PutU8(key, id.level);
  PutU64(key, id.index);
  return key;
}

std::string StreamKey(uint32_t number) {
  std::string key;
  PutU8(key, kStreamPrefix);
  PutU32(key, number);
  return key;
}

absl::StatusOr<uint64_t> IndexOfRecordKey(RecordKind kind, absl::string_view key) {
  uint64_t index = 0;
  RETURN_IF_ERROR(Damaged(ReadChunkKey(key, static_cast<uint8_t>(kind), kChunkEntries, index)));
  return index;
}

absl::StatusOr<TileId> IdOfTileKey(absl::string_view key) {
  TileId id{};
  if (ReadChunkKey(key, kTilePrefix, kChunkTiles, id.index).ok()) return id;
  RETURN_IF_ERROR(Damaged(ReadUpperTileKey(key, id)));
  return id;
}

absl::StatusOr<uint64_t> ChunkOfKey(absl::string_view key) {
  ByteReader in(key);
  uint64_t chunk = 0;
  RETURN_IF_ERROR(Damaged(ReadPrefix(in, "entry key", kEntryPrefix)));
  RETURN_IF_ERROR(Damaged(in.U64("entry key", chunk)));
  if (chunk > kMaxChunk) return absl::DataLossError("entry key: beyond its range");
  return chunk;
}

absl::StatusOr<uint32_t> NumberOfStreamKey(absl::string_view key) {
  ByteReader in(key);
  uint32_t number = 0;
  RETURN_IF_ERROR(Damaged(ReadPrefix(in, "stream key", kStreamPrefix)));
  RETURN_IF_ERROR(Damaged(in.U32("stream key", number)));
  RETURN_IF_ERROR(Damaged(in.Finish("stream key")));
  return number;
}

std::string EncodeHead(const Head& head) {
  std::string out;
  PutU8(out, kVersion);
  PutU64(out, head.size);
  absl::StrAppend(&out, head.root.view());
  PutU64(out, head.time_us);
  PutU32(out, Crc32c(out));
  return out;
}

absl::StatusOr<Head> ParseHead(absl::string_view bytes) {
  Head head;
  RETURN_IF_ERROR(Damaged(ReadHead(bytes, head)));
  return head;
}

std::string EncodeFormat(uint32_t format) {
  std::string out;
  PutU8(out, kVersion);
  PutU32(out, format);
  return out;
}

absl::StatusOr<uint32_t> ParseFormat(absl::string_view bytes) {
  ByteReader in(bytes);
  uint32_t format = 0;
  RETURN_IF_ERROR(Damaged(ReadPrefix(in, "format version", kVersion)));
  RETURN_IF_ERROR(Damaged(in.U32("format", format)));
  RETURN_IF_ERROR(Damaged(in.Finish("format")));
  return format;
}

}  // namespace auditledger
