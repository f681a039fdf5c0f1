// What parses as evidence formats back to the same bytes, and shows nothing to who pins another
// key.
#include "merkle/evidence.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view input = FuzzInput(data, size);
  const auto evidence = ParseEvidence(input);
  if (!evidence.ok()) return 0;
  FUZZ_CHECK(FormatEvidence(*evidence) == input);
  FUZZ_CHECK(evidence->proof.size() <= kMaxEvidenceHashes);
  static const EvidencePins pins = {
      "ledger.test/clinic",
      *NoteVerifier::FromEd25519("ledger.test/clinic", std::string(32, 'k')),
      {}};
  FUZZ_CHECK(!CheckEvidence(*evidence, pins).ok());
  return 0;
}
