#include "ledger/strict_env_tail.h"

#include <algorithm>

#include "ledger/crc32c.h"

namespace auditledger {
namespace {

constexpr uint64_t kBlockBytes = 32768;
constexpr uint64_t kHeaderBytes = 7;  // u32 masked CRC, u16 length, u8 type, little-endian
constexpr uint64_t kTypeAt = 6;

enum Type : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Record {
  uint8_t type = 0;
  uint64_t end = 0;
  bool begins_batch() const { return type == kFull || type == kFirst; }
  bool ends_batch() const { return type == kFull || type == kLast; }
};

uint32_t ByteAt(absl::string_view log, uint64_t at) { return static_cast<uint8_t>(log[at]); }

// LevelDB's, so that a CRC of what contains CRCs is none of the usual ones.
uint32_t Masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8; }

uint64_t BlockEnd(uint64_t at) { return (at / kBlockBytes + 1) * kBlockBytes; }

// The record at `at`, if a whole and undamaged one begins there.
std::optional<Record> RecordAt(absl::string_view log, uint64_t at) {
  const uint64_t limit = std::min<uint64_t>(BlockEnd(at), log.size());
  if (at + kHeaderBytes > limit) return std::nullopt;
  Record record;
  record.type = static_cast<uint8_t>(log[at + kTypeAt]);
  record.end = at + kHeaderBytes + (ByteAt(log, at + 4) | ByteAt(log, at + 5) << 8);
  if (record.type < kFull || record.type > kLast || record.end > limit) return std::nullopt;
  const uint32_t stored = ByteAt(log, at) | ByteAt(log, at + 1) << 8 | ByteAt(log, at + 2) << 16 |
                          ByteAt(log, at + 3) << 24;
  const uint32_t found = Masked(Crc32c(log.substr(at + kTypeAt, record.end - at - kTypeAt)));
  if (stored != found) return std::nullopt;
  return record;
}

// Whether a batch begins behind the damage at `damage`. In its own block the damage may have taken
// the way to the next record along: any offset may be one. Each later block begins with a record.
bool BatchBeginsBehind(absl::string_view log, uint64_t damage) {
  const uint64_t block_end = std::min<uint64_t>(BlockEnd(damage), log.size());
  for (uint64_t at = damage + 1; at < block_end; ++at) {
    const std::optional<Record> record = RecordAt(log, at);
    if (record.has_value() && record->begins_batch()) return true;
  }
  for (uint64_t block = BlockEnd(damage); block < log.size(); block += kBlockBytes) {
    std::optional<Record> record = RecordAt(log, block);
    while (record.has_value()) {
      if (record->begins_batch()) return true;
      if (record->end == BlockEnd(block)) break;
      record = RecordAt(log, record->end);
    }
  }
  return false;
}

}  // namespace

std::optional<uint64_t> TornTail(absl::string_view log) {
  uint64_t at = 0;
  uint64_t whole = 0;  // batches end here
  while (at < log.size()) {
    if (BlockEnd(at) - at < kHeaderBytes) {
      at = BlockEnd(at);  // a block's filler
      continue;
    }
    const std::optional<Record> record = RecordAt(log, at);
    if (!record.has_value()) break;
    at = record->end;
    if (record->ends_batch()) whole = at;
  }
  if (at >= log.size() || BatchBeginsBehind(log, at)) return std::nullopt;
  return whole;
}

}  // namespace auditledger
