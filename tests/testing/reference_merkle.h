// RFC 6962 as its text says it: recursion over leaves, no cleverness. The product's proofs are
// compared to it. Not thread-safe: it remembers the subtree roots it has computed.
#ifndef AUDITLEDGER_TESTS_TESTING_REFERENCE_MERKLE_H_
#define AUDITLEDGER_TESTS_TESTING_REFERENCE_MERKLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "merkle/hash.h"
#include "merkle/node_reader.h"

namespace auditledger::testing {

class ReferenceTree : public NodeReader {
 public:
  explicit ReferenceTree(const std::vector<std::string>& leaves);
  // Leaf i is "leaf <i>".
  static ReferenceTree Numbered(uint64_t count);

  uint64_t size() const { return leaf_hashes_.size(); }
  const std::vector<Hash>& leaf_hashes() const { return leaf_hashes_; }

  // MTH(D[begin:end]).
  Hash Root(uint64_t begin, uint64_t end);
  Hash Root(uint64_t size) { return Root(0, size); }
  // PATH(index, D[0:size]).
  std::vector<Hash> Path(uint64_t index, uint64_t size) { return PathIn(index, 0, size); }
  // PROOF(old_size, D[0:new_size]).
  std::vector<Hash> Consistency(uint64_t old_size, uint64_t new_size);
  // The same for a subtree [begin, end) that does not begin at leaf 0.
  std::vector<Hash> SubtreeConsistency(uint64_t begin, uint64_t end, uint64_t size);
  // Roots of the largest subtrees of the recursion outside [begin, end), left to right.
  std::vector<Hash> Range(uint64_t begin, uint64_t end, uint64_t size);

  absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) override;
  int reads() const { return reads_; }  // calls of ReadNodes

 private:
  std::vector<Hash> PathIn(uint64_t index, uint64_t begin, uint64_t end);
  std::vector<Hash> SubProof(uint64_t begin, uint64_t end, uint64_t low, uint64_t high, bool known);
  void RangeIn(uint64_t begin, uint64_t end, uint64_t low, uint64_t high, std::vector<Hash>& out);

  std::vector<Hash> leaf_hashes_;
  std::map<std::pair<uint64_t, uint64_t>, Hash> roots_;
  int reads_ = 0;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_REFERENCE_MERKLE_H_
