// Keys and the records of LevelDB's own.
//
//   'E' BE64(chunk) 'L' BE16(n)  leaf of entry chunk * 4096 + n, verbatim
//   'E' BE64(chunk) 'P' BE16(n)  its encrypted payload (payload_cipher.h)
//   'E' BE64(chunk) 'I' BE16(n)  its identity record (identity_record.h)
//   'E' BE64(chunk) 'T' BE16(n)  tile of level 0, number chunk * 16 + n: 1 to 256 hashes, verbatim
//   'T' u8 level BE64(index)     tile of a level above
//   'S' BE32(number)             stream record (stream_table.h)
//   'H'                          head: u8 version = 1 | BE64 size | root[32] | BE64 time_us | BE32
//                                CRC-32C over all before
//   'F'                          format: u8 version = 1 | BE32 format of the whole database
//
// Why chunks: a key is new only behind all older ones ('F', 'H', 'S' and 'T' sort behind 'E'), so
// that LevelDB moves full tables down instead of merging them again; with one range for each kind
// of record, as format 1 had, every table overlapped every other, compaction fell behind a steady
// load and writes stopped for seconds (ledger/README.md, "Speed"). Inside a chunk each kind is one
// range, so that reading all leaves reads little else.
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
inline constexpr uint32_t kDatabaseFormat = 2;

inline constexpr char kHeadKey[] = "H";
inline constexpr char kFormatKey[] = "F";

// A table of some 16 MiB holds a few chunks; a chunk's leaves are a megabyte, so that the jump to
// the next ones costs nothing beside reading them.
inline constexpr uint64_t kChunkEntries = 4096;

std::string RecordKey(RecordKind kind, uint64_t index);
// What all keys of a chunk's records of one kind begin with. REQUIRES: chunk is that of an index.
std::string RecordKeyPrefix(RecordKind kind, uint64_t chunk);
std::string TileKey(TileId id);
std::string StreamKey(uint32_t number);
// What a key that one of the functions above made was made of. DataLoss for another key.
absl::StatusOr<uint64_t> IndexOfRecordKey(RecordKind kind, absl::string_view key);
absl::StatusOr<TileId> IdOfTileKey(absl::string_view key);
absl::StatusOr<uint32_t> NumberOfStreamKey(absl::string_view key);
// The chunk of a key that begins as an entry's do, whatever follows. DataLoss for another key and
// for a chunk that no index lies in.
absl::StatusOr<uint64_t> ChunkOfKey(absl::string_view key);

std::string EncodeHead(const Head& head);
absl::StatusOr<Head> ParseHead(absl::string_view bytes);
std::string EncodeFormat(uint32_t format);
absl::StatusOr<uint32_t> ParseFormat(absl::string_view bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_KEY_FORMAT_H_
