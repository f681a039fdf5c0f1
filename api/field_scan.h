// The fast way through the event rules: one pass over an event's bytes by a table made from its
// descriptors, which says "nothing to report" or "look closely".
//
// It may only ever err towards looking closely: whatever it has no rule for, it leaves to the walk
// (field_walk.h), which words the violations. Nearly every event has none, and the walk by
// reflection was most of what the rules cost (tests/bench/parts_bench).
//
// Example:
//   if (!HasNothingToReport(bytes)) findings = WalkFields(event, path);
//
// Thread-safety: pure function.
#ifndef AUDITLEDGER_API_FIELD_SCAN_H_
#define AUDITLEDGER_API_FIELD_SCAN_H_

#include "absl/strings/string_view.h"

namespace auditledger {

// `event`: the serialized AuditEvent that is sealed. True promises that WalkFields finds no
// violation, no unknown field and no unknown enum value in it.
bool HasNothingToReport(absl::string_view event);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_FIELD_SCAN_H_
