// Records of a posting store that parse encode to the same bytes.
#include "ledger/posting_format.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view bytes = FuzzInput(data, size);
  const absl::StatusOr<PostingHeader> header = ParsePostingHeader(bytes);
  if (header.ok()) FUZZ_CHECK(EncodePostingHeader(*header) == bytes);
  const absl::StatusOr<TimeBounds> bounds = ParseTimeBounds(bytes);
  if (bounds.ok()) FUZZ_CHECK(EncodeTimeBounds(*bounds) == bytes);
  const absl::string_view key = bytes.substr(0, RunKey(PostingTerm(), 0).size());
  const absl::StatusOr<PostingRun> run = ParseRunRecord(key, bytes.substr(key.size()));
  if (run.ok()) {
    FUZZ_CHECK(RunKey(run->term, run->entries.back()) == key);
    FUZZ_CHECK(EncodeRun(run->entries) == bytes.substr(key.size()));
  }
  return 0;
}
