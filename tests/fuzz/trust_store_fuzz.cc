// What a trust store's file holds: bytes from a disk that anyone may have touched. Whatever is
// accepted must be a head of the pin, its note verbatim, and the one that its key signed. Then the
// same for the input as a text that the key did sign.
#include <cstdint>

#include "tests/fuzz/fuzz_log.h"
#include "verifier/trust_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using auditledger::ParseStoredHead;
  const auditledger::Pin& pin = auditledger::FuzzPin();
  const absl::string_view bytes = auditledger::FuzzInput(data, size);
  const auto head = ParseStoredHead(bytes, pin);
  if (head.ok()) {
    FUZZ_CHECK(head->note == bytes && head->checkpoint.origin == pin.origin);
    FUZZ_CHECK(head->checkpoint.root.ToHex() == auditledger::kFuzzRoot);
  }
  const std::string note = auditledger::FuzzSign(bytes);
  const auto own = ParseStoredHead(note, pin);
  if (own.ok()) {
    FUZZ_CHECK(own->note == note && own->checkpoint.origin == pin.origin);
    FUZZ_CHECK(auditledger::FormatCheckpoint(own->checkpoint) == bytes);
  }
  (void)auditledger::ParsePins(bytes);
  (void)auditledger::ParseIndexKey(bytes);
  return 0;
}
