// Whatever comes over the signer's socket: a frame that is read is the only encoding of what it
// says, in both directions.
#include <string>

#include "ledger/signer_protocol.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view bytes = FuzzInput(data, size);
  if (bytes.size() < kSignerFrameHeaderBytes) return 0;
  const auto header = ParseSignerFrameHeader(bytes.substr(0, kSignerFrameHeaderBytes));
  if (!header.ok()) return 0;
  FUZZ_CHECK(header->body_bytes <= kMaxSignerBodyBytes);
  const absl::string_view body = bytes.substr(kSignerFrameHeaderBytes);
  if (body.size() != header->body_bytes) return 0;
  const auto request = ParseSignerRequest(header->type, body);
  const auto answer = ParseSignerAnswer(header->type, body);
  FUZZ_CHECK(!request.ok() || !answer.ok());
  if (request.ok()) FUZZ_CHECK(EncodeSignerRequest(*request).value() == bytes);
  if (answer.ok()) FUZZ_CHECK(EncodeSignerAnswer(*answer) == bytes);
  return 0;
}
