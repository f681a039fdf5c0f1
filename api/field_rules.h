// What the field walk and the field scan share: the limits of a field, and what text may be.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_API_FIELD_RULES_H_
#define AUDITLEDGER_API_FIELD_RULES_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "api/limits.h"
#include "google/protobuf/descriptor.h"

namespace auditledger {

inline constexpr int64_t kMaxTimeSeconds = 253402300799;  // 9999-12-31T23:59:59Z
inline constexpr int32_t kMaxTimeNanos = 999'999'999;

// The row of limits.h for this field of an AuditEvent, or an empty row.
const FieldLimit& LimitOf(const google::protobuf::FieldDescriptor& field);
inline size_t MaxBytes(const FieldLimit& limit) {
  return limit.max_bytes == 0 ? kDefaultStringBytes : limit.max_bytes;
}
inline size_t MaxElements(const FieldLimit& limit) {
  return limit.max_elements == 0 ? kDefaultElements : limit.max_elements;
}

enum class Text { kGood, kNul, kNotUtf8 };
Text CheckText(absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_FIELD_RULES_H_
