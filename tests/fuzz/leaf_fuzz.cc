// A leaf that parses encodes to the same bytes: there is one encoding for each.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "merkle/leaf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
  if (!leaf.ok()) return 0;
  const absl::StatusOr<std::string> encoded = EncodeLeaf(*leaf);
  if (!encoded.ok() || *encoded != bytes || EntryKindName(leaf->kind).empty()) std::abort();
  return 0;
}
