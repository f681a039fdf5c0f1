// Inclusion proofs of leaves that stand next to each other, made together: neighbours share most of
// their paths, so that a thousand proofs take three thousand nodes and not twenty thousand.
//
// Example:
//   ASSIGN_OR_RETURN(const auto proofs, InclusionProofs({first, size}, size, reader));
//   proofs[i] is InclusionProof(first + i, size, reader)
//
// Thread-safety: pure functions. Cost: one ReadNodes call. Source: RFC 6962 2.1.1.
#ifndef AUDITLEDGER_MERKLE_NEIGHBOUR_PROOFS_H_
#define AUDITLEDGER_MERKLE_NEIGHBOUR_PROOFS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "merkle/hash.h"
#include "merkle/node_reader.h"
#include "merkle/proof.h"

namespace auditledger {

// That of each leaf of `leaves`, in order. OutOfRange unless begin <= end <= size <= kMaxTreeSize.
absl::StatusOr<std::vector<std::vector<Hash>>> InclusionProofs(LeafRange leaves, uint64_t size,
                                                               NodeReader& reader);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_NEIGHBOUR_PROOFS_H_
