// Whatever stands in a next.change: what parses formats back to the same bytes.
#include "ledger/key_rotation.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view text = FuzzInput(data, size);
  const absl::StatusOr<NextKey> next = ParseNextKey(text);
  if (next.ok()) FUZZ_CHECK(FormatNextKey(*next).value() == text);
  return 0;
}
