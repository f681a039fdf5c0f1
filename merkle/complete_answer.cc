#include "merkle/complete_answer.h"

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "merkle/bytes.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMaxProofBytes = 0xffff;  // of a map proof: 257 steps take 8.7 kB
constexpr size_t kMaxRangeHashes = 0xff;   // 126 are the most that a tree below 2^63 needs

absl::Status Invalid(absl::string_view what, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("answer ", what, ": ", why));
}

absl::Status CheckAtMost(absl::string_view what, uint64_t value, uint64_t limit) {
  if (value <= limit) return absl::OkStatus();
  return Invalid(what, absl::StrCat(value, ", at most ", limit));
}

// --- writing

void PutWindow(std::string& out, const TimeWindow& window) {
  PutU64(out, window.from_us);
  PutU64(out, window.to_us);
}

void PutHashes(std::string& out, absl::Span<const Hash> hashes) {
  for (const Hash& hash : hashes) absl::StrAppend(&out, hash.view());
}

void PutRange(std::string& out, const AnswerRange& range) {
  absl::StrAppend(&out, EncodeTagValue(range.value));
  PutU64(out, range.first);
  PutU32(out, static_cast<uint32_t>(range.places.size()));
  for (const AnswerPlace& place : range.places) {
    PutU8(out, place.shown ? 1 : 0);
    if (place.shown) {
      PutU64(out, place.entry.index);
    } else {
      absl::StrAppend(&out, EncodeTagLogEntry(place.entry));
    }
  }
  PutU8(out, static_cast<uint8_t>(range.proof.size()));
  PutHashes(out, range.proof);
}

void PutMap(std::string& out, const AnswerMap& map) {
  PutU64(out, map.index_head);
  PutU8(out, map.range.has_value() ? 1 : 0);
  PutBytes16(out, map.proof);
  if (map.range.has_value()) PutRange(out, *map.range);
}

// What the fields that count can hold; the rest falls under the limit of the whole.
absl::Status CheckEncodable(const CompleteAnswer& answer) {
  RETURN_IF_ERROR(CheckAtMost("checkpoint bytes", answer.checkpoint.size(), kMaxAnswerNoteBytes));
  if (answer.map.has_value()) {
    RETURN_IF_ERROR(CheckAtMost("map proof bytes", answer.map->proof.size(), kMaxProofBytes));
    if (answer.map->range.has_value()) {
      RETURN_IF_ERROR(
          CheckAtMost("range hashes", answer.map->range->proof.size(), kMaxRangeHashes));
    }
  }
  for (const AnswerLeaf& shown : answer.leaves) {
    RETURN_IF_ERROR(CheckAtMost("leaf bytes", shown.leaf.size(), kMaxLeafBytes));
  }
  return absl::OkStatus();
}

// --- reading

absl::Status ReadFlag(absl::string_view what, ByteReader& in, bool& out) {
  uint8_t flag = 0;
  RETURN_IF_ERROR(in.U8(what, flag));
  out = flag == 1;
  if (flag <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", flag, " is not 0 or 1"));
}

absl::Status ReadHash(absl::string_view what, ByteReader& in, Hash& out) {
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw(what, Hash::kSize, raw));
  ASSIGN_OR_RETURN(out, Hash::FromBytes(raw));
  return absl::OkStatus();
}

absl::Status ReadHashes(absl::string_view what, ByteReader& in, size_t count,
                        std::vector<Hash>& out) {
  for (size_t i = 0; i < count; ++i) {
    RETURN_IF_ERROR(ReadHash(what, in, out.emplace_back()));
  }
  return absl::OkStatus();
}

absl::Status ReadWindow(absl::string_view what, ByteReader& in, TimeWindow& window) {
  RETURN_IF_ERROR(in.U64(what, window.from_us));
  return in.U64(what, window.to_us);
}

absl::Status ReadPlace(ByteReader& in, AnswerPlace& place) {
  RETURN_IF_ERROR(ReadFlag("answer place", in, place.shown));
  RETURN_IF_ERROR(in.U64("answer place index", place.entry.index));
  if (place.shown) return absl::OkStatus();
  RETURN_IF_ERROR(in.U64("answer place recorded_at_us", place.entry.recorded_at_us));
  RETURN_IF_ERROR(in.U64("answer place event_time_us", place.entry.event_time_us));
  return ReadHash("answer place leaf_hash", in, place.entry.leaf_hash);
}

absl::Status ReadRange(ByteReader& in, AnswerRange& range) {
  RETURN_IF_ERROR(in.U64("answer map count", range.value.count));
  RETURN_IF_ERROR(ReadHash("answer map root", in, range.value.root));
  RETURN_IF_ERROR(in.U64("answer range first", range.first));
  uint32_t places = 0;
  RETURN_IF_ERROR(in.U32("answer range places", places));
  for (uint32_t i = 0; i < places; ++i) RETURN_IF_ERROR(ReadPlace(in, range.places.emplace_back()));
  uint8_t hashes = 0;
  RETURN_IF_ERROR(in.U8("answer range hashes", hashes));
  return ReadHashes("answer range hash", in, hashes, range.proof);
}

absl::Status ReadMap(ByteReader& in, AnswerMap& map) {
  bool present = false;
  absl::string_view proof;
  RETURN_IF_ERROR(in.U64("answer index head", map.index_head));
  RETURN_IF_ERROR(ReadFlag("answer map present", in, present));
  RETURN_IF_ERROR(in.Bytes16("answer map proof", proof));
  map.proof = std::string(proof);
  return present ? ReadRange(in, map.range.emplace()) : absl::OkStatus();
}

absl::Status ReadShown(ByteReader& in, AnswerLeaf& shown) {
  absl::string_view leaf;
  RETURN_IF_ERROR(in.U64("answer leaf index", shown.index));
  RETURN_IF_ERROR(in.Bytes16("answer leaf", leaf));
  shown.leaf = std::string(leaf);
  return absl::OkStatus();
}

absl::Status ReadBegin(ByteReader& in, CompleteAnswer& answer) {
  uint8_t version = 0;
  uint32_t length = 0;
  absl::string_view note;
  RETURN_IF_ERROR(in.U8("answer version", version));
  if (version != kVersion) return Invalid("version", absl::StrCat(version, " is unknown"));
  RETURN_IF_ERROR(in.U32("answer checkpoint", length));
  RETURN_IF_ERROR(CheckAtMost("checkpoint bytes", length, kMaxAnswerNoteBytes));
  RETURN_IF_ERROR(in.Raw("answer checkpoint", length, note));
  answer.checkpoint = std::string(note);
  RETURN_IF_ERROR(ReadHash("answer tag", in, answer.query.tag));
  RETURN_IF_ERROR(ReadWindow("answer recorded window", in, answer.query.recorded));
  return ReadWindow("answer event window", in, answer.query.event);
}

}  // namespace

AnswerQuery RecordedWithin(const Hash& tag, TimeWindow window) { return {tag, window, {}}; }

AnswerQuery HappenedWithin(const Hash& tag, TimeWindow window) {
  const uint64_t from = window.from_us > kAnswerSkewUs ? window.from_us - kAnswerSkewUs : 0;
  return {tag, {from, kNoEnd}, window};
}

absl::Status CheckAnswerQuery(const AnswerQuery& query) {
  for (const TimeWindow& window : {query.recorded, query.event}) {
    if (window.to_us <= window.from_us) return Invalid("window", "has no time in it");
  }
  return absl::OkStatus();
}

bool IsAnswer(const AnswerQuery& query, uint64_t recorded_at_us, uint64_t event_time_us) {
  return query.recorded.Contains(recorded_at_us) &&
         query.event.Contains(event_time_us == 0 ? recorded_at_us : event_time_us);
}

absl::StatusOr<std::string> EncodeCompleteAnswer(const CompleteAnswer& answer) {
  RETURN_IF_ERROR(CheckEncodable(answer));
  std::string out;
  PutU8(out, kVersion);
  PutU32(out, static_cast<uint32_t>(answer.checkpoint.size()));
  absl::StrAppend(&out, answer.checkpoint, answer.query.tag.view());
  PutWindow(out, answer.query.recorded);
  PutWindow(out, answer.query.event);
  PutU8(out, answer.map.has_value() ? 1 : 0);
  if (answer.map.has_value()) PutMap(out, *answer.map);
  PutU8(out, answer.has_tail ? 1 : 0);
  PutU32(out, static_cast<uint32_t>(answer.leaves.size()));
  for (const AnswerLeaf& shown : answer.leaves) {
    PutU64(out, shown.index);
    PutBytes16(out, shown.leaf);
  }
  PutU32(out, static_cast<uint32_t>(answer.proof.size()));
  PutHashes(out, answer.proof);
  RETURN_IF_ERROR(CheckAtMost("bytes", out.size(), kMaxAnswerBytes));
  return out;
}

absl::StatusOr<CompleteAnswer> ParseCompleteAnswer(absl::string_view bytes) {
  RETURN_IF_ERROR(CheckAtMost("bytes", bytes.size(), kMaxAnswerBytes));
  ByteReader in(bytes);
  CompleteAnswer answer;
  bool has_index_head = false;
  uint32_t leaves = 0;
  uint32_t hashes = 0;
  RETURN_IF_ERROR(ReadBegin(in, answer));
  RETURN_IF_ERROR(ReadFlag("answer has_index_head", in, has_index_head));
  if (has_index_head) RETURN_IF_ERROR(ReadMap(in, answer.map.emplace()));
  RETURN_IF_ERROR(ReadFlag("answer has_tail", in, answer.has_tail));
  RETURN_IF_ERROR(in.U32("answer leaves", leaves));
  for (uint32_t i = 0; i < leaves; ++i)
    RETURN_IF_ERROR(ReadShown(in, answer.leaves.emplace_back()));
  RETURN_IF_ERROR(in.U32("answer hashes", hashes));
  RETURN_IF_ERROR(ReadHashes("answer hash", in, hashes, answer.proof));
  RETURN_IF_ERROR(in.Finish("answer"));
  return answer;
}

}  // namespace auditledger
