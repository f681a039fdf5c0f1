// The leaf: what the tree hashes, at most 65,535 bytes, one layout for every kind, no personal data
// in the clear.
//
//   u8 version = 1 | u8 kind | u64 recorded_at_us | u64 event_time_us (0 = none)
//   u16 tag_count | tag[32]* | u8 has_commitment (0 or 1) | [commitment[32]] | u16 length | body
//
// Tags ascend and are distinct. There are no trailing bytes. Unknown kinds parse; unknown versions
// are refused. The leaf hash is SHA-256(0x00 || leaf).
//
// Example:
//   ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(bytes));
//   if (leaf.kind == EntryKind::kEvent) ...
//
// What a kind asks of its leaf (an event has a commitment and no body, a conflict a body of its
// own) is checked where it is used: VerifyOpening (opening.h), system_entries.h, erasure_entries.h.
//
// Thread-safety: values and pure functions. Source: shared/design.md section 3.
#ifndef AUDITLEDGER_MERKLE_LEAF_H_
#define AUDITLEDGER_MERKLE_LEAF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"

namespace auditledger {

inline constexpr size_t kMaxLeafBytes = 65535;
inline constexpr uint8_t kLeafVersion = 1;

// Never renumber. Kinds other than kEvent are the ledger's own; their bodies are in
// system_entries.h and erasure_entries.h.
enum class EntryKind : uint8_t {
  kEvent = 1,
  kGenesis = 2,
  kKeyChange = 3,
  kIndexHead = 4,
  kErasure = 5,
  kConflict = 6,  // another event under a known identity, refused and kept as evidence
  kFreeze = 7,
  kOperator = 8,         // an operator's override of a safety stop
  kClock = 9,            // the clock stepped
  kAnchor = 10,          // a timestamping authority has stamped one of the log's heads
  kLegalHold = 11,       // entries may not be erased, or may again
  kErasureRequest = 12,  // somebody asks that entries be erased; another approves by the erasure
};
// Whether an AuditEvent stands behind entries of this kind: their leaf has a commitment, tags and
// time of the event.
bool CarriesEvent(EntryKind kind);

struct Leaf {
  EntryKind kind = EntryKind::kEvent;
  uint64_t recorded_at_us =
      0;  // the ledger's clock, Unix time in microseconds; rises strictly from leaf to leaf
  uint64_t event_time_us = 0;  // the emitter's clock; 0 = none
  std::vector<Hash> tags;      // ascending, distinct
  std::optional<Hash> commitment;
  std::string body;  // empty for events
  friend bool operator==(const Leaf&, const Leaf&) = default;
};

// InvalidArgument when the leaf would exceed kMaxLeafBytes, or tags do not ascend strictly.
absl::StatusOr<std::string> EncodeLeaf(const Leaf& leaf);
// Strict inverse.
absl::StatusOr<Leaf> ParseLeaf(absl::string_view bytes);
// "event", "genesis", ... or "kind 42".
std::string EntryKindName(EntryKind kind);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_LEAF_H_
