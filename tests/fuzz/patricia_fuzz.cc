// A map proof is believed only where it is true, however it was altered; a node of a stored tree
// that parses encodes to the same bytes.
#include <fuzzer/FuzzedDataProvider.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "merkle/patricia.h"
#include "merkle/patricia_tree.h"
#include "merkle/tag_log.h"
#include "merkle/tag_map.h"
#include "tests/fuzz/fuzz_check.h"

namespace auditledger {
namespace {

// A map of twenty tags with what is under each.
class FuzzMap {
 public:
  FuzzMap() {
    TagMap map(store_);
    for (uint64_t i = 0; i < 40; ++i) {
      FUZZ_CHECK(map.Add({i, 0, 0, LeafHash("leaf")}, {LeafHash(absl::StrCat(i % 20))}).ok());
    }
    root_ = map.Root().value();
    for (uint64_t i = 0; i < 20; ++i) {
      const Hash tag = LeafHash(absl::StrCat(i));
      const Frontier log = store_.ReadTag(tag).value();
      values_[std::string(tag.view())] = EncodeTagValue({log.size(), log.Root()});
    }
  }
  const Hash& root() const { return root_; }
  // "" where it has none.
  std::string ValueOf(const std::string& key) const {
    const auto value = values_.find(key);
    return value == values_.end() ? "" : value->second;
  }
  std::string ProofOf(const Hash& key) {
    const PatriciaPath path = FindPatricia(key, store_).value();
    if (path.found == key) return EncodePresence(path.steps);
    return EncodeAbsence(path.found->view(), ValueOf(std::string(path.found->view())), path.steps);
  }

 private:
  MemoryTagMapStore store_;
  Hash root_;
  std::map<std::string, std::string> values_;
};

FuzzMap& TheMap() {
  static FuzzMap& map = *new FuzzMap;
  return map;
}

}  // namespace
}  // namespace auditledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const auto node = ParsePatriciaNode(FuzzInput(data, size));
  if (node.ok()) FUZZ_CHECK(EncodePatriciaNode(*node) == FuzzInput(data, size));

  FuzzedDataProvider in(data, size);
  FuzzMap& map = TheMap();
  const Hash tag = LeafHash(absl::StrCat(in.ConsumeIntegralInRange<int>(0, 25)));
  const Hash other = LeafHash(absl::StrCat(in.ConsumeIntegralInRange<int>(0, 25)));
  const std::string key(tag.view());
  std::string value = map.ValueOf(std::string(other.view()));
  if (in.ConsumeBool()) value = in.ConsumeRandomLengthString();
  std::string proof = map.ProofOf(other);
  for (int n = in.ConsumeIntegralInRange<int>(0, 3); n > 0; --n) {
    const size_t at = in.ConsumeIntegralInRange<size_t>(0, proof.size());
    const size_t removed = in.ConsumeIntegralInRange<size_t>(0, proof.size() - at);
    proof.replace(at, removed, in.ConsumeRandomLengthString());
  }
  FUZZ_CHECK(!VerifyPresent(map.root(), key, value, proof).ok() ||
             (value == map.ValueOf(key) && proof == map.ProofOf(tag)));
  FUZZ_CHECK(!VerifyAbsent(map.root(), key, proof).ok() || map.ValueOf(key).empty());
  const std::string any = in.ConsumeRemainingBytesAsString();
  (void)VerifyPresent(map.root(), any, value, any);
  (void)VerifyAbsent(map.root(), key, any);
  return 0;
}
