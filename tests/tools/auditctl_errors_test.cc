// What auditctl says of an error, and what it exits with.
#include <string>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tools/auditctl.h"
#include "tools/exit_codes.h"

namespace auditledger::ctl {
namespace {

using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

grpc::Status Refusal(const std::string& reason, const std::string& field) {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  status.add_details()->PackFrom(info);
  google::rpc::BadRequest bad;
  auto& violation = *bad.add_field_violations();
  violation.set_field(field);
  violation.set_description("missing");
  status.add_details()->PackFrom(bad);
  return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "1 wrong field",
                      status.SerializeAsString());
}

TEST(AuditctlErrorsTest, NamesCodeReasonFieldsAndTheFix) {
  const absl::Status status = FromRpc(Refusal("MALFORMED_EVENT", "event.agent"));
  EXPECT_EQ(status.message(),
            "INVALID_ARGUMENT (MALFORMED_EVENT): 1 wrong field\n  event.agent: missing\n"
            "  fix: mend the fields named and send it again");
  EXPECT_EQ(ExitCodeOf(status), kExitRefused);
  EXPECT_EQ(ServerReason(status), "MALFORMED_EVENT");
  EXPECT_EQ(ServerReason(absl::InvalidArgumentError("ours")), "");
}

TEST(AuditctlErrorsTest, ReadsWhatIsNotFromOurServer) {
  EXPECT_OK(FromRpc(grpc::Status::OK));
  const absl::Status status = FromRpc(grpc::Status(grpc::StatusCode::NOT_FOUND, "who", "\xff\xff"));
  EXPECT_EQ(status.message(), "NOT_FOUND: who");
  EXPECT_EQ(ExitCodeOf(status), kExitRefused);
}

TEST(AuditctlErrorsTest, ExitCodesTellTheKindsApart) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), kExitOk);
  EXPECT_EQ(ExitCodeOf(FromRpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, ""))), kExitUnreachable);
  EXPECT_EQ(ExitCodeOf(FromRpc(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, ""))),
            kExitUnreachable);
  // The server's DATA_LOSS is a refusal; ours is a proof that failed.
  EXPECT_EQ(ExitCodeOf(FromRpc(grpc::Status(grpc::StatusCode::DATA_LOSS, ""))), kExitRefused);
  EXPECT_EQ(ExitCodeOf(NotProven(absl::DataLossError("root"))), kExitNotProven);
  EXPECT_EQ(ExitCodeOf(NotProven(absl::InvalidArgumentError("shape"))), kExitNotProven);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("--ledger is missing")), kExitUsage);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("disk")), kExitRefused);
  EXPECT_OK(NotProven(absl::OkStatus()));
  EXPECT_EQ(NotProven(absl::DataLossError("root")).message(), "NOT PROVEN: root");
}

TEST(AuditctlOutputTest, ARowStaysOneLine) {
  ::testing::internal::CaptureStdout();
  PrintRow({"a", "b\nc\td\x1b[2J", "", "\xc3\xa9"});
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "a\tb?c?d?[2J\t\t\xc3\xa9\n");
  EXPECT_EQ(TimeText(1'740'996'000'000'001), "2025-03-03T10:00:00.000001Z");
}

TEST(AuditctlConnectionTest, RefusesBeforeItConnects) {
  Options options;
  EXPECT_THAT(Connection::Open(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--ca")));
  options.server = "unix:/nowhere/socket";
  ASSERT_OK_AND_ASSIGN(const auto connection, Connection::Open(options));
  EXPECT_THAT(connection->LedgerName(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--ledger")));
  options.ledger = "clinic";
  EXPECT_EQ(Connection::Open(options).value()->LedgerName().value(), "ledgers/clinic");
  options.ledger = "ledgers/clinic";
  EXPECT_EQ(Connection::Open(options).value()->LedgerName().value(), "ledgers/clinic");
  for (const char* key : {"not+a+key", "/nowhere/log.vkey"}) {
    options.pin_key = key;
    EXPECT_THAT(Connection::Open(options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--pin-key")));
  }
}

}  // namespace
}  // namespace auditledger::ctl
