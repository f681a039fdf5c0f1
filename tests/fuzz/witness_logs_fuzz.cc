// A list of logs that parses holds what it says: no log without a key, no key twice in one.
#include "tools/witness_logs.h"

#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const auto logs = ParseWitnessedLogs(FuzzInput(data, size));
  if (!logs.ok()) return 0;
  FUZZ_CHECK(logs->size() <= kMaxWitnessedLogs);
  for (const WitnessedLog& log : *logs) {
    FUZZ_CHECK(!log.origin.empty());
    FUZZ_CHECK(!log.keys.empty() && log.keys.size() <= kMaxKeysOfLog);
    for (const NoteVerifier& key : log.keys) FUZZ_CHECK(key.type() == kNoteEd25519);
  }
  return 0;
}
