// The event beside a receipt, as its canonical encoding and as JSON.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_VERIFIER_EVENT_FILE_H_
#define AUDITLEDGER_VERIFIER_EVENT_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// From protobuf JSON: the encoding the ledger makes of it. InvalidArgument for unknown fields and
// anything else that is not an AuditEvent; the message never quotes the file.
absl::StatusOr<std::string> EventFromJson(absl::string_view json);
// For people; InvalidArgument when `event` is no AuditEvent.
absl::StatusOr<std::string> EventToJson(absl::string_view event);
// Reads a file: protobuf JSON if its name ends in ".json", else the encoding itself, as it stands.
absl::StatusOr<std::string> ReadEventFile(const std::string& path);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_EVENT_FILE_H_
