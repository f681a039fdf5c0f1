// An AuditEvent in protobuf's JSON mapping: one object, field names in either spelling.
//
// Example: ASSIGN_OR_RETURN(v1::AuditEvent event, AuditEventFromJson(line));
//
// Thread-safety: pure functions.
// Errors: InvalidArgument: what strict_json.h refuses, a field the event does not have, a value
// that does not fit it; the field is named.
#ifndef AUDITLEDGER_TOOLS_JSON_EVENT_H_
#define AUDITLEDGER_TOOLS_JSON_EVENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/event.pb.h"

namespace auditledger {

absl::StatusOr<v1::AuditEvent> AuditEventFromJson(absl::string_view text);

// One line without spaces, or indented.
absl::StatusOr<std::string> JsonFromAuditEvent(const v1::AuditEvent& event, bool indented);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_JSON_EVENT_H_
