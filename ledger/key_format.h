// Keys and the records of LevelDB's own: one prefix byte and big-endian numbers, so that keys sort
// as numbers do.
//
//   'L' BE64(index)              leaf, verbatim
//   'P' BE64(index)              encrypted payload (payload_cipher.h)
//   'I' BE64(index)              identity record (identity_record.h)
//   'T' u8 level BE64(index)     tile, verbatim: 1 to 256 hashes
//   'S' BE32(number)             stream record (stream_table.h)
//   'H'                          head: u8 version = 1 | BE64 size | root[32] | BE64 time_us | BE32
//   CRC-32C over
//                                all before
//   'F'                          format: u8 version = 1 | BE32 format of the whole database
//
// Thread-safety: pure functions. Errors: DataLoss from parsing, which is strict.
#ifndef AUDITLEDGER_LEDGER_KEY_FORMAT_H_
#define AUDITLEDGER_LEDGER_KEY_FORMAT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/engine.h"
#include "merkle/tile.h"

namespace auditledger {

// What this program writes and reads. A change of any key or record is a new number.
inline constexpr uint32_t kDatabaseFormat = 1;

inline constexpr char kHeadKey[] = "H";
inline constexpr char kFormatKey[] = "F";

std::string RecordKey(RecordKind kind, uint64_t index);
std::string TileKey(TileId id);
std::string StreamKey(uint32_t number);
// The number at the end of a key that RecordKey or StreamKey made. DataLoss for another key.
absl::StatusOr<uint64_t> IndexOfRecordKey(RecordKind kind, absl::string_view key);
absl::StatusOr<uint32_t> NumberOfStreamKey(absl::string_view key);

std::string EncodeHead(const Head& head);
absl::StatusOr<Head> ParseHead(absl::string_view bytes);
std::string EncodeFormat(uint32_t format);
absl::StatusOr<uint32_t> ParseFormat(absl::string_view bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_KEY_FORMAT_H_
