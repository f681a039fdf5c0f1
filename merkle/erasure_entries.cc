#include "merkle/erasure_entries.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/bytes.h"
#include "merkle/hash.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/tags.h"

namespace auditledger {
namespace {

constexpr uint8_t kBodyVersion = 1;
constexpr uint8_t kPlaces = 1;
constexpr uint8_t kLifts = 2;
constexpr size_t kRangeBytes = 16;
// A leaf without tags, commitment and ranges, and what an erasure has beside its ranges.
constexpr size_t kOtherLeafBytes = 64;
static_assert(kOtherLeafBytes + Hash::kSize + kMaxTags * Hash::kSize +
                  kMaxErasureRanges * kRangeBytes <=
              kMaxLeafBytes);

constexpr absl::string_view kReasonNames[] = {"subject-request", "retention-over",
                                              "recorded-in-error", "legal-order", "other"};

absl::Status Invalid(absl::string_view what, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", why));
}

absl::Status ReadVersion(absl::string_view what, ByteReader& in) {
  uint8_t version = 0;
  RETURN_IF_ERROR(in.U8(what, version));
  if (version == kBodyVersion) return absl::OkStatus();
  return Invalid(what, absl::StrCat(version, " is unknown"));
}

absl::Status CheckReason(uint8_t reason) {
  if (reason >= 1 && reason <= std::size(kReasonNames)) return absl::OkStatus();
  return Invalid("erasure reason", absl::StrCat(reason, " is unknown"));
}

absl::Status CheckScope(const ErasureScope& scope) {
  RETURN_IF_ERROR(CheckReason(static_cast<uint8_t>(scope.reason)));
  if (scope.ranges.empty()) return Invalid("erasure ranges", "there are none");
  return CheckRanges(scope.ranges);
}

void PutRanges(std::string& out, absl::Span<const EntryRange> ranges) {
  PutU16(out, static_cast<uint16_t>(ranges.size()));
  for (const EntryRange& range : ranges) {
    PutU64(out, range.first);
    PutU64(out, range.last);
  }
}

absl::Status ReadRanges(absl::string_view what, ByteReader& in, EntryRanges& ranges) {
  uint16_t count = 0;
  RETURN_IF_ERROR(in.U16(what, count));
  absl::string_view pairs;
  RETURN_IF_ERROR(in.Raw(what, count * kRangeBytes, pairs));
  ranges.resize(count);
  ByteReader pair(pairs);
  for (EntryRange& range : ranges) {  // as many bytes as they need
    (void)pair.U64(what, range.first);
    (void)pair.U64(what, range.last);
  }
  return CheckRanges(ranges);
}

absl::Status ReadScope(ByteReader& in, ErasureScope& scope) {
  uint8_t reason = 0;
  RETURN_IF_ERROR(in.U8("erasure reason", reason));
  scope.reason = static_cast<ErasureReason>(reason);
  RETURN_IF_ERROR(ReadRanges("erasure ranges", in, scope.ranges));
  return CheckScope(scope);
}

std::string EncodeScope(const ErasureScope& scope) {
  std::string out;
  PutU8(out, kBodyVersion);
  PutU8(out, static_cast<uint8_t>(scope.reason));
  PutRanges(out, scope.ranges);
  return out;
}

}  // namespace

std::string ErasureReasonName(ErasureReason reason) {
  const auto number = static_cast<size_t>(reason);
  if (number < 1 || number > std::size(kReasonNames)) return absl::StrCat("reason ", number);
  return std::string(kReasonNames[number - 1]);
}

absl::StatusOr<ErasureReason> ParseErasureReasonName(absl::string_view name) {
  const auto* const found = std::find(std::begin(kReasonNames), std::end(kReasonNames), name);
  if (found != std::end(kReasonNames)) {
    return static_cast<ErasureReason>(found - std::begin(kReasonNames) + 1);
  }
  return Invalid("erasure reason", absl::StrCat("is one of ", absl::StrJoin(kReasonNames, ", ")));
}

absl::Status CheckRanges(absl::Span<const EntryRange> ranges) {
  if (ranges.size() > kMaxErasureRanges) {
    return Invalid("ranges", absl::StrCat(ranges.size(), " of them, at most ", kMaxErasureRanges));
  }
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].last < ranges[i].first) return Invalid("ranges", "one ends before it begins");
    if (i == 0) continue;
    const uint64_t before = ranges[i - 1].last;
    if (ranges[i].first <= before || ranges[i].first - before == 1) {
      return Invalid("ranges", "they do not ascend with a gap between each two");
    }
  }
  return absl::OkStatus();
}

EntryRanges RangesOf(absl::Span<const uint64_t> indices) {
  EntryRanges ranges;
  for (const uint64_t index : indices) {
    if (!ranges.empty() && ranges.back().last + 1 == index) {
      ranges.back().last = index;
    } else {
      ranges.push_back({index, index});
    }
  }
  return ranges;
}

bool Contains(absl::Span<const EntryRange> ranges, uint64_t index) {
  const auto after = std::upper_bound(
      ranges.begin(), ranges.end(), index,
      [](uint64_t wanted, const EntryRange& range) { return wanted < range.first; });
  return after != ranges.begin() && index <= std::prev(after)->last;
}

uint64_t CountEntries(absl::Span<const EntryRange> ranges) {
  uint64_t count = 0;
  for (const EntryRange& range : ranges) count += range.last - range.first + 1;
  return count;
}

std::string RangesText(absl::Span<const EntryRange> ranges) {
  return absl::StrJoin(ranges, ", ", [](std::string* out, const EntryRange& range) {
    absl::StrAppend(out, range.first);
    if (range.last != range.first) absl::StrAppend(out, "-", range.last);
  });
}

absl::StatusOr<std::string> EncodeErasureRequest(const ErasureScope& request) {
  RETURN_IF_ERROR(CheckScope(request));
  return EncodeScope(request);
}

absl::StatusOr<ErasureScope> ParseErasureRequest(absl::string_view body) {
  ByteReader in(body);
  ErasureScope request;
  RETURN_IF_ERROR(ReadVersion("erasure request version", in));
  RETURN_IF_ERROR(ReadScope(in, request));
  RETURN_IF_ERROR(in.Finish("erasure request"));
  return request;
}

absl::StatusOr<std::string> EncodeErasure(const Erasure& erasure) {
  RETURN_IF_ERROR(CheckScope(erasure.scope));
  std::string out = EncodeScope(erasure.scope);
  PutU64(out, erasure.request);
  return out;
}

absl::StatusOr<Erasure> ParseErasure(absl::string_view body) {
  ByteReader in(body);
  Erasure erasure;
  RETURN_IF_ERROR(ReadVersion("erasure version", in));
  RETURN_IF_ERROR(ReadScope(in, erasure.scope));
  RETURN_IF_ERROR(in.U64("erasure request", erasure.request));
  RETURN_IF_ERROR(in.Finish("erasure"));
  return erasure;
}

absl::StatusOr<std::string> EncodeLegalHold(const LegalHold& hold) {
  std::string out;
  PutU8(out, kBodyVersion);
  PutU8(out, hold.lifts ? kLifts : kPlaces);
  if (hold.lifts) {
    PutU64(out, hold.placed);
    return out;
  }
  RETURN_IF_ERROR(CheckRanges(hold.ranges));
  PutRanges(out, hold.ranges);
  return out;
}

absl::StatusOr<LegalHold> ParseLegalHold(absl::string_view body) {
  ByteReader in(body);
  LegalHold hold;
  uint8_t action = 0;
  RETURN_IF_ERROR(ReadVersion("legal hold version", in));
  RETURN_IF_ERROR(in.U8("legal hold action", action));
  if (action != kPlaces && action != kLifts) {
    return Invalid("legal hold action", absl::StrCat(action, " is unknown"));
  }
  hold.lifts = action == kLifts;
  RETURN_IF_ERROR(hold.lifts ? in.U64("legal hold placed", hold.placed)
                             : ReadRanges("legal hold ranges", in, hold.ranges));
  RETURN_IF_ERROR(in.Finish("legal hold"));
  return hold;
}

}  // namespace auditledger
