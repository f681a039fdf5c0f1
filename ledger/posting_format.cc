#include "ledger/posting_format.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kHeaderVersion = 1;
constexpr char kRunLetter = 'P';
constexpr char kZoneLetter = 'Z';
constexpr size_t kRunKeyBytes = 1 + kPostingTermBytes + sizeof(uint64_t);
constexpr size_t kZoneKeyBytes = 1 + sizeof(uint64_t);
constexpr int kVarintBits = 7;
constexpr uint8_t kVarintMore = 0x80;

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("search index: ", what));
}

absl::Status AsDataLoss(const absl::Status& status) {
  return status.ok() ? status : Damaged(status.message());
}

uint64_t BigEndian(absl::string_view bytes) {
  uint64_t out = 0;
  for (const char c : bytes) out = out << 8 | static_cast<uint8_t>(c);
  return out;
}

void PutVarint(std::string& out, uint64_t value) {
  for (; value >= kVarintMore; value >>= kVarintBits) {
    PutU8(out, static_cast<uint8_t>(value | kVarintMore));
  }
  PutU8(out, static_cast<uint8_t>(value));
}

// The shortest form alone.
absl::StatusOr<uint64_t> TakeVarint(absl::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += kVarintBits) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    const uint64_t bits = byte & (kVarintMore - 1);
    if (bits << shift >> shift != bits) break;
    value |= bits << shift;
    if ((byte & kVarintMore) != 0) continue;
    if (byte == 0 && shift > 0) break;
    return value;
  }
  return Damaged("a number in a run");
}

}  // namespace

std::string EncodePostingHeader(const PostingHeader& header) {
  std::string out;
  PutU8(out, kHeaderVersion);
  PutU64(out, header.position);
  absl::StrAppend(&out, header.last_leaf.view(), header.key_check.view());
  PutBytes16(out, header.origin);
  return out;
}

absl::StatusOr<PostingHeader> ParsePostingHeader(absl::string_view bytes) {
  ByteReader in(bytes);
  PostingHeader header;
  uint8_t version = 0;
  absl::string_view leaf, check, origin;
  RETURN_IF_ERROR(AsDataLoss(in.U8("version", version)));
  if (version != kHeaderVersion) return Damaged(absl::StrCat("is of format ", version));
  RETURN_IF_ERROR(AsDataLoss(in.U64("position", header.position)));
  RETURN_IF_ERROR(AsDataLoss(in.Raw("last leaf", Hash::kSize, leaf)));
  RETURN_IF_ERROR(AsDataLoss(in.Raw("key check", Hash::kSize, check)));
  RETURN_IF_ERROR(AsDataLoss(in.Bytes16("origin", origin)));
  RETURN_IF_ERROR(AsDataLoss(in.Finish("header")));
  ASSIGN_OR_RETURN(header.last_leaf, Hash::FromBytes(leaf));
  ASSIGN_OR_RETURN(header.key_check, Hash::FromBytes(check));
  header.origin = std::string(origin);
  return header;
}

std::string RunKeyPrefix(const PostingTerm& term) {
  return absl::StrCat(absl::string_view(&kRunLetter, 1), term.view());
}

std::string RunKey(const PostingTerm& term, uint64_t last) {
  std::string key = RunKeyPrefix(term);
  PutU64(key, last);
  return key;
}

std::string EncodeRun(absl::Span<const uint64_t> entries) {
  std::string out;
  for (size_t i = entries.size() - 1; i > 0; --i) PutVarint(out, entries[i] - entries[i - 1] - 1);
  return out;
}

absl::StatusOr<std::vector<uint64_t>> ParseRun(uint64_t last, absl::string_view value) {
  std::vector<uint64_t> out = {last};
  while (!value.empty()) {
    ASSIGN_OR_RETURN(const uint64_t between, TakeVarint(value));
    if (between >= out.back()) return Damaged("a run that begins before the log");
    out.push_back(out.back() - between - 1);
    if (out.size() > kMaxRunEntries) return Damaged("a run that is too long");
  }
  std::reverse(out.begin(), out.end());
  return out;
}

absl::StatusOr<PostingRun> ParseRunRecord(absl::string_view key, absl::string_view value) {
  if (key.size() != kRunKeyBytes || key[0] != kRunLetter) return Damaged("a key that is no run's");
  PostingRun run;
  std::copy_n(key.data() + 1, kPostingTermBytes, run.term.bytes.begin());
  ASSIGN_OR_RETURN(run.entries, ParseRun(BigEndian(key.substr(1 + kPostingTermBytes)), value));
  return run;
}

std::string ZoneKey(uint64_t zone) {
  std::string key(1, kZoneLetter);
  PutU64(key, zone);
  return key;
}

absl::StatusOr<uint64_t> ZoneOfKey(absl::string_view key) {
  if (key.size() != kZoneKeyBytes || key[0] != kZoneLetter)
    return Damaged("a key that is no zone's");
  return BigEndian(key.substr(1));
}

std::string EncodeTimeBounds(const TimeBounds& bounds) {
  std::string out;
  PutU64(out, bounds.least);
  PutU64(out, bounds.greatest);
  return out;
}

absl::StatusOr<TimeBounds> ParseTimeBounds(absl::string_view bytes) {
  ByteReader in(bytes);
  TimeBounds bounds;
  RETURN_IF_ERROR(AsDataLoss(in.U64("least time", bounds.least)));
  RETURN_IF_ERROR(AsDataLoss(in.U64("greatest time", bounds.greatest)));
  RETURN_IF_ERROR(AsDataLoss(in.Finish("a zone")));
  if (bounds.greatest < bounds.least) return Damaged("a zone whose times end before they begin");
  return bounds;
}

}  // namespace auditledger
