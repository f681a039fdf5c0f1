// What parses as a bundle encodes back to the same bytes, under one width only.
#include "merkle/tile.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  if (size == 0) return 0;
  const uint64_t width = uint64_t{1} + data[0];
  const absl::string_view bundle = FuzzInput(data + 1, size - 1);
  const auto entries = ParseEntryBundle(bundle, width);
  if (!entries.ok()) return 0;
  FUZZ_CHECK(entries->size() == width && EncodeEntryBundle(*entries).value() == bundle);
  FUZZ_CHECK(!ParseEntryBundle(bundle, width + 1).ok() &&
             !ParseEntryBundle(bundle, width - 1).ok());
  return 0;
}
