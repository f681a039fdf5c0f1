// gRPC's errors as absl::Status, with what the server attached.
//
// Example:
//   const absl::Status status = FromGrpc(stub->AppendEvent(...));
//   if (ErrorReason(status) == "EVENT_ID_CONFLICT") ...
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_API_CLIENT_RPC_ERROR_H_
#define AUDITLEDGER_API_CLIENT_RPC_ERROR_H_

#include <grpcpp/support/status.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "google/rpc/status.pb.h"

namespace auditledger {

// Code and message, and the google.rpc.Status of the trailer where there is one.
absl::Status FromGrpc(const grpc::Status& status);
absl::Status FromProblem(const v1::Problem& problem);

// What FromGrpc attached; empty without details.
google::rpc::Status ErrorDetails(const absl::Status& status);
// ErrorInfo.reason, or empty.
std::string ErrorReason(const absl::Status& status);
// RetryInfo, or nothing.
std::optional<uint64_t> RetryAfterMs(const absl::Status& status);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_RPC_ERROR_H_
