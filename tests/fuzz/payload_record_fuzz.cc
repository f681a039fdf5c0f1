// A payload record from outside never opens (nobody guesses a tag), and the record of any payload
// opens to it.
#include <string>

#include "ledger/payload_cipher.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const std::string seed(32, 's');
  const absl::string_view bytes = FuzzInput(data, size);
  FUZZ_CHECK(absl::IsDataLoss(DecryptPayload(seed, "origin", Hash{}, bytes).status()));

  const size_t cut = size == 0 ? 0 : data[0] * size / 256;
  const Payload payload{std::string(bytes.substr(0, cut)), std::string(bytes.substr(cut))};
  const absl::StatusOr<std::string> record =
      EncryptPayload(seed, std::string(kPayloadNonceBytes, 'n'), "origin", Hash{}, payload);
  FUZZ_CHECK(record.ok() == (payload.header.size() <= 65535));
  if (!record.ok()) return 0;
  const absl::StatusOr<Payload> read = DecryptPayload(seed, "origin", Hash{}, *record);
  FUZZ_CHECK(read.ok() && *read == payload);
  return 0;
}
