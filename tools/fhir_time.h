// FHIR instants and dateTimes to auditledger.v1.Time and back, zone and precision kept.
//
//   "2015-08-22T23:42:24.120+02:00" <-> {at, utc_offset_minutes: 120, fraction_digits: 3}
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_TOOLS_FHIR_TIME_H_
#define AUDITLEDGER_TOOLS_FHIR_TIME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/event.pb.h"

namespace auditledger {

// Date and time to the second at least; a missing zone leaves utc_offset_minutes unset and counts
// as UTC. Digits past the ninth are cut off. InvalidArgument for anything else, leap seconds
// included.
absl::StatusOr<v1::Time> ParseFhirTime(absl::string_view text);

// Offset 0 is written "Z". What ParseFhirTime gave comes back as it was, but for "+00:00" and
// digits past the ninth.
std::string FormatFhirTime(const v1::Time& time);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_FHIR_TIME_H_
