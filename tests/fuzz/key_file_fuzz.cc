// A key text that parses formats to the same text, and an error never quotes it.
#include "ledger/key_text.h"
#include "ledger/wrap_rotation.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view text = FuzzInput(data, size);
  const absl::StatusOr<NoteSigningKey> signer = ParseNoteSigningKey(text);
  if (signer.ok()) {
    const absl::StatusOr<SecretString> again =
        FormatNoteSigningKey(signer->verifier.name(), signer->seed.Reveal());
    FUZZ_CHECK(again.ok() && again->Reveal() == text);
  } else {
    FUZZ_CHECK(absl::IsDataLoss(signer.status()));
    FUZZ_CHECK(size < 40 || signer.status().message().find(text) == absl::string_view::npos);
  }
  const absl::StatusOr<SecretString> key = ParseSymmetricKey("wrap", 7, text);
  const absl::StatusOr<WrapRotationPlan> plan = ParseWrapRotation(text);
  if (plan.ok()) FUZZ_CHECK(FormatWrapRotation(*plan) == text);
  if (key.ok()) FUZZ_CHECK(FormatSymmetricKey("wrap", 7, key->Reveal()).Reveal() == text);
  return 0;
}
