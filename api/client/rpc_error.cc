#include "api/client/rpc_error.h"

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace auditledger {
namespace {

constexpr char kDetailsUrl[] = "type.googleapis.com/google.rpc.Status";

absl::Status Make(int code, const std::string& message, const std::string& details) {
  if (code == 0) return absl::OkStatus();
  // gRPC and Abseil number codes alike.
  absl::Status status(static_cast<absl::StatusCode>(code), message);
  if (!details.empty()) status.SetPayload(kDetailsUrl, absl::Cord(details));
  return status;
}

template <typename Message>
std::optional<Message> FindDetail(const absl::Status& status) {
  const google::rpc::Status details = ErrorDetails(status);
  Message message;
  for (const auto& any : details.details()) {
    if (any.UnpackTo(&message)) return message;
  }
  return std::nullopt;
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  return Make(status.error_code(), status.error_message(), status.error_details());
}

absl::Status FromProblem(const v1::Problem& problem) {
  return Make(problem.code(), problem.message(), problem.status_details());
}

google::rpc::Status ErrorDetails(const absl::Status& status) {
  google::rpc::Status out;
  const auto payload = status.GetPayload(kDetailsUrl);
  if (payload.has_value() && !out.ParseFromString(std::string(*payload))) out.Clear();
  return out;
}

std::string ErrorReason(const absl::Status& status) {
  const auto info = FindDetail<google::rpc::ErrorInfo>(status);
  return info.has_value() ? info->reason() : "";
}

std::optional<uint64_t> RetryAfterMs(const absl::Status& status) {
  const auto info = FindDetail<google::rpc::RetryInfo>(status);
  if (!info.has_value()) return std::nullopt;
  return static_cast<uint64_t>(info->retry_delay().seconds()) * 1000 +
         static_cast<uint64_t>(info->retry_delay().nanos()) / 1'000'000;
}

}  // namespace auditledger
