// Tags of suite 1: keyed pseudonyms in the leaf, one for each key the ledger can answer completely
// about.
//
//   tag   = HMAC-SHA-256(index_key, u8 len(kind) || kind || value)
//   value = BE16 len(system) || system || BE16 len(id) || id        not normalised
//
// Kinds and where their values come from:
//   "patient"   of every Reference in patient: its literal reference ("", reference) and its
//               identifier (system, value)
//   "agent"     of each agent with requestor = true: the same two of `who`, and every other_id
//               (system, value)
//   "override"  ("", override_id) of emergency_access
//
// Empty ids give no tag. Key-bearing fields that occur twice in one message are refused, as are
// wrong wire types: nobody may read another key out of the same bytes. A leaf carries the distinct
// tags in ascending order.
//
// Example:
//   ASSIGN_OR_RETURN(leaf.tags, DeriveTags(HmacKey(index_key), units));
//
// Thread-safety: pure functions. Source: shared/design.md section 3.
#ifndef AUDITLEDGER_MERKLE_TAGS_H_
#define AUDITLEDGER_MERKLE_TAGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/sha256.h"
#include "merkle/units.h"

namespace auditledger {

inline constexpr size_t kIndexKeyBytes = 32;
// 256 patients with two keys each, and room for agents: what fits beside the rest in a leaf of
// 65,535 bytes.
inline constexpr size_t kMaxTags = 1024;

inline constexpr absl::string_view kTagKindPatient = "patient";
inline constexpr absl::string_view kTagKindAgent = "agent";
inline constexpr absl::string_view kTagKindOverride = "override";

struct TagKey {
  std::string kind;
  std::string system;
  std::string id;
  friend auto operator<=>(const TagKey&, const TagKey&) = default;
};

// REQUIRES: index_key.size() == kIndexKeyBytes; kind <= 255 bytes; system, id <= 65535 bytes.
Hash DeriveTag(const HmacKey& index_key, const TagKey& key);

// The keys in the units of an event, in document order, duplicates and all. `units` are CutUnits'
// own. InvalidArgument when a key-bearing unit does not parse, is not valid UTF-8, or there are
// more than kMaxTags.
absl::StatusOr<std::vector<TagKey>> TagKeys(absl::Span<const UnitView> units);
inline absl::StatusOr<std::vector<TagKey>> TagKeys(absl::Span<const Unit> units) {
  return TagKeys(ViewsOf(units));
}

// Distinct tags, ascending: exactly what the leaf must carry.
absl::StatusOr<std::vector<Hash>> DeriveTags(const HmacKey& index_key,
                                             absl::Span<const UnitView> units);
inline absl::StatusOr<std::vector<Hash>> DeriveTags(const HmacKey& index_key,
                                                    absl::Span<const Unit> units) {
  return DeriveTags(index_key, ViewsOf(units));
}

// SHA-256("auditledger/index-key/v1" 00 || index_key): what genesis names, so that nobody can be
// shown another key.
Hash IndexKeyHash(absl::string_view index_key);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_TAGS_H_
