// Whether a sanitizer is built in, in the words of both compilers. Fault tests take ten times as
// long then, and play a part of what they would: 1 / kFaultsSlower.
//
// Thread-safety: constants.
#ifndef AUDITLEDGER_TESTS_LEDGER_FAULT_SANITIZERS_H_
#define AUDITLEDGER_TESTS_LEDGER_FAULT_SANITIZERS_H_

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define AUDITLEDGER_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define AUDITLEDGER_SANITIZED 1
#endif
#endif

namespace auditledger::testing {

#ifdef AUDITLEDGER_SANITIZED
inline constexpr size_t kFaultsSlower = 8;
#else
inline constexpr size_t kFaultsSlower = 1;
#endif

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_LEDGER_FAULT_SANITIZERS_H_
