// Bodies of the entries by which content is erased: what is asked for, what was done, what may not
// be. All begin with a version byte.
//
//   erasure request  u8 1 | u8 reason | ranges                    who asks, and why in words, is
//   the erasure          u8 1 | u8 reason | ranges | u64 request      AuditEvent behind the leaf's
//   legal hold       u8 1 | u8 1 | ranges (none: the whole log)   commitment: one leaf commits to
//                    u8 1 | u8 2 | u64 placed   (lifts it)        which, who and why together, and
//                                                                 shows only which
//   ranges           u16 count | count times (u64 first | u64 last)   inclusive, ascending, apart:
//                                                                     one set has one encoding
//
// An erasure says that the content of these entries was destroyed: their secrets, so that payloads
// are noise wherever copies lie. Their leaves and all proofs stand. It names the request that it
// carries out, whose reason and ranges are its own. Every index is smaller than the entry's own
// (checked where the entry's index is known: verifier/entry_check.h, ledger/erasures.h).
//
// Example:
//   ASSIGN_OR_RETURN(const Erasure erasure, ParseErasure(leaf.body));
//   if (Contains(erasure.scope.ranges, 17)) ...
//
// Thread-safety: values and pure functions.
// Errors: InvalidArgument naming the part.
#ifndef AUDITLEDGER_MERKLE_ERASURE_ENTRIES_H_
#define AUDITLEDGER_MERKLE_ERASURE_ENTRIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace auditledger {

// Of one entry: 16 bytes each, which leaves room in a leaf for as many tags as an event may have
// (tags.h). A patient whose entries lie in more pieces takes more erasures.
inline constexpr size_t kMaxErasureRanges = 2000;

// Never renumber.
enum class ErasureReason : uint8_t {
  kSubjectRequest = 1,   // the person asked (GDPR Art. 17)
  kRetentionOver = 2,    // kept for as long as it has to be
  kRecordedInError = 3,  // should not have been recorded: another patient, too much content
  kLegalOrder = 4,       // a court or an authority
  kOther = 5,
};
// "subject-request", ...
std::string ErasureReasonName(ErasureReason reason);
absl::StatusOr<ErasureReason> ParseErasureReasonName(absl::string_view name);

struct EntryRange {
  uint64_t first = 0;
  uint64_t last = 0;  // inclusive
  friend bool operator==(const EntryRange&, const EntryRange&) = default;
};
using EntryRanges = std::vector<EntryRange>;

// OK for at most kMaxErasureRanges that ascend with a gap between each two.
absl::Status CheckRanges(absl::Span<const EntryRange> ranges);
// Of ascending indices. REQUIRES: they ascend strictly.
EntryRanges RangesOf(absl::Span<const uint64_t> indices);
// REQUIRES of these: CheckRanges.
bool Contains(absl::Span<const EntryRange> ranges, uint64_t index);
uint64_t CountEntries(absl::Span<const EntryRange> ranges);
// "3, 7-19".
std::string RangesText(absl::Span<const EntryRange> ranges);

struct ErasureScope {
  ErasureReason reason = ErasureReason::kOther;
  EntryRanges ranges;  // at least one
  friend bool operator==(const ErasureScope&, const ErasureScope&) = default;
};
absl::StatusOr<std::string> EncodeErasureRequest(const ErasureScope& request);
absl::StatusOr<ErasureScope> ParseErasureRequest(absl::string_view body);

struct Erasure {
  ErasureScope scope;
  uint64_t request = 0;  // index of the request that this carries out
  friend bool operator==(const Erasure&, const Erasure&) = default;
};
absl::StatusOr<std::string> EncodeErasure(const Erasure& erasure);
absl::StatusOr<Erasure> ParseErasure(absl::string_view body);

struct LegalHold {
  bool lifts = false;
  EntryRanges ranges;   // where it places one; none: all entries, later ones too
  uint64_t placed = 0;  // where it lifts one: the index of the entry that placed it
  friend bool operator==(const LegalHold&, const LegalHold&) = default;
};
absl::StatusOr<std::string> EncodeLegalHold(const LegalHold& hold);
absl::StatusOr<LegalHold> ParseLegalHold(absl::string_view body);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_ERASURE_ENTRIES_H_
