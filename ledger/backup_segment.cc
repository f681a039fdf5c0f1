#include "ledger/backup_segment.h"

#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "ledger/seed_store.h"
#include "merkle/bytes.h"
#include "merkle/frontier.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kLogKind = 'L';
constexpr uint8_t kSecretsKind = 'K';
constexpr uint8_t kStreamRecord = 'S';
constexpr uint8_t kEntryRecord = 'E';
constexpr uint8_t kEndRecord = 'Z';
constexpr size_t kHexDigits = 16;

absl::Status Damaged(const absl::Status& status) {
  if (status.ok()) return status;
  return absl::DataLossError(status.message());
}

std::string Header(uint8_t kind, absl::string_view origin, uint64_t first) {
  std::string out;
  PutU8(out, kVersion);
  PutU8(out, kind);
  PutBytes16(out, origin);
  PutU64(out, first);
  return out;
}

void PutBytes32(std::string& out, absl::string_view bytes) {
  PutU32(out, static_cast<uint32_t>(bytes.size()));
  absl::StrAppend(&out, bytes);
}

void PutDigest(std::string& out) {
  const Hash digest = Sha256({out});
  absl::StrAppend(&out, digest.view());
}

// Splits off the digest and compares it.
absl::StatusOr<absl::string_view> CheckDigest(absl::string_view bytes, Hash& digest) {
  if (bytes.size() < Hash::kSize) return absl::DataLossError("is cut short");
  const absl::string_view body = bytes.substr(0, bytes.size() - Hash::kSize);
  digest = Sha256({body});
  if (digest.view() == bytes.substr(body.size())) return body;
  return absl::DataLossError("its digest is not that of its bytes: it is damaged or cut short");
}

absl::Status ReadHeader(ByteReader& in, uint8_t wanted_kind, absl::string_view& origin,
                        uint64_t& first) {
  uint8_t version = 0;
  uint8_t kind = 0;
  RETURN_IF_ERROR(in.U8("version", version));
  if (version != kVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("version ", version, ", this program knows ", kVersion));
  }
  RETURN_IF_ERROR(in.U8("kind", kind));
  if (kind != wanted_kind) return absl::DataLossError("is a file of another kind");
  RETURN_IF_ERROR(in.Bytes16("origin", origin));
  return in.U64("first index", first);
}

absl::Status ReadBytes32(ByteReader& in, absl::string_view what, absl::string_view& out) {
  uint32_t length = 0;
  RETURN_IF_ERROR(in.U32(what, length));
  return in.Raw(what, length, out);
}

absl::Status ReadEntry(ByteReader& in, BackupEntryView& entry) {
  RETURN_IF_ERROR(in.Bytes16("leaf", entry.leaf));
  RETURN_IF_ERROR(ReadBytes32(in, "payload", entry.payload));
  uint8_t identity_bytes = 0;
  RETURN_IF_ERROR(in.U8("identity", identity_bytes));
  return in.Raw("identity", identity_bytes, entry.identity);
}

absl::Status ReadEnd(ByteReader& in, BackupSegment& segment) {
  uint8_t count = 0;
  RETURN_IF_ERROR(in.U64("end", segment.end));
  RETURN_IF_ERROR(in.U8("frontier", count));
  if (segment.entries.empty() || segment.end > kMaxTreeSize || segment.end < segment.first ||
      segment.end - segment.first != segment.entries.size()) {
    return absl::DataLossError("its end is not where its entries lead to");
  }
  if (count != FrontierNodes(segment.end).size()) {
    return absl::DataLossError("its frontier is not one of its end");
  }
  for (uint8_t i = 0; i < count; ++i) {
    absl::string_view raw;
    RETURN_IF_ERROR(in.Raw("frontier", Hash::kSize, raw));
    ASSIGN_OR_RETURN(segment.frontier.emplace_back(), Hash::FromBytes(raw));
  }
  return in.Finish("segment");
}

absl::Status ReadRecords(ByteReader& in, BackupSegment& segment) {
  while (true) {
    uint8_t kind = 0;
    RETURN_IF_ERROR(in.U8("record", kind));
    if (kind == kEndRecord) return ReadEnd(in, segment);
    if (kind == kEntryRecord) {
      RETURN_IF_ERROR(ReadEntry(in, segment.entries.emplace_back()));
    } else if (kind == kStreamRecord && segment.entries.empty()) {
      RETURN_IF_ERROR(ReadBytes32(in, "stream", segment.streams.emplace_back()));
    } else {
      return absl::DataLossError("a record of an unknown kind, or out of order");
    }
  }
}

absl::Status ReadLogSegment(absl::string_view body, BackupSegment& segment) {
  ByteReader in(body);
  RETURN_IF_ERROR(ReadHeader(in, kLogKind, segment.origin, segment.first));
  RETURN_IF_ERROR(in.U32("first stream", segment.first_stream));
  return ReadRecords(in, segment);
}

absl::Status ReadSecretsSegment(absl::string_view body, SecretsSegment& segment) {
  ByteReader in(body);
  uint32_t count = 0;
  RETURN_IF_ERROR(ReadHeader(in, kSecretsKind, segment.origin, segment.first));
  RETURN_IF_ERROR(in.U32("slots", count));
  if (count > kSeedSlotsPerSegment || segment.first % kSeedSlotsPerSegment != 0) {
    return absl::DataLossError("its slots are not a segment's");
  }
  RETURN_IF_ERROR(in.Raw("slots", count * kSeedSlotBytes, segment.slots));
  return in.Finish("segment");
}

absl::StatusOr<uint64_t> ParseHex(absl::string_view text) {
  uint64_t value = 0;
  if (text.size() != kHexDigits || !absl::SimpleHexAtoi(text, &value) ||
      absl::StrFormat("%016x", value) != text) {
    return absl::InvalidArgumentError("is no name of a backup's file");
  }
  return value;
}

// An unknown version is told as it is; all else is damage.
absl::Status AsRead(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) ? status : Damaged(status);
}

}  // namespace

absl::StatusOr<BackupSegment> ParseBackupSegment(absl::string_view bytes) {
  BackupSegment segment;
  ASSIGN_OR_RETURN(const absl::string_view body, CheckDigest(bytes, segment.digest));
  RETURN_IF_ERROR(AsRead(ReadLogSegment(body, segment)));
  return segment;
}

BackupSegmentBuilder::BackupSegmentBuilder(absl::string_view origin, uint64_t first,
                                           uint32_t first_stream)
    : first_(first), end_(first), bytes_(Header(kLogKind, origin, first)) {
  PutU32(bytes_, first_stream);
}

void BackupSegmentBuilder::AddStream(absl::string_view record) {
  PutU8(bytes_, kStreamRecord);
  PutBytes32(bytes_, record);
}

absl::Status BackupSegmentBuilder::AddEntry(const BackupEntryView& entry) {
  if (entry.leaf.size() > std::numeric_limits<uint16_t>::max() ||
      entry.payload.size() > kBackupSegmentBytes ||
      entry.identity.size() > std::numeric_limits<uint8_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("entry ", end_, " is too large for a backup"));
  }
  PutU8(bytes_, kEntryRecord);
  PutBytes16(bytes_, entry.leaf);
  PutBytes32(bytes_, entry.payload);
  PutU8(bytes_, static_cast<uint8_t>(entry.identity.size()));
  absl::StrAppend(&bytes_, entry.identity);
  ++end_;
  return absl::OkStatus();
}

std::string BackupSegmentBuilder::Finish(absl::Span<const Hash> frontier) && {
  PutU8(bytes_, kEndRecord);
  PutU64(bytes_, end_);
  PutU8(bytes_, static_cast<uint8_t>(frontier.size()));
  for (const Hash& hash : frontier) absl::StrAppend(&bytes_, hash.view());
  PutDigest(bytes_);
  return std::move(bytes_);
}

absl::StatusOr<SecretsSegment> ParseSecretsSegment(absl::string_view bytes) {
  SecretsSegment segment;
  Hash digest;
  ASSIGN_OR_RETURN(const absl::string_view body, CheckDigest(bytes, digest));
  RETURN_IF_ERROR(AsRead(ReadSecretsSegment(body, segment)));
  return segment;
}

std::string EncodeSecretsSegment(const SecretsSegment& segment) {
  std::string out = Header(kSecretsKind, segment.origin, segment.first);
  PutU32(out, static_cast<uint32_t>(segment.slots.size() / kSeedSlotBytes));
  absl::StrAppend(&out, segment.slots);
  PutDigest(out);
  return out;
}

std::string FormatSegmentName(const BackupSegmentName& name) {
  return absl::StrFormat("log-%016x-%016x", name.first, name.end);
}

absl::StatusOr<BackupSegmentName> ParseSegmentName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "log-") || name.size() != 2 * kHexDigits + 1 ||
      name[kHexDigits] != '-') {
    return absl::InvalidArgumentError("is no name of a log segment");
  }
  BackupSegmentName out;
  ASSIGN_OR_RETURN(out.first, ParseHex(name.substr(0, kHexDigits)));
  ASSIGN_OR_RETURN(out.end, ParseHex(name.substr(kHexDigits + 1)));
  return out;
}

std::string FormatSecretsName(uint64_t first) { return absl::StrFormat("secrets-%016x", first); }

absl::StatusOr<uint64_t> ParseSecretsName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "secrets-")) {
    return absl::InvalidArgumentError("is no name of a secrets segment");
  }
  return ParseHex(name);
}

}  // namespace auditledger
