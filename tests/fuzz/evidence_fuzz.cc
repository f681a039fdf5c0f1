// What parses as evidence formats back to the same bytes. With its heads signed again, so that
// mutation gets past the signature, what it is said to show is so.
#include "merkle/checkpoint.h"
#include "merkle/evidence.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_log.h"
#include "verifier/pins.h"

namespace auditledger {
namespace {

void CheckWhatIsShown(const Evidence& evidence) {
  const EvidencePins pins = {std::string(kFuzzOrigin), FuzzPin().key, {}};
  const auto shown = CheckEvidence(evidence, pins);
  if (!shown.ok()) return;
  FUZZ_CHECK(!shown->empty());
  FUZZ_CHECK(evidence.kind != Evidence::Kind::kRollback);  // nobody pinned a witness
  if (!HasSecondHead(evidence.kind)) return;
  const Checkpoint first = ParseCheckpoint(ParseNote(evidence.first)->text).value();
  const Checkpoint second = ParseCheckpoint(ParseNote(evidence.second)->text).value();
  if (evidence.kind == Evidence::Kind::kFork) {
    FUZZ_CHECK(first.size == second.size && first.root != second.root);
  } else if (evidence.kind == Evidence::Kind::kHistory) {
    FUZZ_CHECK(first.size < second.size && first.root != evidence.prefix);
  } else {
    FUZZ_CHECK(evidence.index < first.size && evidence.index < second.size);
  }
}

}  // namespace
}  // namespace auditledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view input = FuzzInput(data, size);
  auto evidence = ParseEvidence(input);
  if (!evidence.ok()) return 0;
  FUZZ_CHECK(FormatEvidence(*evidence) == input);
  FUZZ_CHECK(evidence->proof.size() <= kMaxEvidenceHashes);
  CheckWhatIsShown(*evidence);
  evidence->first = FuzzSign(ParseNote(evidence->first)->text);
  if (HasSecondHead(evidence->kind)) {
    evidence->second = FuzzSign(ParseNote(evidence->second)->text);
  }
  CheckWhatIsShown(*evidence);
  return 0;
}
