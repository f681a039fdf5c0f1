// What a trust store's file holds: bytes from a disk that anyone may have touched. Whatever is
// accepted must be a head of the pin, and its note verbatim.
#include <cstdint>
#include <cstdlib>

#include "verifier/trust_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using auditledger::ParseStoredHead;
  static const auditledger::Pin& pin = *new auditledger::Pin{
      "ledger.test/clinic",
      auditledger::NoteVerifier::FromEd25519("ledger.test/clinic", std::string(32, 'k')).value()};
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto head = ParseStoredHead(bytes, pin);
  if (head.ok() && (head->note != bytes || head->checkpoint.origin != pin.origin)) std::abort();
  (void)auditledger::ParsePins(bytes);
  (void)auditledger::ParseIndexKey(bytes);
  return 0;
}
