// What opens a leaf's commitment: the seed with header and event; as it stands in receipts and
// exports.
//
//   opening         u8 version = 1 | seed[32] | u16 len | header | u32 len | event
//   receipt extra   u8 version = 1 | u16 len | leaf | u8 has_opening (0 or 1)
//                   [seed[32] | u16 len | header]
//   payload bundle  for each of 1 to 256 entries: u32 len | opening      (len 0 = not disclosed)
//
// The event is its canonical encoding (units.h). A receipt carries no event: the emitter has it.
//
// Example, what an emitter checks of its receipt:
//   ASSIGN_OR_RETURN(ReceiptExtra extra, ParseReceiptExtra(bytes));
//   ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(extra.leaf));
//   extra.opening->event = event;  // its own, canonically encoded
//   RETURN_IF_ERROR(VerifyOpening(leaf, *extra.opening, std::nullopt));
//
// Thread-safety: values and pure functions.
// Errors: InvalidArgument naming the part, never its content.
#ifndef AUDITLEDGER_MERKLE_OPENING_H_
#define AUDITLEDGER_MERKLE_OPENING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/sha256.h"

namespace auditledger {

struct Opening {
  std::string seed;    // kSeedBytes
  std::string header;  // header.h
  std::string event;   // canonical encoding; empty where only seed and header are known
  friend bool operator==(const Opening&, const Opening&) = default;
};

// The same as views of bytes that must outlive it.
struct OpeningView {
  absl::string_view seed;
  absl::string_view header;
  absl::string_view event;
};
OpeningView ViewOf(const Opening& opening);

absl::StatusOr<std::string> EncodeOpening(const Opening& opening);
absl::StatusOr<Opening> ParseOpening(absl::string_view bytes);  // strict

struct ReceiptExtra {
  std::string leaf;
  std::optional<Opening> opening;  // without the event
};
absl::StatusOr<std::string> EncodeReceiptExtra(const ReceiptExtra& extra);
absl::StatusOr<ReceiptExtra> ParseReceiptExtra(absl::string_view bytes);  // strict

// "payload/x001/067" with ".p/W" for a partial one, beside tile/entries of the same index.
// REQUIRES: 1 <= width <= 256.
std::string PayloadPath(uint64_t index, uint64_t width);
absl::StatusOr<std::string> EncodePayloadBundle(absl::Span<const std::optional<Opening>> openings);
absl::StatusOr<std::vector<std::optional<Opening>>> ParsePayloadBundle(absl::string_view bundle,
                                                                       uint64_t width);
// As views of `bundle`.
absl::StatusOr<std::vector<std::optional<OpeningView>>> ParsePayloadBundleViews(
    absl::string_view bundle, uint64_t width);

// Checks that `opening` (with its event) is what a leaf that carries an event (leaf.h) commits to:
// commitment, event time, that the header names the event's own id, stream and sequence, and, when
// `index_key` is given, that the leaf's tags are exactly those of the event.
// InvalidArgument: malformed; DataLoss: well formed, but leaf, header and event differ, saying how.
absl::Status VerifyOpening(const Leaf& leaf, const Opening& opening,
                           std::optional<absl::string_view> index_key);

// The same for many at once, hashed side by side: results[i] is of leaves[i] and openings[i].
struct OpenedEntry {
  absl::Status status;
  // Once it is OK: what an emitter's signature covers (header.h, commitment.h).
  EntryHeader header;
  Hash event_commitment;
};
// `index_key` may be nullptr. REQUIRES: as many openings as leaves.
std::vector<OpenedEntry> VerifyOpenings(absl::Span<const Leaf* const> leaves,
                                        absl::Span<const OpeningView> openings,
                                        const HmacKey* index_key);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_OPENING_H_
