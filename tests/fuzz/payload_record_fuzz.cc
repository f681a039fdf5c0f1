// A payload record from outside never opens (nobody guesses a tag), and the record of any payload
// opens to it.
#include <string>

#include "ledger/payload_cipher.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const std::string secret(kEntrySecretBytes, 's');
  const absl::string_view bytes = FuzzInput(data, size);
  FUZZ_CHECK(absl::IsDataLoss(DecryptPayload(secret, "origin", Hash{}, bytes).status()));

  const size_t cut = size == 0 ? 0 : data[0] * size / 256;
  // Half of the inputs with the seed that follows from the secret, half with a chosen one.
  const bool chosen = size % 2 == 1;
  const PayloadKeys keys(secret);
  const Payload payload{chosen ? std::string(32, 'c') : keys.CommitmentSeed(),
                        std::string(bytes.substr(0, cut)), std::string(bytes.substr(cut))};
  const absl::StatusOr<std::string> record =
      keys.Encrypt(std::string(kPayloadNonceBytes, 'n'), "origin", Hash{},
                   {payload.seed, payload.header, payload.event});
  FUZZ_CHECK(record.ok() == (payload.header.size() <= 65535));
  if (!record.ok()) return 0;
  const absl::StatusOr<Payload> read = DecryptPayload(secret, "origin", Hash{}, *record);
  FUZZ_CHECK(read.ok() && *read == payload);
  return 0;
}
