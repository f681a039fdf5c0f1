// One proof for leaves wherever they lie in a tree: its hashes are the roots of the largest
// subtrees in which none of them lies, left to right. An inclusion proof is the case of one leaf, a
// range proof that of neighbours (both hold the same hashes in this order); a thousand leaves of
// ten million share two fifths of their paths, and all leaves from some place to the end make the
// proof of a prefix.
//
//   root(begin, end), of the leaves [begin, end) of the tree; it starts as root(0, size):
//     none of the given leaves lies in [begin, end): the next hash of the proof
//     end - begin is 1:                              the given leaf's hash
//     else, k the largest power of two below end - begin:
//       SHA-256(01 || root(begin, begin + k) || root(begin + k, end))
//
// Example:
//   const std::vector<IndexedHash> leaves = {{3, LeafHash(a)}, {17, LeafHash(b)}};
//   RETURN_IF_ERROR(VerifySet(leaves, head.size, proof, head.root));
//
// Thread-safety: pure functions. Cost: O(n log(size / n)) hashes. Source: RFC 6962 2.1, read as
// merkle/proof_shape.h does.
#ifndef AUDITLEDGER_MERKLE_SET_PROOF_H_
#define AUDITLEDGER_MERKLE_SET_PROOF_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/node_reader.h"
#include "merkle/proof.h"

namespace auditledger {

struct IndexedHash {
  uint64_t index = 0;
  Hash hash;
  friend bool operator==(const IndexedHash&, const IndexedHash&) = default;
};

// Of the leaves at `indexes`. OutOfRange unless there is one, they ascend strictly and lie below
// size <= kMaxTreeSize.
absl::StatusOr<std::vector<Hash>> SetProof(absl::Span<const uint64_t> indexes, uint64_t size,
                                           NodeReader& reader);

// `leaves` are leaf hashes of the tree (size, root), each at its index. InvalidArgument for what
// SetProof calls OutOfRange, and for a proof of another length than theirs; DataLoss where the
// hashes do not lead to the root.
absl::Status VerifySet(absl::Span<const IndexedHash> leaves, uint64_t size,
                       absl::Span<const Hash> proof, const Hash& root);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_SET_PROOF_H_
