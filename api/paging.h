// AIP-158: page sizes.
#ifndef AUDITLEDGER_API_PAGING_H_
#define AUDITLEDGER_API_PAGING_H_

#include <algorithm>

#include "absl/status/statusor.h"
#include "api/limits.h"
#include "api/status.h"

namespace auditledger {

// 0 is the default, too much is coerced, InvalidArgument when negative. Pure.
inline absl::StatusOr<int> PageSize(int requested) {
  if (requested < 0) return InvalidField("page_size", "must not be negative");
  return requested == 0 ? kDefaultPageSize : std::min(requested, kMaxPageSize);
}

}  // namespace auditledger

#endif  // AUDITLEDGER_API_PAGING_H_
