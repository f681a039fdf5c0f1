// What parses as a checkpoint formats back to the same bytes.
#include "merkle/checkpoint.h"
#include "merkle/frontier.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view input = FuzzInput(data, size);
  const auto checkpoint = ParseCheckpoint(input);
  if (!checkpoint.ok()) {
    FUZZ_CHECK(!checkpoint.status().message().empty());
    return 0;
  }
  FUZZ_CHECK(FormatCheckpoint(*checkpoint) == input);
  FUZZ_CHECK(!checkpoint->origin.empty() && checkpoint->size <= kMaxTreeSize);
  if (checkpoint->size == 0) FUZZ_CHECK(checkpoint->root == EmptyRoot());
  return 0;
}
