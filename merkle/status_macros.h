// RETURN_IF_ERROR and ASSIGN_OR_RETURN, which this Abseil lacks.
//
//   RETURN_IF_ERROR(Check(x));
//   ASSIGN_OR_RETURN(Hash root, RootAt(size, reader));
#ifndef AUDITLEDGER_MERKLE_STATUS_MACROS_H_
#define AUDITLEDGER_MERKLE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define AUDITLEDGER_CONCAT_INNER(a, b) a##b
#define AUDITLEDGER_CONCAT(a, b) AUDITLEDGER_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                          \
  do {                                                       \
    absl::Status auditledger_status = (expression);          \
    if (!auditledger_status.ok()) return auditledger_status; \
  } while (false)

#define ASSIGN_OR_RETURN(lhs, rexpr) \
  ASSIGN_OR_RETURN_INNER(AUDITLEDGER_CONCAT(auditledger_or_, __LINE__), lhs, rexpr)
#define ASSIGN_OR_RETURN_INNER(tmp, lhs, rexpr) \
  auto tmp = (rexpr);                           \
  if (!tmp.ok()) return tmp.status();           \
  lhs = std::move(tmp).value()

#endif  // AUDITLEDGER_MERKLE_STATUS_MACROS_H_
