// One file of a spool: a header, and records one after the other, each under a tag of its own.
//
//   header  u8 version = 1 | u8 kind | u64 epoch | u64 number | u64 first record | u64 previous
//           bytes | salt[16] | tag[16]
//   record  0xF1 | u32 number in this file, from 0 | u32 how many of them were on the disk when it
//           was written | u32 length | check[4] | AES-256-GCM of the record, with its tag: `length`
//           bytes | 0x1F
//
// Numbers are big-endian. `previous bytes` are those of the file before this one that count: what
// lies behind them was never acknowledged. check = SHA-256(salt || the 13 bytes before it)[0:4], so
// that a length is believed before the tag is seen. The file's key is derived of the spool's and of
// the header before its tag (spool_key.h): label "auditledger/spool/v1"; nonce: the record's
// number, the header's tag 2^64 - 1. Associated data: the 17 bytes before the ciphertext.
//
// **A crash is told from damage.** A power cut leaves of what was not synced some sectors of 512
// bytes and not others, which then read as zeros or lie beyond the file's end. A record in the
// newest file that is so is torn, it and what follows were never acknowledged as durable, and the
// file counts up to there. Anything else (a bit that flipped, also in the last record; a record in
// ruins behind which one begins that was written after it had been synced; a file that is no longer
// the newest) is DataLoss, with the place. What is not told apart: a whole sector that a disk
// turned into zeros, in what was synced last.
//
// Example:
//   ASSIGN_OR_RETURN(SegmentWriter writer, SegmentWriter::Begin(key, header));
//   file = writer.header_bytes();
//   RETURN_IF_ERROR(writer.Add("record", 0, file));
//   ASSIGN_OR_RETURN(const Segment segment, ParseSegment(key, file, std::nullopt));
//
// Thread-safety: pure functions; an object belongs to one thread.
#ifndef AUDITLEDGER_API_CLIENT_SPOOL_SEGMENT_H_
#define AUDITLEDGER_API_CLIENT_SPOOL_SEGMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/client/spool_key.h"

namespace auditledger {

enum class SpoolKind : uint8_t { kEvents = 1, kReceipts = 2, kRefused = 3 };

inline constexpr size_t kSpoolSaltBytes = 16;
inline constexpr size_t kSegmentHeaderBytes = 2 + 4 * 8 + kSpoolSaltBytes + kSpoolTagBytes;
inline constexpr size_t kRecordHeaderBytes = 1 + 3 * 4 + 4;
inline constexpr size_t kRecordOverhead = kRecordHeaderBytes + kSpoolTagBytes + 1;
// An event of 64 KiB and its receipt, with room; a length above is damage.
inline constexpr size_t kMaxSpoolRecordBytes = 256 << 10;

struct SegmentHeader {
  SpoolKind kind = SpoolKind::kEvents;
  uint64_t epoch = 0;         // of the spool
  uint64_t number = 0;        // of the file, from 1
  uint64_t first_record = 0;  // of the log, from 1
  uint64_t previous_bytes = 0;
  std::string salt;
};

struct Segment {
  SegmentHeader header;
  std::vector<std::string> records;
  uint64_t bytes = 0;       // that count
  uint64_t torn_bytes = 0;  // behind them
};

// Reads a header alone. DataLoss unless it is one under this key.
absl::StatusOr<SegmentHeader> ParseSegmentHeader(const SpoolKey& key, absl::string_view bytes);

// The records of a file. `bytes_that_count`: what the next file says; nothing: this is the newest.
// DataLoss, saying where.
absl::StatusOr<Segment> ParseSegment(const SpoolKey& key, absl::string_view bytes,
                                     std::optional<uint64_t> bytes_that_count);

class SegmentWriter {
 public:
  // `header.salt` must be fresh: it makes the key of this file.
  static absl::StatusOr<SegmentWriter> Begin(const SpoolKey& key, const SegmentHeader& header);
  const std::string& header_bytes() const { return header_bytes_; }
  uint32_t records() const { return next_; }

  // Appends the next record as it is to be written; `synced` of those before are on the disk.
  // InvalidArgument over kMaxSpoolRecordBytes. After an error, or when what was appended was not
  // written whole, the file takes no more records: no number is used twice.
  absl::Status Add(absl::string_view record, uint32_t synced, std::string& out);

 private:
  SegmentWriter(SpoolCipher cipher, std::string header_bytes)
      : cipher_(std::move(cipher)), header_bytes_(std::move(header_bytes)) {}
  SpoolCipher cipher_;
  std::string header_bytes_;
  uint32_t next_ = 0;
};

// Reads records of a file one after the other, for a file that was parsed before: whatever is wrong
// now is DataLoss.
class SegmentReader {
 public:
  static absl::StatusOr<SegmentReader> Begin(const SpoolKey& key, absl::string_view header_bytes);
  // Takes the record that `bytes` begins with off their front. Nothing when they hold only a part
  // of it.
  absl::StatusOr<std::optional<std::string>> Next(absl::string_view& bytes);
  uint32_t records() const { return next_; }

 private:
  friend absl::StatusOr<Segment> ParseSegment(const SpoolKey&, absl::string_view,
                                              std::optional<uint64_t>);
  SegmentReader(SpoolCipher cipher, SegmentHeader header)
      : cipher_(std::move(cipher)), header_(std::move(header)) {}
  SpoolCipher cipher_;
  SegmentHeader header_;
  uint32_t next_ = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_SPOOL_SEGMENT_H_
