// The answer to a batch: whatever it says, whole receipts are made of it or it is refused; and of
// one whose parts were changed no receipt is made that proves what the honest one does not.
#include <string>
#include <utility>

#include "api/client/shared_proof.h"
#include "merkle/proof.h"
#include "merkle/verify.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_tree.h"

namespace auditledger {
namespace {

using Response = v1::BatchAppendEventsResponse;

void MakeWhole(absl::string_view bytes) {
  Response response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const auto count = static_cast<size_t>(response.receipts_size());
  FUZZ_CHECK(!WholeReceipts(response, count + 1).ok());
  const auto receipts = WholeReceipts(response, count);
  if (!receipts.ok()) return;
  FUZZ_CHECK(receipts->size() == count);
  for (size_t i = 0; i < count; ++i) {
    v1::Receipt receipt = (*receipts)[i];
    const v1::Receipt& given = response.receipts(static_cast<int>(i));
    if (response.has_checkpoint()) {
      FUZZ_CHECK(receipt.checkpoint().note() == response.checkpoint().note());
      FUZZ_CHECK(receipt.has_inclusion());
      receipt.clear_checkpoint();
      if (!given.repeated_event()) receipt.clear_inclusion();
    }
    FUZZ_CHECK(receipt.SerializeAsString() == given.SerializeAsString());
  }
}

Response Honest(LeafRange range, uint64_t tree_size) {
  TileNodeReader reader(TheFuzzTree(), tree_size);
  Response response;
  response.mutable_checkpoint()->set_note("note");
  for (uint64_t i = range.begin; i < range.end; ++i) {
    v1::Receipt& receipt = *response.add_receipts();
    receipt.set_index(i);
    receipt.set_leaf(absl::StrCat("leaf ", i));
  }
  response.mutable_range()->set_first_index(range.begin);
  response.mutable_range()->set_tree_size(tree_size);
  const std::vector<Hash> proof = RangeProof(range, tree_size, reader).value();
  for (const Hash& hash : proof) response.mutable_range()->add_hashes(std::string(hash.view()));
  return response;
}

// A few of: another place, size, leaf or order, or receipts and hashes added and taken away.
void Change(FuzzedDataProvider& in, Response& response) {
  auto& receipts = *response.mutable_receipts();
  v1::RangeProof& range = *response.mutable_range();
  std::vector<Hash> proof;
  for (const std::string& raw : range.hashes()) proof.push_back(Hash::FromBytes(raw).value());
  Alter(in, proof);
  range.clear_hashes();
  for (const Hash& hash : proof) range.add_hashes(std::string(hash.view()));
  for (int n = in.ConsumeIntegralInRange<int>(0, 3); n > 0 && !receipts.empty(); --n) {
    const auto at = in.ConsumeIntegralInRange<int>(0, receipts.size() - 1);
    switch (in.ConsumeIntegralInRange<int>(0, 6)) {
      case 0:
        receipts[at].set_index(in.ConsumeIntegral<uint64_t>());
        break;
      case 1:
        receipts[at].set_leaf(in.ConsumeRandomLengthString(12));
        break;
      case 2:
        receipts.SwapElements(at, 0);
        break;
      case 3:
        receipts.RemoveLast();
        break;
      case 4:
        range.set_first_index(in.ConsumeIntegral<uint64_t>());
        break;
      case 5:
        range.set_tree_size(in.ConsumeIntegral<uint64_t>());
        break;
      default:
        for (v1::Receipt& receipt : receipts) receipt.set_index(receipt.index() + 1);
        range.set_first_index(range.first_index() + 1);
        break;
    }
  }
}

// Under a head of the tree's: whether each event has a receipt that proves its leaf.
bool Proves(const Response& response, size_t events, uint64_t tree_size) {
  const auto receipts = WholeReceipts(response, events);
  if (!receipts.ok()) return false;
  for (const v1::Receipt& receipt : *receipts) {
    std::vector<Hash> proof;
    for (const std::string& raw : receipt.inclusion().hashes()) {
      proof.push_back(Hash::FromBytes(raw).value());
    }
    if (receipt.inclusion().leaf_index() != receipt.index() ||
        receipt.inclusion().tree_size() != tree_size ||
        !VerifyInclusion(receipt.index(), tree_size, LeafHash(receipt.leaf()), proof,
                         TheFuzzTree().Root(tree_size))
             .ok()) {
      return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace auditledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  if (size > 0 && data[0] == 'A') {
    MakeWhole(FuzzInput(data, size).substr(1));
    return 0;
  }
  FuzzedDataProvider in(data, size);
  const auto tree_size = in.ConsumeIntegralInRange<uint64_t>(1, kFuzzTreeSize);
  const auto begin = in.ConsumeIntegralInRange<uint64_t>(0, tree_size - 1);
  const auto end = in.ConsumeIntegralInRange<uint64_t>(begin + 1, tree_size);
  const Response honest = Honest({begin, end}, tree_size);
  Response response = honest;
  Change(in, response);
  FUZZ_CHECK(Proves(response, end - begin, tree_size) ==
             (response.SerializeAsString() == honest.SerializeAsString()));
  return 0;
}
