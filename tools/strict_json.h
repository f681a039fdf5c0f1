// JSON read strictly: what two readers could understand differently is refused.
//
// Refused: duplicate keys, invalid UTF-8, control characters other than tab, CR and LF (FHIR
// strings may not hold them), comments, anything after the value, more than the limits. Numbers
// that are not 64-bit integers keep the digits they were written with: FHIR says 1.10 is not 1.1.
//
// Example:
//   ASSIGN_OR_RETURN(nlohmann::json value, ParseStrictJson(text, JsonLimits{}));
//   FormatJson(value)   // 1.10 again
//
// Thread-safety: pure functions. Errors: InvalidArgument with line and column, or the JSON pointer
// of the element; never its value.
#ifndef AUDITLEDGER_TOOLS_STRICT_JSON_H_
#define AUDITLEDGER_TOOLS_STRICT_JSON_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

struct JsonLimits {
  // Twice the largest event: JSON spells an event longer than protobuf does.
  size_t max_bytes = 131072;
  // Real FHIR AuditEvents nest 8 deep; contained resources and extensions may double that.
  size_t max_depth = 32;
};

// A number that is not a 64-bit integer comes as a string of this character and its digits. No text
// from outside can hold it.
inline constexpr char kDecimalMark = '\x01';

absl::StatusOr<nlohmann::json> ParseStrictJson(absl::string_view text, const JsonLimits& limits);

// The inverse; without spaces when `indent` is negative. Text that is not UTF-8 has it replaced.
std::string FormatJson(const nlohmann::json& value, int indent = -1);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_STRICT_JSON_H_
