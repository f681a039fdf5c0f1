#include "verifier/bundle_proofs.h"

#include "merkle/bytes.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"
#include "verifier/bundle_framing.h"
#include "verifier/bundle_scope.h"

namespace auditledger {
namespace {

absl::Status ReadBytes32(ByteReader& in, absl::string_view what, absl::string_view& out) {
  uint32_t length = 0;
  RETURN_IF_ERROR(in.U32(what, length));
  return in.Raw(what, length, out);
}

// The last part of each of these records.
absl::Status ReadHashes(ByteReader& in, std::vector<Hash>& out) {
  uint8_t count = 0;
  RETURN_IF_ERROR(in.U8("hashes", count));
  for (uint8_t i = 0; i < count; ++i) {
    absl::string_view raw;
    RETURN_IF_ERROR(in.Raw("hash", Hash::kSize, raw));
    ASSIGN_OR_RETURN(const Hash hash, Hash::FromBytes(raw));
    out.push_back(hash);
  }
  return in.Finish("hashes");
}

void PutBytes32(absl::string_view bytes, std::string& out) {
  PutU32(out, static_cast<uint32_t>(bytes.size()));
  out.append(bytes.data(), bytes.size());
}

void PutHashes(absl::Span<const Hash> hashes, std::string& out) {
  PutU8(out, static_cast<uint8_t>(hashes.size()));
  for (const Hash& hash : hashes) out.append(hash.view().data(), Hash::kSize);
}

}  // namespace

absl::StatusOr<InclusionRun> ParseInclusionRun(absl::string_view record) {
  ByteReader in(record);
  InclusionRun out;
  RETURN_IF_ERROR(in.U64("begin", out.begin));
  RETURN_IF_ERROR(in.U64("end", out.end));
  if (out.begin >= out.end || out.end > kMaxBundleNumber) {
    return absl::InvalidArgumentError("a run of no entries");
  }
  RETURN_IF_ERROR(ReadHashes(in, out.proof));
  return out;
}

std::string EncodeInclusionRun(const InclusionRun& run) {
  std::string out;
  PutU64(out, run.begin);
  PutU64(out, run.end);
  PutHashes(run.proof, out);
  return out;
}

absl::StatusOr<EarlierHead> ParseEarlierHead(absl::string_view record) {
  ByteReader in(record);
  EarlierHead out;
  RETURN_IF_ERROR(ReadBytes32(in, "note", out.note));
  RETURN_IF_ERROR(ReadHashes(in, out.proof));
  return out;
}

std::string EncodeEarlierHead(absl::string_view note, absl::Span<const Hash> proof) {
  std::string out;
  PutBytes32(note, out);
  PutHashes(proof, out);
  return out;
}

absl::StatusOr<BundleTimestamp> ParseBundleTimestamp(absl::string_view record) {
  ByteReader in(record);
  BundleTimestamp out;
  RETURN_IF_ERROR(ReadBytes32(in, "note", out.note));
  RETURN_IF_ERROR(ReadBytes32(in, "token", out.token));
  RETURN_IF_ERROR(ReadHashes(in, out.proof));
  return out;
}

absl::StatusOr<CompletenessRecord> ParseCompletenessRecord(absl::string_view record) {
  ByteReader in(record);
  CompletenessRecord out;
  RETURN_IF_ERROR(in.Bytes16("type", out.type));
  if (!IsUtf8(out.type)) return absl::InvalidArgumentError("type: not UTF-8");
  out.bytes = in.rest();
  return out;
}

std::vector<std::string> EncodeAnswerRecords(absl::string_view answer) {
  std::string head;
  PutBytes16(head, kCompleteAnswerType);
  const size_t room = kMaxBundleRecordBytes - head.size() - 1;
  std::vector<std::string> out;
  do {
    const absl::string_view part = answer.substr(0, room);
    answer.remove_prefix(part.size());
    std::string& record = out.emplace_back(head);
    PutU8(record, answer.empty() ? 0 : 1);
    record.append(part.data(), part.size());
  } while (!answer.empty());
  return out;
}

absl::StatusOr<CustodyRecord> ParseCustodyRecord(absl::string_view record) {
  ByteReader in(record);
  CustodyRecord out;
  RETURN_IF_ERROR(ReadBytes32(in, "receipt", out.receipt));
  RETURN_IF_ERROR(ReadBytes32(in, "event", out.event));
  RETURN_IF_ERROR(ReadHashes(in, out.proof));
  return out;
}

std::string EncodeCustodyRecord(absl::string_view receipt, absl::string_view event,
                                absl::Span<const Hash> proof) {
  std::string out;
  PutBytes32(receipt, out);
  PutBytes32(event, out);
  PutHashes(proof, out);
  return out;
}

bool IsUtf8(absl::string_view text) {
  char32_t character = 0;
  while (!text.empty()) {
    if (!TakeUtf8(text, character)) return false;
  }
  return true;
}

}  // namespace auditledger
