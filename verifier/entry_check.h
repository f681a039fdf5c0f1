// One entry's own rules: its leaf by its kind, and what opens it.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_VERIFIER_ENTRY_CHECK_H_
#define AUDITLEDGER_VERIFIER_ENTRY_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/system_entries.h"
#include "verifier/pins.h"

namespace auditledger {

// Whether the leaf may stand at `index`: genesis at 0 and nowhere else, naming the pin's origin and
// key; a commitment where an event stands behind the entry; a conflict, an erasure, a request for
// one and a legal hold pointing to earlier entries; no tags on the ledger's other entries, no
// commitment on genesis, key change, freeze, clock and index head; a key change signed by both of
// its keys; bodies that parse. Kinds this version does not know pass. DataLoss saying which rule is
// broken.
absl::Status CheckLeafRules(uint64_t index, const Leaf& leaf, const Pin& pin);

// Whether CheckLeafRules reads the body of this kind.
bool IsKnownKind(EntryKind kind);
// Whether an event stands behind entries of this kind.
bool HasPayload(EntryKind kind);
// Whether a later version may put one there: what opens it is then neither proven nor refused.
bool MayHavePayloadLater(EntryKind kind);
// Whether an erasure may name entries of this kind: the ledger's own stand for ever.
bool MayBeErased(EntryKind kind);
// What an erasure, a request for one or a legal hold says, in words; "" of other kinds.
std::string ErasureText(uint64_t index, const Leaf& leaf);
// What a conflict entry proves, and what it does not. REQUIRES: CheckLeafRules passed.
std::string RefusalText(const Leaf& conflict);

enum class EmitterProof : uint8_t { kNone, kSigned };
// VerifyOpening (merkle/opening.h), and the emitter's signature if the header carries one: kSigned
// after it was checked, over `origin`. Errors as VerifyOpening; DataLoss for a wrong signature.
absl::StatusOr<EmitterProof> CheckOpening(absl::string_view origin, const Leaf& leaf,
                                          const Opening& opening,
                                          std::optional<absl::string_view> index_key);

// The same for many entries at once, which is a third of the work (VerifyOpenings). `index_key` may
// be nullptr.
std::vector<absl::StatusOr<EmitterProof>> CheckOpenings(absl::string_view origin,
                                                        absl::Span<const Leaf* const> leaves,
                                                        absl::Span<const OpeningView> openings,
                                                        const HmacKey* index_key);

// RFC 3339 in UTC, to the microsecond.
std::string FormatMicros(uint64_t unix_us);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_ENTRY_CHECK_H_
