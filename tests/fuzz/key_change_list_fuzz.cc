// Whatever stands in a list of key changes: what parses formats back to the same bytes.
#include "merkle/key_change_list.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view text = FuzzInput(data, size);
  const absl::StatusOr<KeyChangeList> list = ParseKeyChangeList(text);
  if (!list.ok()) return 0;
  FUZZ_CHECK(FormatKeyChangeList(*list) == text);
  FUZZ_CHECK(list->changes.size() <= kMaxKeyChanges);
  return 0;
}
