// Subtrees: honest proofs are accepted, altered ones refused, coverings hold their range.
#include "merkle/proof.h"
#include "merkle/verify.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  FuzzedDataProvider in(data, size);
  FuzzTree& tree = TheFuzzTree();
  const auto tree_size = in.ConsumeIntegralInRange<uint64_t>(1, kFuzzTreeSize);
  const auto begin = in.ConsumeIntegralInRange<uint64_t>(0, tree_size - 1);
  const auto end = in.ConsumeIntegralInRange<uint64_t>(begin + 1, tree_size);
  const std::vector<LeafRange> cover = CoveringSubtrees({begin, end});
  FUZZ_CHECK(cover.front().begin <= begin && cover.back().end == end);
  TileNodeReader reader(tree, tree_size);
  for (const LeafRange& subtree : cover) {
    const Hash root = SubtreeRoot(subtree, reader).value();
    const std::vector<Hash> honest = SubtreeConsistencyProof(subtree, tree_size, reader).value();
    std::vector<Hash> proof = honest;
    Alter(in, proof);
    const auto status =
        VerifySubtreeConsistency(subtree, root, tree_size, tree.Root(tree_size), proof);
    FUZZ_CHECK(status.ok() == (proof == honest));
  }
  const LeafRange any{in.ConsumeIntegral<uint64_t>(), in.ConsumeIntegral<uint64_t>()};
  const std::vector<Hash> none;
  const auto any_size = in.ConsumeIntegral<uint64_t>();
  if (VerifySubtreeConsistency(any, EmptyRoot(), any_size, EmptyRoot(), none).ok()) {
    FUZZ_CHECK(IsSubtree(any) && any.end <= any_size);
  }
  for (const LeafRange& subtree : CoveringSubtrees(any)) FUZZ_CHECK(IsSubtree(subtree));
  (void)VerifySubtreeInclusion(in.ConsumeIntegral<uint64_t>(), any, EmptyRoot(), none, EmptyRoot());
  return 0;
}
