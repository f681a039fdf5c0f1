// The log that the seeds of complete_answer are of: what is true of it. tests/merkle/
// answer_corpus_test.cc makes the seeds from such a log and checks what is said here.
#ifndef AUDITLEDGER_TESTS_FUZZ_FUZZ_INDEX_H_
#define AUDITLEDGER_TESTS_FUZZ_FUZZ_INDEX_H_

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace auditledger {

inline constexpr absl::string_view kFuzzIndexOrigin = "ledger.test/clinic";
inline constexpr absl::string_view kFuzzIndexRoot =
    "ef9af95001d7733d46110cf0328232eadea7d7e088ccb0ec3f2d0986cdc54951";
// Entry i was recorded so much later than entry 0, for each i before it.
inline constexpr uint64_t kFuzzIndexFirstUs = 1'700'000'000'000'000;
inline constexpr uint64_t kFuzzIndexStepUs = 1000;

struct FuzzIndexEntry {
  bool has_tag;  // LeafHash("x")
  uint64_t event_time_us;
};
// Entries 5 and 9 are index heads.
inline constexpr std::array<FuzzIndexEntry, 12> kFuzzIndexEntries = {{{false, 0},
                                                                      {true, 0},
                                                                      {true, kFuzzIndexFirstUs - 9},
                                                                      {false, 0},
                                                                      {true, 0},
                                                                      {false, 0},
                                                                      {true, kFuzzIndexFirstUs + 9},
                                                                      {true, 0},
                                                                      {false, 0},
                                                                      {false, 0},
                                                                      {true, 0},
                                                                      {false, 0}}};

}  // namespace auditledger

#endif  // AUDITLEDGER_TESTS_FUZZ_FUZZ_INDEX_H_
