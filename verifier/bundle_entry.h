// One entry of an evidence bundle: its leaf, and what is shown or withheld of what stands behind
// it.
//
//   entry    = u8 role | u64 index | u16 len leaf | u8 content
//   content    0 no event stands behind it     2 | u8 rule  withheld whole
//              1 opened: head | u16 n | n units             3 not there when the bundle was made
//   head     = 00 | salt 16 | u16 len header   or   u8 rule | header_hash 32
//   unit     = u32 field | u32 occurrence | u32 subfield, then
//              00 | salt 16 | u32 len bytes    or   u8 rule | hash 32
//
// Whatever is withheld keeps its place: a rule (bundle_scope.h) says why.
//
// Example:
//   ASSIGN_OR_RETURN(const BundleEntry entry, ParseBundleEntry(record));
//   const BundleEntry redacted = OpenEntry(index, leaf, opening, [](const UnitView& unit) {
//     return unit.path.field == kOriginalField ? kFreeText : kShown;
//   });
//   AppendBundleRecord(BundleSection::kEntries, EncodeBundleEntry(redacted), out);
//
// Thread-safety: values and pure functions. A parsed entry is a view of its record.
// Errors: InvalidArgument naming the part.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_ENTRY_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_ENTRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/commitment.h"
#include "merkle/hash.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/units.h"

namespace auditledger {

// In place of the number of a rule: nothing withholds it.
inline constexpr uint8_t kShown = 0;

// Header or unit, as the bundle has it.
struct BundlePart {
  UnitPath path;            // of a unit
  uint8_t rule = kShown;    // that withholds it
  Salt salt;                // shown
  absl::string_view bytes;  // shown
  Hash hash;                // withheld
};

struct BundleEntry {
  enum class Role : uint8_t { kMatch = 0, kContext = 1 };
  enum class Content : uint8_t { kNone = 0, kOpened = 1, kWithheld = 2, kGone = 3 };
  Role role = Role::kMatch;
  uint64_t index = 0;
  absl::string_view leaf_bytes;
  Leaf leaf;  // the same, parsed
  Content content = Content::kNone;
  uint8_t rule = kShown;  // kWithheld: of the whole
  BundlePart header;      // kOpened
  std::vector<BundlePart> units;
};
absl::StatusOr<BundleEntry> ParseBundleEntry(absl::string_view record);
// Of the same form. REQUIRES: as ParseBundleEntry gives it; `leaf` is not looked at.
std::string EncodeBundleEntry(const BundleEntry& entry);

// `opening` cut into its units, those withheld for which `rule_of` gives a rule. InvalidArgument
// when it has none. What is given must outlive the entry.
struct OpenedParts {
  uint8_t header_rule = kShown;
  absl::FunctionRef<uint8_t(const UnitView&)> rule_of;
};
absl::Status OpenInto(const OpeningView& opening, const OpenedParts& parts, BundleEntry& entry);

// What the parts shown and withheld commit to.
struct PartCommitments {
  Hash event;
  Hash entry;
};
PartCommitments CommitmentsOf(const BundleEntry& entry);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_ENTRY_H_
