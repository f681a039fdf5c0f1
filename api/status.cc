#include "api/status.h"

#include <cctype>
#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "api/limits.h"
#include "google/rpc/error_details.pb.h"
#include "ledger/errors.h"

namespace auditledger {
namespace {

constexpr char kBadRequestUrl[] = "auditledger/bad-request";
constexpr char kResourceUrl[] = "auditledger/resource";

template <typename Message>
bool TakePayload(const absl::Status& status, absl::string_view url, Message& out) {
  const auto payload = status.GetPayload(url);
  return payload.has_value() && out.ParseFromString(std::string(*payload));
}

bool HidesMessage(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kDataLoss;
}

std::string PublicMessage(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kDataLoss) {
    return "stored data is damaged; do not retry, call the operator";
  }
  if (HidesMessage(status.code())) return "internal error; the server's log has the cause";
  return WithoutPaths(status.message());
}

// How long to wait, for the codes that may be retried.
std::optional<uint64_t> RetryMs(const absl::Status& status, const Reason& reason) {
  const auto it = reason.metadata.find("retry_after_ms");
  uint64_t ms = 0;
  if (it != reason.metadata.end() && absl::SimpleAtoi(it->second, &ms)) return ms;
  if (reason.reason == kReasonShuttingDown || reason.reason == kReasonLedgerPaused) return kRetryMs;
  if (reason.reason == kReasonOverloaded) return kReadRetryMs;
  if (status.code() == absl::StatusCode::kUnavailable && reason.reason.empty()) return kRetryMs;
  return std::nullopt;
}

}  // namespace

grpc::StatusCode ToGrpcCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return grpc::StatusCode::OK;
    case absl::StatusCode::kCancelled:
      return grpc::StatusCode::CANCELLED;
    case absl::StatusCode::kUnknown:
      return grpc::StatusCode::UNKNOWN;
    case absl::StatusCode::kInvalidArgument:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case absl::StatusCode::kDeadlineExceeded:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case absl::StatusCode::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case absl::StatusCode::kAlreadyExists:
      return grpc::StatusCode::ALREADY_EXISTS;
    case absl::StatusCode::kPermissionDenied:
      return grpc::StatusCode::PERMISSION_DENIED;
    case absl::StatusCode::kResourceExhausted:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case absl::StatusCode::kFailedPrecondition:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case absl::StatusCode::kAborted:
      return grpc::StatusCode::ABORTED;
    case absl::StatusCode::kOutOfRange:
      return grpc::StatusCode::OUT_OF_RANGE;
    case absl::StatusCode::kUnimplemented:
      return grpc::StatusCode::UNIMPLEMENTED;
    case absl::StatusCode::kInternal:
      return grpc::StatusCode::INTERNAL;
    case absl::StatusCode::kUnavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case absl::StatusCode::kDataLoss:
      return grpc::StatusCode::DATA_LOSS;
    case absl::StatusCode::kUnauthenticated:
      return grpc::StatusCode::UNAUTHENTICATED;
    // Abseil asks callers not to list this one, and to have a default.
    default:
      return grpc::StatusCode::UNKNOWN;
  }
}

std::string CodeName(absl::StatusCode code) { return absl::StatusCodeToString(code); }

std::string ReasonName(const absl::Status& status) {
  const std::string reason = ReasonOf(status).reason;
  if (!reason.empty()) return reason;
  if (status.code() == absl::StatusCode::kDataLoss) return std::string(kReasonStorageCorrupt);
  return CodeName(status.code());
}

std::string WithoutPaths(absl::string_view message) {
  std::string out;
  for (size_t i = 0; i < message.size();) {
    const char before = i == 0 ? ' ' : message[i - 1];
    const bool begins = std::isalnum(static_cast<unsigned char>(before)) == 0 && before != '/';
    if (message[i] != '/' || !begins) {
      out.push_back(message[i++]);
      continue;
    }
    absl::StrAppend(&out, "<path>");
    while (i < message.size() && !absl::StrContains(" \t\n'\",;:)", message[i])) ++i;
  }
  return out;
}

absl::Status InvalidFields(const std::vector<FieldViolation>& violations,
                           absl::string_view reason) {
  google::rpc::BadRequest bad_request;
  for (const FieldViolation& violation : violations) {
    auto* added = bad_request.add_field_violations();
    added->set_field(violation.field);
    added->set_description(violation.description);
  }
  std::string message = absl::StrCat(violations[0].field, ": ", violations[0].description);
  if (violations.size() > 1) absl::StrAppend(&message, " (and ", violations.size() - 1, " more)");
  absl::Status status =
      WithReason(absl::InvalidArgumentError(message), reason, {{"field", violations[0].field}});
  status.SetPayload(kBadRequestUrl, absl::Cord(bad_request.SerializeAsString()));
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view description,
                          absl::string_view reason) {
  return InvalidFields({{std::string(field), std::string(description)}}, reason);
}

absl::Status WithResource(absl::Status status, absl::string_view type, absl::string_view name) {
  if (status.ok()) return status;
  google::rpc::ResourceInfo resource;
  resource.set_resource_type(std::string(type));
  resource.set_resource_name(std::string(name));
  status.SetPayload(kResourceUrl, absl::Cord(resource.SerializeAsString()));
  return status;
}

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status out;
  out.set_code(static_cast<int>(ToGrpcCode(status.code())));
  if (status.ok()) return out;
  out.set_message(PublicMessage(status));
  const Reason reason = ReasonOf(status);
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonName(status));
  info.set_domain(kErrorDomain);
  if (!HidesMessage(status.code())) {
    for (const auto& [key, value] : reason.metadata)
      (*info.mutable_metadata())[key] = WithoutPaths(value);
  }
  out.add_details()->PackFrom(info);
  google::rpc::BadRequest bad_request;
  if (TakePayload(status, kBadRequestUrl, bad_request)) out.add_details()->PackFrom(bad_request);
  google::rpc::ResourceInfo resource;
  if (TakePayload(status, kResourceUrl, resource)) out.add_details()->PackFrom(resource);
  if (const std::optional<uint64_t> ms = RetryMs(status, reason)) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(static_cast<int64_t>(*ms / 1000));
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(*ms % 1000 * 1'000'000));
    out.add_details()->PackFrom(retry);
  }
  return out;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status rpc = ToRpcStatus(status);
  return grpc::Status(ToGrpcCode(status.code()), rpc.message(), rpc.SerializeAsString());
}

}  // namespace auditledger
