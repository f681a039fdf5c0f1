// Which nodes a proof needs, and proofs assembled from a NodeReader.
//
// Thread-safety: pure functions. Cost: one ReadNodes call, O(log n) hashes.
// Source: RFC 6962 2.1.1, 2.1.2; subtrees of draft-ietf-plants-merkle-tree-certs
// (standards.md 1.4).
#ifndef AUDITLEDGER_MERKLE_PROOF_H_
#define AUDITLEDGER_MERKLE_PROOF_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/node_reader.h"

namespace auditledger {

// Sibling hashes, lowest first. OutOfRange unless index < size <= kMaxTreeSize.
absl::StatusOr<std::vector<Hash>> InclusionProof(uint64_t index, uint64_t size, NodeReader& reader);

// RFC 6962 PROOF(old_size, D[0:new_size]). Empty for old_size == new_size.
// OutOfRange unless 0 < old_size <= new_size <= kMaxTreeSize.
absl::StatusOr<std::vector<Hash>> ConsistencyProof(uint64_t old_size, uint64_t new_size,
                                                   NodeReader& reader);

// The root of the tree of the first `size` leaves; EmptyRoot() for 0.
absl::StatusOr<Hash> RootAt(uint64_t size, NodeReader& reader);

// A half-open range of leaves.
struct LeafRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  friend bool operator==(const LeafRange&, const LeafRange&) = default;
};

// Whether [begin, end) is a subtree in the draft's sense.
bool IsSubtree(LeafRange range);
// One or two adjoining subtrees that cover a non-empty range (a page of entries); the left one may
// begin before the range, the right one ends with it. One for a single leaf, none for an empty
// range.
std::vector<LeafRange> CoveringSubtrees(LeafRange range);
// MTH(D[begin:end]), EmptyRoot() for an empty one. InvalidArgument unless IsSubtree(subtree).
absl::StatusOr<Hash> SubtreeRoot(LeafRange subtree, NodeReader& reader);
// Proves that `subtree` is consistent with the tree of `size` leaves. Empty for an empty subtree.
// InvalidArgument unless IsSubtree(subtree), OutOfRange unless subtree.end <= size <= kMaxTreeSize.
absl::StatusOr<std::vector<Hash>> SubtreeConsistencyProof(LeafRange subtree, uint64_t size,
                                                          NodeReader& reader);

// Proof that leaves [begin, end) are exactly those of the tree of `size`: the hashes left and right
// of the range that are needed to recompute the root. See VerifyRange.
//
// Order: left to right by the leaves they cover. First those left of the range, largest first: the
// hashes of FrontierNodes(begin). Then those right of it, smallest first but for the last, which
// may be ragged: the right siblings on the way from leaf end-1 up to the root. Empty for [0, size);
// for one leaf it holds the hashes of its inclusion proof in another order. OutOfRange unless begin
// < end <= size <= kMaxTreeSize.
absl::StatusOr<std::vector<Hash>> RangeProof(LeafRange range, uint64_t size, NodeReader& reader);
// The same out of the inclusion proofs of the range's first and last leaf, which hold all of it.
// OutOfRange as above, InvalidArgument when a proof has not the length of one.
absl::StatusOr<std::vector<Hash>> RangeProofOfEnds(LeafRange range, uint64_t size,
                                                   absl::Span<const Hash> first,
                                                   absl::Span<const Hash> last);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_PROOF_H_
