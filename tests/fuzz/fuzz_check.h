// FUZZ_CHECK(condition): what a fuzz target states about every input; prints and aborts when it is
// false.
#ifndef AUDITLEDGER_TESTS_FUZZ_FUZZ_CHECK_H_
#define AUDITLEDGER_TESTS_FUZZ_FUZZ_CHECK_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/string_view.h"

#define FUZZ_CHECK(condition)                                                             \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

namespace auditledger {

inline absl::string_view FuzzInput(const uint8_t* data, size_t size) {
  return size == 0 ? absl::string_view("")
                   : absl::string_view(reinterpret_cast<const char*>(data), size);
}

}  // namespace auditledger

#endif  // AUDITLEDGER_TESTS_FUZZ_FUZZ_CHECK_H_
