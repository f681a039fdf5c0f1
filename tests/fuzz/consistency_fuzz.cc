// An altered consistency proof, or another root, is not accepted.
#include "merkle/proof.h"
#include "merkle/verify.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  FuzzedDataProvider in(data, size);
  FuzzTree& tree = TheFuzzTree();
  const auto new_size = in.ConsumeIntegralInRange<uint64_t>(1, kFuzzTreeSize);
  const auto old_size = in.ConsumeIntegralInRange<uint64_t>(1, new_size);
  TileNodeReader reader(tree, new_size);
  const std::vector<Hash> honest = ConsistencyProof(old_size, new_size, reader).value();
  std::vector<Hash> proof = honest;
  Alter(in, proof);
  const auto other = in.ConsumeIntegralInRange<uint64_t>(0, kFuzzTreeSize);
  const Hash& old_root = in.ConsumeBool() ? tree.Root(old_size) : tree.Root(other);
  const auto status = VerifyConsistency(old_size, old_root, new_size, tree.Root(new_size), proof);
  FUZZ_CHECK(status.ok() == (proof == honest && old_root == tree.Root(old_size)));
  // Sizes nobody asked for must at least not crash.
  (void)VerifyExtension(in.ConsumeIntegral<uint64_t>(), old_root, in.ConsumeIntegral<uint64_t>(),
                        tree.Root(new_size), proof);
  return 0;
}
