// What parses as a COSE receipt encodes to the same bytes; none is believed, whatever the leaf.
#include "merkle/cose_receipt.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_log.h"
#include "verifier/pins.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view input = FuzzInput(data, size);
  const auto receipt = ParseCoseReceipt(input);
  if (!receipt.ok()) return 0;
  FUZZ_CHECK(EncodeCoseReceipt(*receipt).value() == input);
  FUZZ_CHECK(!receipt->path.empty());
  FUZZ_CHECK(!VerifyCoseInclusion(*receipt, Hash(), FuzzPin().key).ok());
  FUZZ_CHECK(!VerifyCoseConsistency(*receipt, Hash(), Hash(), FuzzPin().key).ok());
  return 0;
}
