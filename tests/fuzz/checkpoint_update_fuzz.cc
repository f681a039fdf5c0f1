// What parses as add-checkpoint's body formats back to the same bytes.
#include "merkle/note.h"
#include "merkle/tlog_proof.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view input = FuzzInput(data, size);
  const auto update = ParseCheckpointUpdate(input);
  if (!update.ok()) return 0;
  FUZZ_CHECK(FormatCheckpointUpdate(*update) == input);
  FUZZ_CHECK(update->proof.size() <= kMaxProofHashes && ParseNote(update->checkpoint).ok());
  return 0;
}
