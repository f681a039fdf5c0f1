// A key that parses prints back the same, and what it signed cannot be guessed.
#include "merkle/note.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view input = FuzzInput(data, size);
  const auto key = NoteVerifier::Parse(input);
  if (key.ok()) {
    FUZZ_CHECK(key->ToVkey() == input);
    FUZZ_CHECK(IsValidNoteName(key->name()));
    (void)key->Verify(input, input);
  }
  // Any name and key of 32 bytes make a key that reads back, if the name is one.
  if (size < 33) return 0;
  const absl::string_view name = input.substr(32);
  const auto made = NoteVerifier::FromEd25519(name, input.substr(0, 32));
  FUZZ_CHECK(made.ok() == IsValidNoteName(name));
  if (made.ok()) FUZZ_CHECK(NoteVerifier::Parse(made->ToVkey())->ToVkey() == made->ToVkey());
  return 0;
}
