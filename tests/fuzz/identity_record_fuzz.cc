// An identity record that parses encodes to the same bytes.
#include "ledger/identity_record.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view bytes = FuzzInput(data, size);
  const absl::StatusOr<IdentityRecord> record = ParseIdentityRecord(bytes);
  if (record.ok()) FUZZ_CHECK(EncodeIdentityRecord(*record) == bytes);
  return 0;
}
