// What parses as an answer encodes to the same bytes. What is believed of it, under the one head of
// fuzz_index.h, is the truth about that log.
#include <vector>

#include "merkle/answer_check.h"
#include "merkle/complete_answer.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_index.h"

namespace auditledger {
namespace {

std::vector<uint64_t> Truth(const AnswerQuery& query, uint64_t end) {
  std::vector<uint64_t> truth;
  for (uint64_t i = 0; i < end; ++i) {
    const FuzzIndexEntry& entry = kFuzzIndexEntries[i];
    const uint64_t recorded = kFuzzIndexFirstUs + i * kFuzzIndexStepUs;
    if (entry.has_tag && IsAnswer(query, recorded, entry.event_time_us)) truth.push_back(i);
  }
  return truth;
}

void CheckWhatIsBelieved(const CompleteAnswer& answer) {
  Checkpoint head;
  head.origin = std::string(kFuzzIndexOrigin);
  head.size = kFuzzIndexEntries.size();
  head.root = Hash::FromHex(kFuzzIndexRoot).value();
  const auto proven = VerifyCompleteAnswer(answer, head, answer.query, std::nullopt);
  if (!proven.ok()) return;
  FUZZ_CHECK(proven->complete_size <= head.size);
  std::vector<uint64_t> entries;
  for (const AnswerLeaf& shown : proven->entries) entries.push_back(shown.index);
  if (answer.query.tag == LeafHash("x")) {
    FUZZ_CHECK(entries == Truth(answer.query, proven->complete_size));
  } else {
    FUZZ_CHECK(entries.empty());
  }
}

}  // namespace
}  // namespace auditledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  auto answer = ParseCompleteAnswer(FuzzInput(data, size));
  if (!answer.ok()) return 0;
  FUZZ_CHECK(EncodeCompleteAnswer(*answer).value() == FuzzInput(data, size));
  CheckWhatIsBelieved(*answer);
  // With the tag that is there, which mutation does not find again.
  answer->query.tag = LeafHash("x");
  CheckWhatIsBelieved(*answer);
  return 0;
}
