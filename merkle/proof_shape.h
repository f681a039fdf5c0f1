// The shape of a proof: which subtrees' roots it holds, in which order, as a function of sizes
// alone. Prover and verifier both walk it, so a verifier knows the one acceptable length before it
// hashes.
//
// One walk serves all proofs of RFC 6962. With "b" of the RFC's SUBPROOF as `starts_with_known`:
//   consistency m -> n    is the walk of [0, m) in the tree of n
//   inclusion of leaf i   is the walk of [i, i+1), which never meets the middle case
//   a subtree [s, e)      is the walk of [s, e)
//
// Thread-safety: pure functions. Source: RFC 6962 2.1.1, 2.1.2; draft-ietf-plants-merkle-tree-certs
// (shared/reference/standards.md 1.4).
#ifndef AUDITLEDGER_MERKLE_PROOF_SHAPE_H_
#define AUDITLEDGER_MERKLE_PROOF_SHAPE_H_

#include <cstdint>
#include <vector>

#include "merkle/proof.h"

namespace auditledger {

// Where the leaves of a width of at least two divide: the largest power of two below it.
uint64_t SplitPoint(uint64_t width);

// One hash of a proof and how it joins what is known so far.
struct ProofStep {
  enum class Side {
    kRight,       // known || hash, in the tree
    kLeft,        // hash || known, in the tree
    kLeftInside,  // hash || known, in the tree and in the subtree: the hash covers leaves of both
  };
  LeafRange sibling;
  Side side = Side::kRight;
};

// A proof that a non-empty subtree belongs to a tree, lowest hash first.
struct SubtreeShape {
  // Leaves of the walk's lowest node. Its hash is the subtree's own root if `starts_with_known`,
  // and else the first hash of the proof.
  LeafRange start;
  bool starts_with_known = true;
  std::vector<ProofStep> steps;

  size_t ProofLength() const { return steps.size() + (starts_with_known ? 0 : 1); }
};

// REQUIRES: IsSubtree(subtree), subtree.begin < subtree.end <= size.
SubtreeShape ShapeOfSubtree(LeafRange subtree, uint64_t size);

// The hashes of a range proof, left to right. REQUIRES: range.begin < range.end <= size.
std::vector<LeafRange> ShapeOfRange(LeafRange range, uint64_t size);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_PROOF_SHAPE_H_
