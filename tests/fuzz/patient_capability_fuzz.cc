// A patient's capability: what parses formats back to the same bytes; and as a caller sends it,
// nothing is believed that no key has signed.
#include "merkle/patient_capability.h"

#include "api/access/patient_access.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<PatientCapability> parsed = ParsePatientCapability(text);
  if (parsed.ok()) {
    FUZZ_CHECK(!parsed->id.empty() && !parsed->holder.empty() && !parsed->origin.empty());
    FUZZ_CHECK(FormatPatientCapability(*parsed).value() == text);
  }
  static const NoteVerifier* const key = new NoteVerifier(
      NoteVerifier::FromEd25519("privacy.example/1", std::string(32, '\x07')).value());
  FUZZ_CHECK(!CheckPatientCapability(text, {{key, 1}, "log", "holder", 0}).ok());
  return 0;
}
