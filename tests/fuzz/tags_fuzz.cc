// Tags of any event that cuts: few enough, ascending and distinct, one for each distinct key.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>

#include "merkle/tags.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view event(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<std::vector<Unit>> units = CutUnits(event);
  if (!units.ok()) return 0;
  const HmacKey index_key(std::string(kIndexKeyBytes, 'k'));
  const absl::StatusOr<std::vector<TagKey>> keys = TagKeys(*units);
  const absl::StatusOr<std::vector<Hash>> tags = DeriveTags(index_key, *units);
  if (keys.ok() != tags.ok()) std::abort();
  if (!keys.ok()) return 0;
  const std::set<TagKey> distinct(keys->begin(), keys->end());
  std::set<Hash> expected;
  for (const TagKey& key : distinct) {
    if (key.id.empty()) std::abort();
    expected.insert(DeriveTag(index_key, key));
  }
  if (keys->size() > kMaxTags || expected.size() != distinct.size()) std::abort();
  if (*tags != std::vector<Hash>(expected.begin(), expected.end())) std::abort();
  return 0;
}
