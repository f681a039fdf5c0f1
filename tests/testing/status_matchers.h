// IsOk() and StatusIs(code[, message matcher]) for absl::Status and absl::StatusOr, which this
// Abseil lacks.
#ifndef AUDITLEDGER_TESTS_TESTING_STATUS_MATCHERS_H_
#define AUDITLEDGER_TESTS_TESTING_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace auditledger::testing {

inline const absl::Status& GetStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

MATCHER_P(StatusIs, code, "") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code;
}

MATCHER_P2(StatusIs, code, message, "") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code &&
         ::testing::ExplainMatchResult(message, std::string(GetStatus(arg).message()),
                                       result_listener);
}

}  // namespace auditledger::testing

#define ASSERT_OK(expression) ASSERT_THAT((expression), ::auditledger::testing::IsOk())
#define EXPECT_OK(expression) EXPECT_THAT((expression), ::auditledger::testing::IsOk())

#define AUDITLEDGER_TEST_CONCAT_INNER(a, b) a##b
#define AUDITLEDGER_TEST_CONCAT(a, b) AUDITLEDGER_TEST_CONCAT_INNER(a, b)
// ASSERT_OK_AND_ASSIGN(auto value, Function());
#define ASSERT_OK_AND_ASSIGN(lhs, rexpr)                        \
  auto AUDITLEDGER_TEST_CONCAT(status_or_, __LINE__) = (rexpr); \
  ASSERT_OK(AUDITLEDGER_TEST_CONCAT(status_or_, __LINE__));     \
  lhs = std::move(AUDITLEDGER_TEST_CONCAT(status_or_, __LINE__)).value()

#endif  // AUDITLEDGER_TESTS_TESTING_STATUS_MATCHERS_H_
