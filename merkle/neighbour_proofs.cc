#include "merkle/neighbour_proofs.h"

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/proof_roots.h"
#include "merkle/proof_shape.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// The way from `node` down to each leaf of `wanted` in turn. `sibling` is called with what lies
// beside each step down, `back` with each step up, `leaf` at each leaf. At most 63 deep.
template <typename Sibling, typename Back, typename Leaf>
void WalkDown(LeafRange node, LeafRange wanted, const Sibling& sibling, const Back& back,
              const Leaf& leaf) {
  if (node.end - node.begin == 1) return leaf();
  const uint64_t middle = node.begin + SplitPoint(node.end - node.begin);
  const LeafRange left{node.begin, middle};
  const LeafRange right{middle, node.end};
  if (wanted.begin < middle) {
    sibling(right);
    WalkDown(left, wanted, sibling, back, leaf);
    back();
  }
  if (wanted.end > middle) {
    sibling(left);
    WalkDown(right, wanted, sibling, back, leaf);
    back();
  }
}

}  // namespace

absl::StatusOr<std::vector<std::vector<Hash>>> InclusionProofs(LeafRange leaves, uint64_t size,
                                                               NodeReader& reader) {
  if (leaves.begin > leaves.end || leaves.end > size || size > kMaxTreeSize) {
    return absl::OutOfRangeError(absl::StrCat("inclusion proofs: leaves [", leaves.begin, ", ",
                                              leaves.end, ") are not in a tree of ", size,
                                              " (at most 2^63 - 1) leaves"));
  }
  std::vector<std::vector<Hash>> proofs;
  if (leaves.begin == leaves.end) return proofs;
  const LeafRange tree{0, size};
  std::vector<LeafRange> siblings;
  WalkDown(
      tree, leaves, [&siblings](LeafRange beside) { siblings.push_back(beside); }, [] {}, [] {});
  ASSIGN_OR_RETURN(const std::vector<Hash> roots, ReadRoots(siblings, reader));
  proofs.reserve(leaves.end - leaves.begin);
  std::vector<Hash> path;  // from the root down
  auto next = roots.begin();
  WalkDown(
      tree, leaves, [&](LeafRange) { path.push_back(*next++); }, [&] { path.pop_back(); },
      [&] { proofs.emplace_back(path.rbegin(), path.rend()); });
  return proofs;
}

}  // namespace auditledger
