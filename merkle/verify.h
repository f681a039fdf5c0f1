// Verification of proofs against roots. The shape is computed from (index, size) and the exact
// length is checked before anything is hashed; nothing in a proof may be left unused.
//
// Errors: InvalidArgument when the question or the proof's shape is wrong (index >= size, wrong
// length), DataLoss when the proof has the right shape and the hashes do not lead to the root. The
// message carries both. Thread-safety: pure functions. Source: RFC 9162 2.1.3.2, 2.1.4.2; edge
// cases as shared/reference/standards.md 1.5 advises.
#ifndef AUDITLEDGER_MERKLE_VERIFY_H_
#define AUDITLEDGER_MERKLE_VERIFY_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/proof.h"

namespace auditledger {

// `leaf_hash` is at `index` in the tree of `size` leaves with `root`.
absl::Status VerifyInclusion(uint64_t index, uint64_t size, const Hash& leaf_hash,
                             absl::Span<const Hash> proof, const Hash& root);

// The root that the proof leads to, for formats that do not send it: whoever signed that root has
// signed the leaf. InvalidArgument as above.
absl::StatusOr<Hash> RootOfInclusion(uint64_t index, uint64_t size, const Hash& leaf_hash,
                                     absl::Span<const Hash> proof);

// The tree (old_size, old_root) is a prefix of (new_size, new_root). Size 0 is refused: see
// VerifyExtension.
absl::Status VerifyConsistency(uint64_t old_size, const Hash& old_root, uint64_t new_size,
                               const Hash& new_root, absl::Span<const Hash> proof);

// As VerifyConsistency, and 0 -> n is accepted iff old_root is EmptyRoot() and the proof is empty
// (it proves nothing); 0 -> 0 iff both are EmptyRoot().
absl::Status VerifyExtension(uint64_t old_size, const Hash& old_root, uint64_t new_size,
                             const Hash& new_root, absl::Span<const Hash> proof);

// `leaf_hash` is at `index` (counted in the whole tree) in `subtree`, whose root is `subtree_root`.
absl::Status VerifySubtreeInclusion(uint64_t index, LeafRange subtree, const Hash& leaf_hash,
                                    absl::Span<const Hash> proof, const Hash& subtree_root);
// `subtree` with `subtree_root` is part of the tree (size, root). An empty subtree is part of every
// tree: then the proof is empty, `subtree_root` is EmptyRoot(), and nothing is said about `root`.
absl::Status VerifySubtreeConsistency(LeafRange subtree, const Hash& subtree_root, uint64_t size,
                                      const Hash& root, absl::Span<const Hash> proof);

// `leaf_hashes` are exactly leaves [begin, begin + leaf_hashes.size()) of the tree. At least one:
// an empty range proves nothing and is refused. The order of `proof` is that of RangeProof.
absl::Status VerifyRange(uint64_t begin, absl::Span<const Hash> leaf_hashes, uint64_t size,
                         absl::Span<const Hash> proof, const Hash& root);

// The inclusion proof of each of these leaves, as InclusionProof makes it, out of the range proof
// that they share. Nothing is verified: they lead to the root that the range proof leads to.
// InvalidArgument as VerifyRange. Cost: two hashes a leaf.
absl::StatusOr<std::vector<std::vector<Hash>>> UnfoldRange(uint64_t begin,
                                                           absl::Span<const Hash> leaf_hashes,
                                                           uint64_t size,
                                                           absl::Span<const Hash> proof);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_VERIFY_H_
