// What a witness answers never changes the text or takes a line away, and never adds a cosignature
// that does not verify. (The key's private half is public, so that the corpus can hold good lines.)
#include "merkle/cosignature.h"

#include "merkle/witness.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  static const NoteVerifier key = *NoteVerifier::Parse(
      "witness.example.org+b8a2cf20+BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN");
  static const std::string note =
      "rome2026h1.example.org\n300\nlCkHUpkmVBEms2r2T1K6Og69+wUuuN3MIEW1/ezu2v0=\n\n"
      "\xe2\x80\x94 rome2026h1.example.org "
      "kVB1JgAAAZtxtEwABAMARzBFAiEAi+mTa2xjL1IdWpH82OeciGsGvwRAP+"
      "f1WkfKaSZCfFECIHoNPZ/Q3y6UNzvKOO9cuLr6V16vPNfhwhle9f6r5H/Z\n";
  const absl::string_view input = FuzzInput(data, size);
  const auto added = AddCosignatures(note, input, {key});
  if (added.ok()) {
    FUZZ_CHECK(added->compare(0, note.size(), note) == 0);
    FUZZ_CHECK(VerifyCosignatures(*added, {key})->size() == 1);
  }
  (void)VerifyCosignatures(input, {key});
  const auto witnessed = ParseWitnessSize(input);
  if (witnessed.ok()) FUZZ_CHECK(FormatWitnessSize(*witnessed) == input);
  return 0;
}
