// Whatever stands in a key change: what parses is the only encoding of what it says, and no chain
// is built from changes that no key signed.
#include "merkle/key_chain.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view body = FuzzInput(data, size);
  const absl::StatusOr<KeyChange> change = ParseKeyChange(body);
  if (!change.ok()) return 0;
  FUZZ_CHECK(EncodeKeyChange(*change).value() == body);
  const absl::StatusOr<NoteVerifier> pinned =
      NoteVerifier::FromEd25519("fuzz.example/log", change->new_key);
  if (!pinned.ok()) return 0;
  // A signature that anybody can make: keys of small order have some. They sign for nobody else.
  const auto chain = KeyChain::Build(*pinned, {{1, std::string(body)}});
  if (chain.ok()) FUZZ_CHECK(chain->current().public_key() == change->new_key);
  return 0;
}
