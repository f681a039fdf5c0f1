// Whatever stands in pkcs11.key: what parses is the only text of what it says.
#include "ledger/pkcs11_spec.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view text = FuzzInput(data, size);
  const absl::StatusOr<Pkcs11Spec> spec = ParsePkcs11Spec(text);
  if (!spec.ok()) return 0;
  FUZZ_CHECK(CheckPkcs11Spec(*spec).ok());
  FUZZ_CHECK(FormatPkcs11Spec(*spec) == text);
  return 0;
}
