#include "merkle/leaf.h"

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Everything but tags, commitment and body.
constexpr size_t kFixedLeafBytes = 1 + 1 + 8 + 8 + 2 + 1 + 2;

absl::Status TagsDoNotAscend() {
  return absl::InvalidArgumentError("leaf tags: not strictly ascending");
}

absl::Status CheckSize(size_t size) {
  if (size <= kMaxLeafBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("leaf: has ", size, " bytes, at most ", kMaxLeafBytes));
}

absl::Status ReadHash(absl::string_view what, ByteReader& in, Hash& out) {
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw(what, Hash::kSize, raw));
  ASSIGN_OR_RETURN(out, Hash::FromBytes(raw));
  return absl::OkStatus();
}

absl::Status ReadTags(ByteReader& in, std::vector<Hash>& tags) {
  uint16_t count = 0;
  RETURN_IF_ERROR(in.U16("leaf tag count", count));
  if (in.rest().size() < count * Hash::kSize) {
    return absl::InvalidArgumentError("leaf tags: truncated");
  }
  tags.resize(count);
  for (size_t i = 0; i < tags.size(); ++i) {
    RETURN_IF_ERROR(ReadHash("leaf tags", in, tags[i]));
    if (i > 0 && tags[i] <= tags[i - 1]) return TagsDoNotAscend();
  }
  return absl::OkStatus();
}

absl::Status ReadCommitment(ByteReader& in, std::optional<Hash>& commitment) {
  uint8_t present = 0;
  RETURN_IF_ERROR(in.U8("leaf has_commitment", present));
  if (present > 1) {
    return absl::InvalidArgumentError("leaf has_commitment: neither 0 nor 1");
  }
  if (present == 0) return absl::OkStatus();
  return ReadHash("leaf commitment", in, commitment.emplace());
}

}  // namespace

absl::StatusOr<std::string> EncodeLeaf(const Leaf& leaf) {
  const size_t size = kFixedLeafBytes + leaf.tags.size() * Hash::kSize +
                      (leaf.commitment ? Hash::kSize : 0) + leaf.body.size();
  RETURN_IF_ERROR(CheckSize(size));
  std::string out;
  out.reserve(size);
  PutU8(out, kLeafVersion);
  PutU8(out, static_cast<uint8_t>(leaf.kind));
  PutU64(out, leaf.recorded_at_us);
  PutU64(out, leaf.event_time_us);
  PutU16(out, static_cast<uint16_t>(leaf.tags.size()));
  for (size_t i = 0; i < leaf.tags.size(); ++i) {
    if (i > 0 && leaf.tags[i] <= leaf.tags[i - 1]) return TagsDoNotAscend();
    out.append(leaf.tags[i].view().data(), Hash::kSize);
  }
  PutU8(out, leaf.commitment ? 1 : 0);
  if (leaf.commitment) out.append(leaf.commitment->view().data(), Hash::kSize);
  PutBytes16(out, leaf.body);
  return out;
}

absl::StatusOr<Leaf> ParseLeaf(absl::string_view bytes) {
  RETURN_IF_ERROR(CheckSize(bytes.size()));
  ByteReader in(bytes);
  uint8_t version = 0;
  uint8_t kind = 0;
  absl::string_view body;
  Leaf leaf;
  RETURN_IF_ERROR(in.U8("leaf version", version));
  if (version != kLeafVersion) {
    return absl::InvalidArgumentError(absl::StrCat("leaf version: ", version, " is unknown"));
  }
  RETURN_IF_ERROR(in.U8("leaf kind", kind));
  RETURN_IF_ERROR(in.U64("leaf recorded_at_us", leaf.recorded_at_us));
  RETURN_IF_ERROR(in.U64("leaf event_time_us", leaf.event_time_us));
  RETURN_IF_ERROR(ReadTags(in, leaf.tags));
  RETURN_IF_ERROR(ReadCommitment(in, leaf.commitment));
  RETURN_IF_ERROR(in.Bytes16("leaf body", body));
  RETURN_IF_ERROR(in.Finish("leaf"));
  leaf.kind = static_cast<EntryKind>(kind);
  leaf.body = std::string(body);
  return leaf;
}

bool CarriesEvent(EntryKind kind) {
  return kind == EntryKind::kEvent || kind == EntryKind::kConflict || kind == EntryKind::kErasure ||
         kind == EntryKind::kLegalHold || kind == EntryKind::kErasureRequest;
}

std::string EntryKindName(EntryKind kind) {
  switch (kind) {
    case EntryKind::kEvent:
      return "event";
    case EntryKind::kGenesis:
      return "genesis";
    case EntryKind::kKeyChange:
      return "key change";
    case EntryKind::kIndexHead:
      return "index head";
    case EntryKind::kErasure:
      return "erasure";
    case EntryKind::kConflict:
      return "conflict";
    case EntryKind::kFreeze:
      return "freeze";
    case EntryKind::kOperator:
      return "operator";
    case EntryKind::kClock:
      return "clock";
    case EntryKind::kAnchor:
      return "anchor";
    case EntryKind::kLegalHold:
      return "legal hold";
    case EntryKind::kErasureRequest:
      return "erasure request";
  }
  return absl::StrCat("kind ", static_cast<int>(kind));
}

}  // namespace auditledger
