#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tools/auditctl.h"
#include "tools/exit_codes.h"

namespace auditledger::ctl {
namespace {

constexpr absl::string_view kFromServer = "auditledger/ctl/from-server";
constexpr absl::string_view kUnproven = "auditledger/ctl/not-proven";

struct Hint {
  absl::string_view reason;
  absl::string_view fix;
};

constexpr Hint kHints[] = {
    {"LEDGER_NOT_FOUND", "`auditctl ledgers` lists them, `auditctl create-ledger` makes one"},
    {"EVENT_ID_CONFLICT", "another event has this id: an id is unique within its stream for ever"},
    {"EVENT_ERASED", "this event was recorded and erased; nothing to do"},
    {"LEGAL_HOLD", "whoever placed the hold lifts it first: `auditctl lift-hold`"},
    {"NOT_ERASABLE", "the ledger's own entries stand for ever: leave them out"},
    {"ERASURE_TOO_LARGE", "divide it into several"},
    {"NO_SUCH_REQUEST", "the entry that `auditctl erase` printed"},
    {"NO_SUCH_HOLD", "the entry that `auditctl hold` printed"},
    {"REQUEST_EXPIRED", "ask again: `auditctl erase`"},
    {"REQUEST_DONE", "it was approved before; nothing to do"},
    {"SECOND_PERSON_NEEDED", "another privacy officer runs `auditctl approve-erasure`"},
    {"EVENT_TOO_LARGE", "keep digests and identifiers in the event, not content"},
    {"EVENT_AHEAD", "see which clock is wrong, the ledger's or the one that dated the event"},
    {"MALFORMED_EVENT", "mend the fields named and send it again"},
    {"BATCH_TOO_LARGE", "a smaller --batch"},
    {"INDEX_BEYOND_SIZE", "`auditctl checkpoint` shows how many entries there are"},
    {"TREE_SIZE_UNKNOWN", "`auditctl checkpoint` shows the newest size"},
    {"OVERLOADED", "try again in a moment"},
    {"LEDGER_PAUSED", "try again later; `auditctl status` says what it waits for"},
    {"WITNESSES_UNAVAILABLE",
     "it is recorded; the same input again, when `auditctl status` shows the "
     "quorum there, gets witnessed receipts"},
    {"NO_WITNESS_POLICY", "without --ack witnessed and --witnessed, or give the server a policy"},
    {"LEDGER_FROZEN", "this ledger has ended: append to its successor"},
    {"LEDGER_READ_ONLY", "`auditctl status` says why and what the operator can do"},
    {"LEDGER_REFUSED", "`auditctl status` says why and what the operator can do"},
    {"STORAGE_CORRUPT", "do not try again; call the operator"},
    {"NOT_PERMITTED", "the server's access policy says who may; ask whoever keeps it for a grant"},
    {"NO_PRINCIPAL", "give a client certificate with a URI SAN: --cert, --key-file"},
    {"CAPABILITY_UNKNOWN_KEY", "patient_keys of the access policy says whose capabilities count"},
    {"CAPABILITY_EXPIRED", "ask the privacy office for a new one"},
    {"CAPABILITY_NOT_YOURS", "use it as the principal it names"},
    {"TOKEN_MISSING", "give an access token: --token-file"},
    {"TOKEN_EXPIRED", "get a new one from its issuer; --token-file is read again when it changes"},
    {"TOKEN_NOT_BOUND", "give the certificate that it was issued for: --cert, --key-file"},
    {"TOKEN_KEYS_UNAVAILABLE", "try again in a moment"},
};

absl::string_view FixOf(absl::string_view reason, grpc::StatusCode code) {
  for (const Hint& hint : kHints) {
    if (hint.reason == reason) return hint.fix;
  }
  if (code == grpc::StatusCode::UNAVAILABLE) {
    return "is auditledgerd running there, and are --server, --ca, --cert and --key-file right?";
  }
  if (code == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return "a longer --timeout; a write may be done: send it again, it is recorded once";
  }
  return "";
}

absl::string_view CodeText(grpc::StatusCode code) {
  static constexpr absl::string_view kNames[] = {"OK",
                                                 "CANCELLED",
                                                 "UNKNOWN",
                                                 "INVALID_ARGUMENT",
                                                 "DEADLINE_EXCEEDED",
                                                 "NOT_FOUND",
                                                 "ALREADY_EXISTS",
                                                 "PERMISSION_DENIED",
                                                 "RESOURCE_EXHAUSTED",
                                                 "FAILED_PRECONDITION",
                                                 "ABORTED",
                                                 "OUT_OF_RANGE",
                                                 "UNIMPLEMENTED",
                                                 "INTERNAL",
                                                 "UNAVAILABLE",
                                                 "DATA_LOSS",
                                                 "UNAUTHENTICATED"};
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "UNKNOWN";
}

}  // namespace

absl::Status FromRpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  std::string reason;
  std::string violations;
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& detail : details.details()) {
      google::rpc::ErrorInfo info;
      google::rpc::BadRequest bad;
      if (detail.UnpackTo(&info)) reason = info.reason();
      if (!detail.UnpackTo(&bad)) continue;
      for (const auto& violation : bad.field_violations()) {
        absl::StrAppend(&violations, "\n  ", violation.field(), ": ", violation.description());
      }
    }
  }
  std::string text(CodeText(status.error_code()));
  if (!reason.empty()) absl::StrAppend(&text, " (", reason, ")");
  absl::StrAppend(&text, ": ", status.error_message(), violations);
  const absl::string_view fix = FixOf(reason, status.error_code());
  if (!fix.empty()) absl::StrAppend(&text, "\n  fix: ", fix);
  absl::Status out(static_cast<absl::StatusCode>(status.error_code()), text);
  out.SetPayload(kFromServer, absl::Cord(reason));
  return out;
}

std::string ServerReason(const absl::Status& status) {
  const auto reason = status.GetPayload(kFromServer);
  return reason.has_value() ? std::string(*reason) : "";
}

absl::Status NotProven(const absl::Status& status) {
  if (status.ok()) return status;
  absl::Status out = absl::DataLossError(absl::StrCat("NOT PROVEN: ", status.message()));
  out.SetPayload(kUnproven, absl::Cord());
  return out;
}

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  if (status.GetPayload(kUnproven)) return kExitNotProven;
  const bool unanswered = status.code() == absl::StatusCode::kUnavailable ||
                          status.code() == absl::StatusCode::kDeadlineExceeded;
  if (status.GetPayload(kFromServer)) return unanswered ? kExitUnreachable : kExitRefused;
  return status.code() == absl::StatusCode::kInvalidArgument ? kExitUsage : kExitRefused;
}

}  // namespace auditledger::ctl
