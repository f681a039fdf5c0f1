// An altered question or proof is accepted only if nothing that matters was altered.
#include "merkle/proof.h"
#include "merkle/verify.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  FuzzedDataProvider in(data, size);
  FuzzTree& tree = TheFuzzTree();
  const auto tree_size = in.ConsumeIntegralInRange<uint64_t>(1, kFuzzTreeSize);
  const auto index = in.ConsumeIntegralInRange<uint64_t>(0, tree_size - 1);
  TileNodeReader reader(tree, tree_size);
  const std::vector<Hash> honest = InclusionProof(index, tree_size, reader).value();
  std::vector<Hash> proof = honest;
  Alter(in, proof);
  const uint64_t asked = in.ConsumeBool() ? index : in.ConsumeIntegral<uint64_t>();
  const uint64_t asked_size = in.ConsumeBool() ? tree_size : in.ConsumeIntegral<uint64_t>();
  const auto status =
      VerifyInclusion(asked, asked_size, tree.leaves()[index], proof, tree.Root(tree_size));
  if (asked == index && asked_size == tree_size) FUZZ_CHECK(status.ok() == (proof == honest));
  if (status.ok()) FUZZ_CHECK(proof == honest && asked < asked_size);
  if (status.ok() && asked_size == tree_size) FUZZ_CHECK(asked == index);
  return 0;
}
