// AppendEvent and BatchAppendEvents through a whole server, on a ledger whose commits the test
// controls.
//
// Covers: api/append_service, api/call, api/intake, api/message_io, api/metrics
#include <gmock/gmock.h>

#include <thread>

#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::AppendRequest;
using testing::Detail;
using testing::Eventually;
using testing::FirstViolation;
using testing::GoodEvent;
using testing::StatusIs;
using Stub = v1::LedgerService::Stub;

class AppendTest : public ::testing::Test {
 protected:
  testing::FakeLedgerSet ledgers_;
  testing::ServerUnderTest server_{ledgers_};
  uint64_t Size() { return ledgers_.main().head()->head.size; }

  // Every refusal: the code, the reason, the field, the counters that moved, and nothing else that
  // did.
  void ExpectRefused(const absl::Status& status, absl::StatusCode code, const std::string& reason,
                     const std::string& violation) {
    EXPECT_THAT(status, StatusIs(code));
    EXPECT_EQ(testing::Detail<google::rpc::ErrorInfo>(status).reason(), reason);
    EXPECT_EQ(Detail<google::rpc::ErrorInfo>(status).domain(), "auditledger");
    EXPECT_EQ(FirstViolation(status), violation);
    EXPECT_GE(server_.Metric("auditledger_refusals_total{reason=\"" + reason + "\"}"), 1)
        << server_.server().MetricsText();
    EXPECT_EQ(Size(), 0u);
    EXPECT_EQ(ledgers_.main().taken(), 0u);
  }
};

TEST_F(AppendTest, AnEventGetsItsReceipt) {
  v1::AppendEventRequest request = AppendRequest(GoodEvent("e-1"));
  request.set_include_opening(true);
  ASSERT_OK_AND_ASSIGN(const v1::AppendEventResponse response,
                       server_.Call(&Stub::AppendEvent, request));
  EXPECT_EQ(response.receipt().index(), 0u);
  EXPECT_EQ(response.receipt().inclusion().tree_size(), 1u);
  EXPECT_EQ(response.receipt().opening().seed().size(), 32u);
  EXPECT_TRUE(response.receipt().flags().empty());
  EXPECT_EQ(server_.Metric("auditledger_append_seconds_count"), 1);
  EXPECT_EQ(
      server_.Metric("auditledger_rpcs_total{code=\"OK\",method=\"LedgerService/AppendEvent\"}"),
      1);
}

TEST_F(AppendTest, AMissingEventIsNamed) {
  v1::AppendEventRequest request;
  request.set_ledger("ledgers/main");
  ExpectRefused(server_.Call(&Stub::AppendEvent, request).status(),
                absl::StatusCode::kInvalidArgument, "MALFORMED_EVENT",
                "event: is required and missing");
}

TEST_F(AppendTest, AnOversizeEventIsToldTheLimit) {
  v1::AuditEvent event = GoodEvent("e");
  event.mutable_original()->set_content(std::string(70000, 'x'));
  const absl::Status status = server_.Append(event).status();
  ExpectRefused(
      status, absl::StatusCode::kInvalidArgument, "EVENT_TOO_LARGE",
      "event: " + std::to_string(event.ByteSizeLong()) + " bytes, over the limit of 65536");
}

TEST_F(AppendTest, InvalidUtf8IsFoundAlthoughProtobufOnlySaysNo) {
  v1::AppendEventRequest request = AppendRequest(GoodEvent("e"));
  request.mutable_event()->mutable_agent(0)->set_name("XXXX");
  std::string bytes = request.SerializeAsString();
  bytes.replace(bytes.find("XXXX"), 4, "\xff\xff\xff\xff");
  ExpectRefused(server_.CallRaw("AppendEvent", bytes), absl::StatusCode::kInvalidArgument,
                "MALFORMED_EVENT", "event.agent[0].name: is not valid UTF-8");
}

TEST_F(AppendTest, UnparsableBytesAreInvalidAndCounted) {
  const absl::Status status = server_.CallRaw("AppendEvent", "\x0a\xff");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ErrorReason(status), "MALFORMED_REQUEST");
  EXPECT_EQ(
      server_.Metric(
          "auditledger_rpcs_total{code=\"INVALID_ARGUMENT\",method=\"LedgerService/AppendEvent\"}"),
      1);
}

TEST_F(AppendTest, AFutureEventIsRefused) {
  v1::AuditEvent event = GoodEvent("e");
  event.mutable_recorded()->mutable_at()->set_seconds(event.recorded().at().seconds() + 100'000);
  ExpectRefused(server_.Append(event).status(), absl::StatusCode::kInvalidArgument, "EVENT_AHEAD",
                "event.recorded.at: lies more than 24 hours ahead of the ledger's clock");
}

TEST_F(AppendTest, UnknownFieldsOutOfOrderAreNotCanonical) {
  v1::AuditEvent event = GoodEvent("e");
  auto* unknown = event.GetReflection()->MutableUnknownFields(&event);
  unknown->AddVarint(90, 1);
  unknown->AddVarint(80, 1);
  const absl::Status status = server_.Append(event).status();
  EXPECT_EQ(ErrorReason(status), "MALFORMED_EVENT");
  EXPECT_THAT(FirstViolation(status), ::testing::HasSubstr("80"));
}

TEST_F(AppendTest, ALedgerThatIsNotThereIsNotFound) {
  v1::AppendEventRequest request = AppendRequest(GoodEvent("e"));
  request.set_ledger("ledgers/other");
  const absl::Status status = server_.Call(&Stub::AppendEvent, request).status();
  ExpectRefused(status, absl::StatusCode::kNotFound, "LEDGER_NOT_FOUND", "");
  EXPECT_EQ(Detail<google::rpc::ResourceInfo>(status).resource_name(), "ledgers/other");
}

TEST_F(AppendTest, ALedgerNameOfAnotherFormIsInvalid) {
  for (const char* name :
       {"", "main", "ledgers/", "ledgers/UPPER", "ledgers/a/b", "ledgers/../x"}) {
    v1::AppendEventRequest request = AppendRequest(GoodEvent("e"));
    request.set_ledger(name);
    EXPECT_THAT(FirstViolation(server_.Call(&Stub::AppendEvent, request).status()),
                ::testing::StartsWith("ledger: "));
  }
}

TEST_F(AppendTest, ARefusedLedgerDoesNotTellItsPaths) {
  ledgers_.AddBroken();
  v1::AppendEventRequest request = AppendRequest(GoodEvent("e"));
  request.set_ledger("ledgers/broken");
  const absl::Status status = server_.Call(&Stub::AppendEvent, request).status();
  ExpectRefused(status, absl::StatusCode::kFailedPrecondition, "LEDGER_REFUSED", "");
  EXPECT_EQ(status.ToString().find("/var"), std::string::npos);
}

TEST_F(AppendTest, OverloadCarriesTheHint) {
  ledgers_.main().Refuse(WithReason(absl::ResourceExhaustedError("queue is full"),
                                    kReasonOverloaded, {{"retry_after_ms", "250"}}));
  const absl::Status status = server_.Append(GoodEvent("e")).status();
  ExpectRefused(status, absl::StatusCode::kResourceExhausted, "OVERLOADED", "");
  EXPECT_EQ(RetryAfterMs(status), 250u);
}

TEST_F(AppendTest, InternalErrorsTellNothing) {
  ledgers_.main().Refuse(absl::InternalError("write /secret/path failed for Patient/4711"));
  const absl::Status status = server_.Append(GoodEvent("e")).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInternal,
                               "internal error; the server's log has the cause"));
}

TEST_F(AppendTest, ASealOfWrongLengthIsNamedAndOneThatDoesNotVerifyRefused) {
  v1::AppendEventRequest request = AppendRequest(GoodEvent("e"));
  request.mutable_seal()->set_seed("short");
  request.mutable_seal()->set_public_key(std::string(32, 'k'));
  request.mutable_seal()->set_signature(std::string(64, 's'));
  EXPECT_EQ(FirstViolation(server_.Call(&Stub::AppendEvent, request).status()),
            "seal.seed: must have 32 bytes");
  request.mutable_seal()->set_seed(std::string(32, 's'));
  EXPECT_EQ(ErrorReason(server_.Call(&Stub::AppendEvent, request).status()), "MALFORMED_EVENT");
}

TEST_F(AppendTest, ASecretInAnEventThatItsEmitterSealedIsRefusedByName) {
  v1::AppendEventRequest request = AppendRequest(GoodEvent("e"));
  request.mutable_event()->mutable_original()->set_content("password=hunter2");
  request.mutable_seal()->set_seed(std::string(32, 's'));
  request.mutable_seal()->set_public_key(std::string(32, 'k'));
  request.mutable_seal()->set_signature(std::string(64, 's'));
  const absl::Status status = server_.Call(&Stub::AppendEvent, request).status();
  EXPECT_THAT(FirstViolation(status), ::testing::HasSubstr("event.original.content: holds what"));
  EXPECT_EQ(ledgers_.main().taken(), 0u);
}

TEST_F(AppendTest, ABatchIsAllOrNoneInOrder) {
  v1::BatchAppendEventsRequest batch;
  batch.set_ledger("ledgers/main");
  for (int i = 0; i < 40; ++i)
    *batch.add_requests() = AppendRequest(GoodEvent("e-" + std::to_string(i)));
  ASSERT_OK_AND_ASSIGN(const auto response, server_.Call(&Stub::BatchAppendEvents, batch));
  ASSERT_EQ(response.receipts_size(), 40);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(response.receipts(i).index(), static_cast<uint64_t>(i));
  EXPECT_EQ(ledgers_.main().taken(), 1u) << "one append, so one transaction";
}

// This ledger's proofs are none.
TEST_F(AppendTest, ABatchWhoseProofCannotBeSharedIsAnErrorOfTheServer) {
  v1::BatchAppendEventsRequest batch;
  batch.set_ledger("ledgers/main");
  batch.set_share_proof(true);
  for (int i = 0; i < 4; ++i)
    *batch.add_requests() = AppendRequest(GoodEvent("e-" + std::to_string(i)));
  EXPECT_THAT(server_.Call(&Stub::BatchAppendEvents, batch).status(),
              StatusIs(absl::StatusCode::kInternal));
}

TEST_F(AppendTest, OneBadEventRefusesItsBatchAndIsNamed) {
  v1::BatchAppendEventsRequest batch;
  batch.set_ledger("ledgers/main");
  for (int i = 0; i < 20; ++i)
    *batch.add_requests() = AppendRequest(GoodEvent("e-" + std::to_string(i)));
  batch.mutable_requests(7)->mutable_event()->clear_event_id();
  ExpectRefused(server_.Call(&Stub::BatchAppendEvents, batch).status(),
                absl::StatusCode::kInvalidArgument, "MALFORMED_EVENT",
                "requests[7].event.event_id: is required and missing");
}

TEST_F(AppendTest, BatchesHoldAtTheEdgeOfTheirCount) {
  v1::BatchAppendEventsRequest batch;
  batch.set_ledger("ledgers/main");
  ExpectRefused(server_.Call(&Stub::BatchAppendEvents, batch).status(),
                absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                "requests: is required and missing");
  for (int i = 0; i < 1001; ++i)
    *batch.add_requests() = AppendRequest(GoodEvent("e-" + std::to_string(i)));
  ExpectRefused(server_.Call(&Stub::BatchAppendEvents, batch).status(),
                absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE",
                "requests: 1001 events, over the limit of 1000");
  batch.mutable_requests()->RemoveLast();
  EXPECT_OK(server_.Call(&Stub::BatchAppendEvents, batch));
}

TEST_F(AppendTest, ABatchOverItsBytesIsToldSoAndOneFarOverIsStoppedByGrpc) {
  v1::BatchAppendEventsRequest batch;
  batch.set_ledger("ledgers/main");
  v1::AuditEvent event = GoodEvent("e");
  event.mutable_original()->set_content(std::string(32768, 'x'));
  while (batch.ByteSizeLong() <= 4u << 20) *batch.add_requests() = AppendRequest(event);
  EXPECT_EQ(ErrorReason(server_.Call(&Stub::BatchAppendEvents, batch).status()), "BATCH_TOO_LARGE");
  while (batch.ByteSizeLong() <= 8u << 20) *batch.add_requests() = AppendRequest(event);
  EXPECT_THAT(server_.Call(&Stub::BatchAppendEvents, batch).status(),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ledgers_.main().taken(), 0u);
}

// Two full batches wait for their commit; what comes now is refused before it is looked into.
TEST_F(AppendTest, BytesInFlightHoldAtTheEdge) {
  v1::BatchAppendEventsRequest batch;
  batch.set_ledger("ledgers/main");
  v1::AuditEvent event = GoodEvent("e");
  event.mutable_original()->set_content(std::string(32768, 'x'));
  while (batch.ByteSizeLong() + 2 * 33'000 < 4u << 20) {
    *batch.add_requests() = AppendRequest(event);
    batch.mutable_requests()->rbegin()->mutable_event()->set_event_id(
        absl::StrCat("e-", batch.requests_size()));
  }
  constexpr size_t kFit = 2;
  ASSERT_LE(kFit * batch.ByteSizeLong(), kMaxAppendBytesInFlight);
  ASSERT_GT((kFit + 1) * batch.ByteSizeLong(), kMaxAppendBytesInFlight);

  ledgers_.main().Hold(true);
  std::vector<std::thread> callers;
  std::vector<absl::Status> outcomes(kFit);
  for (absl::Status& outcome : outcomes) {
    callers.emplace_back([this, &batch, &outcome] {
      outcome = server_.Call(&Stub::BatchAppendEvents, batch).status();
    });
  }
  ASSERT_TRUE(Eventually([&] { return ledgers_.main().waiting() == kFit; }));
  const absl::Status refused = server_.Call(&Stub::BatchAppendEvents, batch).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ErrorReason(refused), "OVERLOADED");
  EXPECT_EQ(RetryAfterMs(refused), kAppendRetryMs);
  v1::GetCheckpointRequest read;
  read.set_ledger("ledgers/main");
  EXPECT_OK(server_.Call(&Stub::GetCheckpoint, read).status());
  ledgers_.main().Release(kFit);
  for (std::thread& caller : callers) caller.join();
  for (const absl::Status& outcome : outcomes) EXPECT_OK(outcome);
  ledgers_.main().Hold(false);
  EXPECT_OK(server_.Call(&Stub::BatchAppendEvents, batch).status());
}

TEST_F(AppendTest, ACallThatWasCancelledInTheMiddleFinishesOnce) {
  ledgers_.main().Hold(true);
  grpc::ClientContext context;
  v1::AppendEventResponse response;
  grpc::Status status;
  std::thread caller([&] {
    status = server_.stub().AppendEvent(&context, AppendRequest(GoodEvent("e")), &response);
  });
  ASSERT_TRUE(Eventually([&] { return ledgers_.main().waiting() == 1; }));
  context.TryCancel();
  caller.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  ledgers_.main().Release(1);  // the callback comes to a call nobody waits for
  ledgers_.main().Hold(false);
  EXPECT_OK(server_.Append(GoodEvent("e-2")));
}

TEST_F(AppendTest, TheServersOwnDeadlineEndsACallThatHangs) {
  testing::FakeLedgerSet ledgers;
  testing::ServerUnderTest server(
      ledgers, [](config::v1::Config& c) { c.mutable_limits()->set_max_deadline_seconds(1); });
  ledgers.main().Hold(true);
  const absl::Status status = server.Append(GoodEvent("e")).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(ErrorReason(status), "OUTCOME_UNKNOWN");
  ledgers.main().Release(1);  // late, and ignored
}

}  // namespace
}  // namespace auditledger
