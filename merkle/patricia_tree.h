// A Merkle Patricia tree over keys of 32 bytes that is kept elsewhere: what to read to find a key,
// to prove it, and to change many keys at once. The tree need not be in memory; a batch reads and
// writes each node on the ways to its keys once.
//
// A node is named by its slot, the beginning that all keys below its place have: the root's slot is
// empty, and that of a fork's sides is the fork's own beginning and one bit more. The place does
// not change when what hangs there does, so a batch overwrites and never deletes.
//
//   keys 000.. 001.. 11..       slot ""    fork at bit 0: "0" | "1"
//                               slot "0"   fork at bit 2: "000" | "001"       slot "1"   leaf 11..
//                               slot "000" leaf                               slot "001" leaf
//
// A fork keeps the hashes of its sides, so that a proof reads one node a step and no siblings.
//
// Example:
//   ASSIGN_OR_RETURN(const Hash root, UpdatePatricia(changes, store, [&](const PatriciaSlot& slot,
//       const PatriciaNode& node) { store.Put(slot, node); }));
//   ASSIGN_OR_RETURN(const PatriciaPath path, FindPatricia(tag, store));
//   const bool present = path.found == tag;
//
// Thread-safety: pure functions; a reader belongs to the caller.
// Errors: those of the reader; DataLoss when what it gives is no tree.
#ifndef AUDITLEDGER_MERKLE_PATRICIA_TREE_H_
#define AUDITLEDGER_MERKLE_PATRICIA_TREE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/patricia.h"

namespace auditledger {

inline constexpr uint16_t kPatriciaKeyBits = 8 * Hash::kSize;

struct PatriciaSlot {
  uint16_t bits = 0;  // of `prefix` that count; the others are zero
  Hash prefix;
  friend auto operator<=>(const PatriciaSlot&, const PatriciaSlot&) = default;
};

struct PatriciaNode {
  // A fork: the first bit in which keys of its two sides differ. A leaf: kPatriciaKeyBits.
  uint16_t bit = kPatriciaKeyBits;
  Hash key;    // a leaf's; of a fork the `bit` bits that its keys begin with, the others zero
  Hash left;   // hash of a fork's side of bit 0; of a leaf, its own
  Hash right;  // of the side of bit 1; of a leaf, zero
  friend bool operator==(const PatriciaNode&, const PatriciaNode&) = default;
};

// slot: u16 bits | prefix[ceil(bits / 8)]; as a database's key it sorts by depth, then by prefix.
std::string EncodePatriciaSlot(const PatriciaSlot& slot);
// node: u16 bit | key[ceil(bit / 8)] | left[32] | [right[32], a fork's]
std::string EncodePatriciaNode(const PatriciaNode& node);
// Strict inverse, for damaged storage; InvalidArgument naming the part.
absl::StatusOr<PatriciaNode> ParsePatriciaNode(absl::string_view bytes);

class PatriciaReader {
 public:
  virtual ~PatriciaReader() = default;
  // What hangs in `slot`; nothing only in the empty tree's root.
  virtual absl::StatusOr<std::optional<PatriciaNode>> ReadNode(const PatriciaSlot& slot) = 0;
};

// A key and the hash that its leaf is to have (PatriciaLeafHash).
struct PatriciaChange {
  Hash key;
  Hash leaf_hash;
};

// The tree's root after `changes`, which are new keys or new hashes of old ones; `write` gets each
// node that has changed, once. Nothing is read that was written. REQUIRES: keys ascend strictly.
absl::StatusOr<Hash> UpdatePatricia(
    absl::Span<const PatriciaChange> changes, PatriciaReader& reader,
    absl::FunctionRef<void(const PatriciaSlot&, const PatriciaNode&)> write);

// The way to where `key` is or would be.
struct PatriciaPath {
  std::optional<Hash> found;        // the key that is there; none in the empty tree
  std::vector<PatriciaStep> steps;  // from the leaf up, as proofs have them
  Hash root;
};
absl::StatusOr<PatriciaPath> FindPatricia(const Hash& key, PatriciaReader& reader);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_PATRICIA_TREE_H_
