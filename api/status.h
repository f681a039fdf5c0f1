// Errors at the edge: absl::Status with reason (ledger/errors.h) and field violations becomes
// google.rpc.Status in the trailer grpc-status-details-bin.
//
// Example: return InvalidField("event.agent", "missing", "MALFORMED_EVENT");
//
// Message policy: INTERNAL, UNKNOWN and DATA_LOSS carry a fixed text (the log has the cause), paths
// of files are cut from all others, values of fields never enter a message. Each detail type occurs
// at most once.
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_API_STATUS_H_
#define AUDITLEDGER_API_STATUS_H_

#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/rpc/status.pb.h"

namespace auditledger {

inline constexpr char kErrorDomain[] = "auditledger";

// Reasons this layer gives beside those of ledger/errors.h. Public, never renamed.
inline constexpr char kReasonMalformedEvent[] = "MALFORMED_EVENT";
inline constexpr char kReasonEventTooLarge[] = "EVENT_TOO_LARGE";
inline constexpr char kReasonEventAhead[] = "EVENT_AHEAD";  // one of two clocks is wrong
inline constexpr char kReasonMalformedRequest[] =
    "MALFORMED_REQUEST";  // the message does not parse
inline constexpr char kReasonInvalidArgument[] = "INVALID_FIELD";
inline constexpr char kReasonBatchTooLarge[] = "BATCH_TOO_LARGE";
inline constexpr char kReasonBadPageToken[] = "BAD_PAGE_TOKEN";
inline constexpr char kReasonUnauthenticated[] = "NO_PRINCIPAL";
inline constexpr char kReasonPermissionDenied[] = "NOT_PERMITTED";
inline constexpr char kReasonAccessNotRecorded[] = "ACCESS_NOT_RECORDED";
inline constexpr char kReasonDeadline[] = "OUTCOME_UNKNOWN";
inline constexpr char kReasonNoWitnessPolicy[] = "NO_WITNESS_POLICY";
inline constexpr char kReasonSlowReader[] = "SLOW_READER";     // in logs: the stream is just gone
inline constexpr char kReasonRateLimited[] = "RATE_LIMITED";   // retry_after_ms, limit
inline constexpr char kReasonLogTooSmall[] = "LOG_TOO_SMALL";  // for a COSE receipt
inline constexpr char kReasonLedgerRefused[] = "LEDGER_REFUSED";  // not opened at start

// One wrong field: where ("event.agent[2].who.reference") and what (the limit, never the value).
struct FieldViolation {
  std::string field;
  std::string description;
};

// INVALID_ARGUMENT with these violations. REQUIRES: not empty.
absl::Status InvalidFields(const std::vector<FieldViolation>& violations, absl::string_view reason);
absl::Status InvalidField(absl::string_view field, absl::string_view description,
                          absl::string_view reason = kReasonInvalidArgument);
// Adds google.rpc.ResourceInfo.
absl::Status WithResource(absl::Status status, absl::string_view type, absl::string_view name);

google::rpc::Status ToRpcStatus(const absl::Status& status);
grpc::Status ToGrpcStatus(const absl::Status& status);

grpc::StatusCode ToGrpcCode(absl::StatusCode code);
// "INVALID_ARGUMENT"; what metrics and logs say.
std::string CodeName(absl::StatusCode code);
// The reason, or the code's default one.
std::string ReasonName(const absl::Status& status);
// Absolute paths replaced by "<path>".
std::string WithoutPaths(absl::string_view message);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_STATUS_H_
