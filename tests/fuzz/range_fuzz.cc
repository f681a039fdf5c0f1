// A page of leaves is accepted with its honest proof only, and only where it lies.
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
  TileNodeReader reader(tree, tree_size);
  const std::vector<Hash> honest = RangeProof({begin, end}, tree_size, reader).value();
  const std::vector<Hash> honest_leaves(tree.leaves().begin() + static_cast<ptrdiff_t>(begin),
                                        tree.leaves().begin() + static_cast<ptrdiff_t>(end));
  std::vector<Hash> proof = honest;
  std::vector<Hash> leaves = honest_leaves;
  Alter(in, proof);
  Alter(in, leaves);
  const uint64_t asked = in.ConsumeBool() ? begin : in.ConsumeIntegral<uint64_t>();
  const auto status = VerifyRange(asked, leaves, tree_size, proof, tree.Root(tree_size));
  FUZZ_CHECK(status.ok() == (asked == begin && proof == honest && leaves == honest_leaves));
  // Unfolded, it proves each leaf exactly when it proves all.
  const auto unfolded = UnfoldRange(asked, leaves, tree_size, proof);
  bool each = unfolded.ok();
  for (size_t i = 0; each && i < leaves.size(); ++i) {
    each =
        VerifyInclusion(asked + i, tree_size, leaves[i], (*unfolded)[i], tree.Root(tree_size)).ok();
  }
  FUZZ_CHECK(status.ok() == each);
  (void)VerifyRange(asked, leaves, in.ConsumeIntegral<uint64_t>(), proof, tree.Root(tree_size));
  return 0;
}
