#include "ledger/strict_env_tail.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "ledger/crc32c.h"

namespace auditledger {
namespace {

constexpr uint64_t kHeaderBytes = 7;  // u32 masked CRC, u16 length, u8 type, little-endian
constexpr uint64_t kTypeAt = 6;
constexpr size_t kBatchHeaderBytes = 12;  // u64 first number, u32 count, little-endian
constexpr size_t kBatchCountAt = 8;

enum Type : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Record {
  uint8_t type = 0;
  uint64_t end = 0;
  absl::string_view payload;
  bool begins_batch() const { return type == kFull || type == kFirst; }
  bool ends_batch() const { return type == kFull || type == kLast; }
};

uint32_t ByteAt(absl::string_view log, uint64_t at) { return static_cast<uint8_t>(log[at]); }

// LevelDB's, so that a CRC of what contains CRCs is none of the usual ones.
uint32_t Masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8; }

uint64_t BlockEnd(uint64_t at) { return (at / kLogBlockBytes + 1) * kLogBlockBytes; }

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
  record.payload = log.substr(at + kHeaderBytes, record.end - at - kHeaderBytes);
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
  for (uint64_t block = BlockEnd(damage); block < log.size(); block += kLogBlockBytes) {
    std::optional<Record> record = RecordAt(log, block);
    while (record.has_value()) {
      if (record->begins_batch()) return true;
      if (record->end == BlockEnd(block)) break;
      record = RecordAt(log, record->end);
    }
  }
  return false;
}

uint64_t LittleEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | ByteAt(bytes, i - 1);
  return value;
}

// A log read from its beginning on, as far as its records are good.
struct Walk {
  uint64_t at = 0;      // the log's size, or where the damage is
  uint64_t whole = 0;   // where the last whole batch ends
  std::string batch{};  // the header of the last batch, or what there is of it
};

Walk WalkThrough(absl::string_view log) {
  Walk walk;
  bool within = false;
  while (walk.at < log.size()) {
    if (BlockEnd(walk.at) - walk.at < kHeaderBytes) {
      walk.at = BlockEnd(walk.at);  // a block's filler
      continue;
    }
    const std::optional<Record> record = RecordAt(log, walk.at);
    if (!record.has_value() || record->begins_batch() == within) return walk;
    if (record->begins_batch()) walk.batch.clear();
    const absl::string_view rest = record->payload.substr(0, kBatchHeaderBytes - walk.batch.size());
    walk.batch.append(rest.data(), rest.size());
    walk.at = record->end;
    within = !record->ends_batch();
    if (!within) walk.whole = walk.at;
  }
  return walk;
}

absl::Status DamagedLog(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("a write-ahead log that was synced to its end is damaged: ", what));
}

}  // namespace

uint64_t SizeWithoutZeros(absl::string_view log) {
  if (log.empty() || log.back() != '\0') return log.size();
  const uint64_t whole = WalkThrough(log).whole;
  const bool all_zeros = log.find_first_not_of('\0', whole) == absl::string_view::npos;
  return all_zeros ? whole : log.size();
}

std::optional<uint64_t> TornTail(absl::string_view log) {
  const Walk walk = WalkThrough(log);
  if (walk.at >= log.size() || BatchBeginsBehind(log, walk.at)) return std::nullopt;
  return walk.whole;
}

absl::Status CheckWholeLog(absl::string_view log, absl::string_view next_block) {
  const Walk walk = WalkThrough(log);
  if (walk.whole != log.size()) return DamagedLog(absl::StrCat("no record at byte ", walk.at));
  const std::optional<Record> next = RecordAt(next_block, 0);
  if (!next.has_value() || next->payload.size() < kBatchHeaderBytes) return absl::OkStatus();
  if (walk.batch.size() < kBatchHeaderBytes) return DamagedLog("its last batch has no header");
  const absl::string_view last = walk.batch;
  const uint64_t end =
      LittleEndian(last.substr(0, kBatchCountAt)) + LittleEndian(last.substr(kBatchCountAt));
  const uint64_t begin = LittleEndian(next->payload.substr(0, kBatchCountAt));
  if (begin == end) return absl::OkStatus();
  return DamagedLog(
      absl::StrCat("it ends before number ", end, ", the next one begins with ", begin));
}

}  // namespace auditledger
