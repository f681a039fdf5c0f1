#include "verifier/bundle_entry.h"

#include <utility>

#include "merkle/bytes.h"
#include "merkle/status_macros.h"
#include "verifier/bundle_scope.h"

namespace auditledger {
namespace {

absl::Status Malformed(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::Status ReadBytes32(ByteReader& in, absl::string_view& out) {
  uint32_t length = 0;
  RETURN_IF_ERROR(in.U32("unit", length));
  return in.Raw("unit", length, out);
}

absl::Status ReadSalt(ByteReader& in, Salt& out) {
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw("salt", Salt::kSize, raw));
  ASSIGN_OR_RETURN(out, Salt::FromBytes(raw));
  return absl::OkStatus();
}

absl::Status ReadHash(ByteReader& in, Hash& out) {
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw("hash", Hash::kSize, raw));
  ASSIGN_OR_RETURN(out, Hash::FromBytes(raw));
  return absl::OkStatus();
}

absl::Status ReadHeader(ByteReader& in, BundlePart& out) {
  RETURN_IF_ERROR(in.U8("rule", out.rule));
  if (out.rule != kShown) return ReadHash(in, out.hash);
  RETURN_IF_ERROR(ReadSalt(in, out.salt));
  return in.Bytes16("header", out.bytes);
}

absl::Status ReadUnit(ByteReader& in, BundlePart& out) {
  RETURN_IF_ERROR(in.U32("unit", out.path.field));
  RETURN_IF_ERROR(in.U32("unit", out.path.occurrence));
  RETURN_IF_ERROR(in.U32("unit", out.path.subfield));
  RETURN_IF_ERROR(in.U8("rule", out.rule));
  if (out.rule != kShown) return ReadHash(in, out.hash);
  RETURN_IF_ERROR(ReadSalt(in, out.salt));
  return ReadBytes32(in, out.bytes);
}

absl::Status ReadOpened(ByteReader& in, BundleEntry& out) {
  RETURN_IF_ERROR(ReadHeader(in, out.header));
  uint16_t count = 0;
  RETURN_IF_ERROR(in.U16("units", count));
  for (uint16_t i = 0; i < count; ++i) RETURN_IF_ERROR(ReadUnit(in, out.units.emplace_back()));
  return absl::OkStatus();
}

void PutPart(const BundlePart& part, std::string& out) {
  PutU8(out, part.rule);
  const absl::string_view bound = part.rule == kShown ? part.salt.view() : part.hash.view();
  out.append(bound.data(), bound.size());
}

Hash DigestOf(const BundlePart& unit) {
  return unit.rule == kShown ? UnitHashFromSalt(unit.salt, unit.bytes) : unit.hash;
}

}  // namespace

absl::StatusOr<BundleEntry> ParseBundleEntry(absl::string_view record) {
  ByteReader in(record);
  BundleEntry out;
  uint8_t role = 0;
  uint8_t content = 0;
  RETURN_IF_ERROR(in.U8("role", role));
  if (role > static_cast<uint8_t>(BundleEntry::Role::kContext)) return Malformed("role");
  out.role = static_cast<BundleEntry::Role>(role);
  RETURN_IF_ERROR(in.U64("index", out.index));
  if (out.index > kMaxBundleNumber) return Malformed("index");
  RETURN_IF_ERROR(in.Bytes16("leaf", out.leaf_bytes));
  ASSIGN_OR_RETURN(out.leaf, ParseLeaf(out.leaf_bytes));
  RETURN_IF_ERROR(in.U8("content", content));
  if (content > static_cast<uint8_t>(BundleEntry::Content::kGone)) return Malformed("content");
  out.content = static_cast<BundleEntry::Content>(content);
  if (out.content == BundleEntry::Content::kWithheld) {
    RETURN_IF_ERROR(in.U8("rule", out.rule));
    if (out.rule == kShown) return Malformed("rule");
  }
  if (out.content == BundleEntry::Content::kOpened) RETURN_IF_ERROR(ReadOpened(in, out));
  RETURN_IF_ERROR(in.Finish("entry"));
  return out;
}

std::string EncodeBundleEntry(const BundleEntry& entry) {
  std::string out;
  PutU8(out, static_cast<uint8_t>(entry.role));
  PutU64(out, entry.index);
  PutBytes16(out, entry.leaf_bytes);
  PutU8(out, static_cast<uint8_t>(entry.content));
  if (entry.content == BundleEntry::Content::kWithheld) PutU8(out, entry.rule);
  if (entry.content != BundleEntry::Content::kOpened) return out;
  PutPart(entry.header, out);
  if (entry.header.rule == kShown) PutBytes16(out, entry.header.bytes);
  PutU16(out, static_cast<uint16_t>(entry.units.size()));
  for (const BundlePart& unit : entry.units) {
    PutU32(out, unit.path.field);
    PutU32(out, unit.path.occurrence);
    PutU32(out, unit.path.subfield);
    PutPart(unit, out);
    if (unit.rule != kShown) continue;
    PutU32(out, static_cast<uint32_t>(unit.bytes.size()));
    out.append(unit.bytes.data(), unit.bytes.size());
  }
  return out;
}

absl::Status OpenInto(const OpeningView& opening, const OpenedParts& parts, BundleEntry& entry) {
  ASSIGN_OR_RETURN(const std::vector<UnitView> units, CutUnitViews(opening.event));
  entry.content = BundleEntry::Content::kOpened;
  entry.header = {{}, parts.header_rule, HeaderSalt(opening.seed), opening.header, {}};
  if (parts.header_rule != kShown) entry.header.hash = HeaderHash(opening.seed, opening.header);
  entry.units.clear();
  entry.units.reserve(units.size());
  for (uint32_t i = 0; i < units.size(); ++i) {
    const uint8_t rule = parts.rule_of(units[i]);
    BundlePart& part = entry.units.emplace_back();
    part.path = units[i].path;
    part.rule = rule;
    part.salt = UnitSalt(opening.seed, i);
    part.bytes = units[i].bytes;
    if (rule != kShown) part.hash = UnitHashFromSalt(part.salt, part.bytes);
  }
  return absl::OkStatus();
}

PartCommitments CommitmentsOf(const BundleEntry& entry) {
  std::vector<UnitDigest> digests;
  digests.reserve(entry.units.size());
  for (const BundlePart& unit : entry.units) digests.push_back({unit.path, DigestOf(unit)});
  const Hash header = entry.header.rule == kShown
                          ? HeaderHashFromSalt(entry.header.salt, entry.header.bytes)
                          : entry.header.hash;
  PartCommitments out;
  out.event = EventCommitment(digests);
  out.entry = EntryCommitment(header, out.event);
  return out;
}

}  // namespace auditledger
