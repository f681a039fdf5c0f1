#include "api/client/spool_segment.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kBegin = 0xF1;  // no sector that was never written begins or ends so
constexpr uint8_t kEnd = 0x1F;
constexpr size_t kCheckBytes = 4;
constexpr size_t kSectorBytes = 512;
constexpr uint64_t kHeaderNonce = UINT64_MAX;
constexpr char kLabel[] = "auditledger/spool/v1";

std::string EncodeHeader(const SegmentHeader& header) {
  std::string out;
  PutU8(out, kVersion);
  PutU8(out, static_cast<uint8_t>(header.kind));
  PutU64(out, header.epoch);
  PutU64(out, header.number);
  PutU64(out, header.first_record);
  PutU64(out, header.previous_bytes);
  out += header.salt;
  return out;
}

absl::StatusOr<SegmentHeader> DecodeHeader(absl::string_view bytes) {
  SegmentHeader header;
  ByteReader in(bytes);
  uint8_t version = 0;
  uint8_t kind = 0;
  absl::string_view salt;
  RETURN_IF_ERROR(in.U8("version", version));
  RETURN_IF_ERROR(in.U8("kind", kind));
  RETURN_IF_ERROR(in.U64("epoch", header.epoch));
  RETURN_IF_ERROR(in.U64("number", header.number));
  RETURN_IF_ERROR(in.U64("first record", header.first_record));
  RETURN_IF_ERROR(in.U64("previous bytes", header.previous_bytes));
  RETURN_IF_ERROR(in.Raw("salt", kSpoolSaltBytes, salt));
  RETURN_IF_ERROR(in.Finish("header"));
  if (version != kVersion) return absl::InvalidArgumentError(absl::StrCat("version ", version));
  if (kind < 1 || kind > 3) return absl::InvalidArgumentError(absl::StrCat("kind ", kind));
  if (header.number == 0 || header.first_record == 0) {
    return absl::InvalidArgumentError("files and records are numbered from 1");
  }
  header.kind = static_cast<SpoolKind>(kind);
  header.salt = std::string(salt);
  return header;
}

struct Opened {
  SegmentHeader header;
  SpoolCipher cipher;
};

absl::StatusOr<Opened> OpenHeader(const SpoolKey& key, absl::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes) {
    return absl::DataLossError(
        absl::StrCat("its header has ", bytes.size(), " bytes, needs ", kSegmentHeaderBytes));
  }
  const absl::string_view fields = bytes.substr(0, kSegmentHeaderBytes - kSpoolTagBytes);
  ASSIGN_OR_RETURN(SpoolCipher cipher, SpoolCipher::Derive(key, kLabel, fields));
  if (!cipher.Open(kHeaderNonce, "", bytes.substr(fields.size(), kSpoolTagBytes)).ok()) {
    return absl::DataLossError("its header was damaged, or it is under another key");
  }
  auto header = DecodeHeader(fields);
  if (!header.ok()) {
    return absl::DataLossError(absl::StrCat("its header: ", header.status().message()));
  }
  return Opened{*std::move(header), std::move(cipher)};
}

struct RecordHeader {
  uint32_t number = 0;
  uint32_t synced = 0;
  uint32_t length = 0;
};

std::string Check(absl::string_view salt, absl::string_view fields) {
  return std::string(Sha256({salt, fields}).view().substr(0, kCheckBytes));
}

// Nothing when `bytes` do not begin with one of this file.
std::optional<RecordHeader> DecodeRecordHeader(absl::string_view salt, absl::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes || static_cast<uint8_t>(bytes[0]) != kBegin) {
    return std::nullopt;
  }
  const absl::string_view fields = bytes.substr(0, kRecordHeaderBytes - kCheckBytes);
  if (Check(salt, fields) != bytes.substr(fields.size(), kCheckBytes)) return std::nullopt;
  RecordHeader header;
  ByteReader in(fields.substr(1));
  const bool read = in.U32("number", header.number).ok() && in.U32("synced", header.synced).ok() &&
                    in.U32("length", header.length).ok();
  if (!read || header.length < kSpoolTagBytes ||
      header.length > kMaxSpoolRecordBytes + kSpoolTagBytes || header.synced > header.number) {
    return std::nullopt;
  }
  return header;
}

// Whether [begin, end) has the whole of a sector's share in it as zeros: a sector that was not
// written. `end` may lie beyond the file.
bool HasUnwrittenSector(absl::string_view bytes, size_t begin, size_t end) {
  if (end > bytes.size()) return true;
  while (begin < end) {
    const size_t next = std::min(end, (begin / kSectorBytes + 1) * kSectorBytes);
    const absl::string_view share = bytes.substr(begin, next - begin);
    if (share.find_first_not_of('\0') == absl::string_view::npos) return true;
    begin = next;
  }
  return false;
}

// Where the record at `begin` ends that is not whole, as far as can be told: of a header in ruins
// the rest of the sector in which it ends, since what it says of its length is lost.
size_t ReachOf(const std::optional<RecordHeader>& header, absl::string_view bytes, size_t begin) {
  if (header.has_value()) return begin + kRecordHeaderBytes + header->length + 1;
  const size_t last = begin + kRecordHeaderBytes - 1;
  if (last >= bytes.size()) return last + 1;
  return std::min(bytes.size(), (last / kSectorBytes + 1) * kSectorBytes);
}

// Whether a record begins behind `begin` that was written when record `number` was on the disk.
bool WasSynced(absl::string_view salt, absl::string_view bytes, size_t begin, uint32_t number) {
  for (size_t at = begin + 1; at + kRecordHeaderBytes <= bytes.size(); ++at) {
    const auto header = DecodeRecordHeader(salt, bytes.substr(at));
    if (header.has_value() && header->number > number && header->synced > number) return true;
  }
  return false;
}

// OK when what stands at `begin`, where record `number` should be whole, is what a crash leaves.
absl::Status CheckTorn(absl::string_view salt, absl::string_view bytes, size_t begin,
                       uint32_t number) {
  const auto header = DecodeRecordHeader(salt, bytes.substr(begin));
  if (!HasUnwrittenSector(bytes, begin, ReachOf(header, bytes, begin)) ||
      WasSynced(salt, bytes, begin, number)) {
    return absl::DataLossError(absl::StrCat(
        "record ", number, " at byte ", begin,
        " was damaged after it had been written: no crash leaves it so; keep the file"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SegmentHeader> ParseSegmentHeader(const SpoolKey& key, absl::string_view bytes) {
  ASSIGN_OR_RETURN(Opened opened, OpenHeader(key, bytes));
  return std::move(opened.header);
}

absl::StatusOr<SegmentReader> SegmentReader::Begin(const SpoolKey& key,
                                                   absl::string_view header_bytes) {
  ASSIGN_OR_RETURN(Opened opened, OpenHeader(key, header_bytes));
  return SegmentReader(std::move(opened.cipher), std::move(opened.header));
}

absl::StatusOr<std::optional<std::string>> SegmentReader::Next(absl::string_view& bytes) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  const auto header = DecodeRecordHeader(header_.salt, bytes);
  if (!header.has_value() || header->number != next_) {
    return absl::DataLossError(absl::StrCat("record ", next_, " does not begin where it should"));
  }
  const size_t size = kRecordHeaderBytes + header->length + 1;
  if (bytes.size() < size) return std::nullopt;
  auto record = cipher_.Open(header->number, bytes.substr(0, kRecordHeaderBytes),
                             bytes.substr(kRecordHeaderBytes, header->length));
  if (!record.ok() || static_cast<uint8_t>(bytes[size - 1]) != kEnd) {
    return absl::DataLossError(absl::StrCat("record ", next_, " was damaged"));
  }
  bytes.remove_prefix(size);
  ++next_;
  return *std::move(record);
}

absl::StatusOr<Segment> ParseSegment(const SpoolKey& key, absl::string_view bytes,
                                     std::optional<uint64_t> bytes_that_count) {
  ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Begin(key, bytes));
  Segment segment;
  segment.header = reader.header_;
  if (bytes_that_count.has_value()) {
    if (*bytes_that_count < kSegmentHeaderBytes || *bytes_that_count > bytes.size()) {
      return absl::DataLossError(absl::StrCat("has ", bytes.size(), " bytes, of which ",
                                              *bytes_that_count, " should count"));
    }
    bytes = bytes.substr(0, *bytes_that_count);
  }
  absl::string_view rest = bytes.substr(kSegmentHeaderBytes);
  while (!rest.empty()) {
    auto record = reader.Next(rest);
    if (record.ok() && record->has_value()) {
      segment.records.push_back(*std::move(*record));
      continue;
    }
    const size_t begin = bytes.size() - rest.size();
    if (bytes_that_count.has_value()) {
      return absl::DataLossError(absl::StrCat("record ", reader.records(), " at byte ", begin,
                                              " was damaged; keep the file"));
    }
    RETURN_IF_ERROR(CheckTorn(segment.header.salt, bytes, begin, reader.records()));
    segment.torn_bytes = rest.size();
    break;
  }
  segment.bytes = bytes.size() - segment.torn_bytes;
  return segment;
}

absl::StatusOr<SegmentWriter> SegmentWriter::Begin(const SpoolKey& key,
                                                   const SegmentHeader& header) {
  std::string bytes = EncodeHeader(header);
  ASSIGN_OR_RETURN(SpoolCipher cipher, SpoolCipher::Derive(key, kLabel, bytes));
  RETURN_IF_ERROR(DecodeHeader(bytes).status());
  std::string tag;
  RETURN_IF_ERROR(cipher.Seal(kHeaderNonce, "", "", tag));
  return SegmentWriter(std::move(cipher), bytes + tag);
}

absl::Status SegmentWriter::Add(absl::string_view record, uint32_t synced, std::string& out) {
  if (record.size() > kMaxSpoolRecordBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a record of ", record.size(), " bytes, at most ", kMaxSpoolRecordBytes));
  }
  std::string header;
  PutU8(header, kBegin);
  PutU32(header, next_);
  PutU32(header, synced);
  PutU32(header, static_cast<uint32_t>(record.size() + kSpoolTagBytes));
  header +=
      Check(absl::string_view(header_bytes_)
                .substr(kSegmentHeaderBytes - kSpoolTagBytes - kSpoolSaltBytes, kSpoolSaltBytes),
            header);
  out += header;
  RETURN_IF_ERROR(cipher_.Seal(next_, header, record, out));
  PutU8(out, kEnd);
  ++next_;
  return absl::OkStatus();
}

}  // namespace auditledger
