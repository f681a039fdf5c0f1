// The Merkle Patricia tree of torchwood: a map of which one hash, the root, proves for each key
// what stands under it, or that nothing does.
//
//   empty = SHA-256("")
//   leaf  = SHA-256(00 || varint(len key) || key || varint(len value) || value)
//   fork  = SHA-256(01 || varint(bit) || left || right)      bit: the first in which the keys of
//   the
//                                                            two sides differ; 0 goes left
// A key reads as if 00 FF FF ... stood behind it, so that no key is the beginning of another. Bits
// count from the first byte's highest. The tree depends on its content alone, not on the order in
// which it came.
//
// Proofs, to the byte as torchwood's:
//   step     varint(bit) || sibling[32]       from the leaf up, bits falling strictly
//   present  step*
//   absent   varint(len k) || k || varint(len v) || v || step*    k is the key that is found in the
//            place where the asked one would be: both agree in every step's bit; empty in the empty
//            map
//
// Example:
//   RETURN_IF_ERROR(VerifyPresent(map_root, tag.view(), EncodeTagValue(value), proof));
//
// Thread-safety: values and pure functions.
// Errors: InvalidArgument for a malformed proof, DataLoss for one that does not lead to the root.
// Source: filippo.io/torchwood/mpt (shared/reference/standards.md 4.4). Prefix proofs are not here:
// nothing of ours asks for all keys that begin alike.
#ifndef AUDITLEDGER_MERKLE_PATRICIA_H_
#define AUDITLEDGER_MERKLE_PATRICIA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"

namespace auditledger {

// Of a key, and of a value: torchwood's limit.
inline constexpr size_t kMaxPatriciaBytes = 1024;

// Bit `bit` of the key, with what is read behind it.
bool PatriciaBit(absl::string_view key, uint32_t bit);
// The first bit in which they differ. REQUIRES: they do.
uint32_t FirstDifferentBit(absl::string_view a, absl::string_view b);

// REQUIRES: both at most kMaxPatriciaBytes.
Hash PatriciaLeafHash(absl::string_view key, absl::string_view value);
Hash PatriciaForkHash(uint32_t bit, const Hash& left, const Hash& right);

struct PatriciaStep {
  uint32_t bit = 0;
  Hash sibling;
  friend bool operator==(const PatriciaStep&, const PatriciaStep&) = default;
};

std::string EncodePresence(absl::Span<const PatriciaStep> steps);
std::string EncodeAbsence(absl::string_view found_key, absl::string_view found_value,
                          absl::Span<const PatriciaStep> steps);

// The map with `root` has `value` under `key`.
absl::Status VerifyPresent(const Hash& root, absl::string_view key, absl::string_view value,
                           absl::string_view proof);
// The map with `root` has nothing under `key`.
absl::Status VerifyAbsent(const Hash& root, absl::string_view key, absl::string_view proof);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_PATRICIA_H_
