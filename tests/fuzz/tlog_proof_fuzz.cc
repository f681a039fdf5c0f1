// What parses as a receipt formats back to the same bytes.
#include "merkle/note.h"
#include "merkle/tlog_proof.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view input = FuzzInput(data, size);
  const auto proof = ParseTlogProof(input);
  if (!proof.ok()) return 0;
  FUZZ_CHECK(FormatTlogProof(*proof) == input);
  FUZZ_CHECK(proof->path.size() <= kMaxProofHashes && ParseNote(proof->checkpoint).ok());
  return 0;
}
