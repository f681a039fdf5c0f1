// The roots that proofs are made of, read together.
//
// Thread-safety: pure function.
#ifndef AUDITLEDGER_MERKLE_PROOF_ROOTS_H_
#define AUDITLEDGER_MERKLE_PROOF_ROOTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "merkle/hash.h"
#include "merkle/node_reader.h"
#include "merkle/proof.h"

namespace auditledger {

// MTH of each range, by one ReadNodes call; none where all are empty. REQUIRES: each range begins
// at a multiple of the power of two that holds it, as those of a proof's shape do (proof_shape.h).
// Internal when the reader gives another number of hashes than asked.
absl::StatusOr<std::vector<Hash>> ReadRoots(const std::vector<LeafRange>& ranges,
                                            NodeReader& reader);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_PROOF_ROOTS_H_
