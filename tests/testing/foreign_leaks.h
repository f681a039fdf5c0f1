// While it lives, what this thread allocates is no leak to LeakSanitizer: for tests of libraries
// that leak, as SoftHSM 2.6 does in C_SignInit.
#ifndef AUDITLEDGER_TESTS_TESTING_FOREIGN_LEAKS_H_
#define AUDITLEDGER_TESTS_TESTING_FOREIGN_LEAKS_H_

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AUDITLEDGER_LSAN 1
#endif
#endif
#ifdef AUDITLEDGER_LSAN
#include <sanitizer/lsan_interface.h>
#endif

namespace auditledger::testing {

class ForeignLeaks {
 public:
#ifdef AUDITLEDGER_LSAN
  ForeignLeaks() { __lsan_disable(); }
  ~ForeignLeaks() { __lsan_enable(); }
#else
  ForeignLeaks() {}
  ~ForeignLeaks() {}
#endif
  ForeignLeaks(const ForeignLeaks&) = delete;
  ForeignLeaks& operator=(const ForeignLeaks&) = delete;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_FOREIGN_LEAKS_H_
