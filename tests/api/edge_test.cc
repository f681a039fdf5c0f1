// The small parts at the edge: statuses, page tokens, names, pool, parse failures, retries.
//
// Covers: api/call_tracker, api/names, api/page_token, api/read_pool, api/status
// Covers: api/wire_check, api/client/retry, api/client/rpc_error
#include <gmock/gmock.h>

#include <random>

#include "api/call_tracker.h"
#include "api/client/retry.h"
#include "api/names.h"
#include "api/page_token.h"
#include "api/read_pool.h"
#include "api/status.h"
#include "api/wire_check.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "google/rpc/error_details.pb.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::Detail;
using testing::StatusIs;

TEST(Status, EveryCodeKeepsItsNumberAndHasAReason) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status in(static_cast<absl::StatusCode>(code), "x");
    const grpc::Status out = ToGrpcStatus(in);
    EXPECT_EQ(out.error_code(), code);
    EXPECT_NE(ErrorReason(FromGrpc(out)), "") << code;
  }
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
}

TEST(Status, MetadataAndHintsTravel) {
  const absl::Status status = FromGrpc(ToGrpcStatus(WithReason(
      absl::UnavailableError("paused"), kReasonLedgerPaused, {{"retry_after_ms", "1500"}})));
  EXPECT_EQ(ErrorReason(status), "LEDGER_PAUSED");
  EXPECT_EQ(RetryAfterMs(status), 1500u);
}

TEST(Status, PathsAndInternalsStayInside) {
  EXPECT_EQ(WithoutPaths("open '/var/lib/x/y.ldb': no space; see ledgers/main and a/b"),
            "open '<path>': no space; see ledgers/main and a/b");
  EXPECT_THAT(FromGrpc(ToGrpcStatus(absl::DataLossError("/d/x: Patient/1"))),
              StatusIs(absl::StatusCode::kDataLoss,
                       "stored data is damaged; do not retry, call the operator"));
}

TEST(Status, WhatIsHiddenDoesNotTravelInMetadataEither) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kInternal, absl::StatusCode::kUnknown, absl::StatusCode::kDataLoss}) {
    const google::rpc::Status rpc = ToRpcStatus(
        WithReason(absl::Status(code, "read /d/x: Patient/1"), "WHY", {{"file", "/d/x"}}));
    EXPECT_EQ(rpc.message().find("Patient"), std::string::npos) << code;
    EXPECT_EQ(rpc.SerializeAsString().find("/d/x"), std::string::npos) << code;
  }
  const google::rpc::Status rpc =
      ToRpcStatus(WithReason(absl::NotFoundError("no /d/x"), "WHY", {{"file", "at /d/x"}}));
  EXPECT_EQ(rpc.message(), "no <path>");
  EXPECT_EQ(rpc.SerializeAsString().find("/d/x"), std::string::npos);
}

TEST(Status, EachDetailTypeOccursOnce) {
  absl::Status status = InvalidFields({{"a", "is bad"}, {"b", "is worse"}}, kReasonInvalidArgument);
  status = WithReason(WithReason(status, "FIRST"), "SECOND", {{"retry_after_ms", "1500"}});
  status = WithResource(WithResource(status, "t", "first"), "t", "second");
  std::map<std::string, int> types;
  google::rpc::ResourceInfo resource;
  google::rpc::RetryInfo retry;
  google::rpc::BadRequest fields;
  const google::rpc::Status rpc = ToRpcStatus(status);
  for (const google::protobuf::Any& detail : rpc.details()) {
    ++types[detail.type_url()];
    detail.UnpackTo(&resource);
    detail.UnpackTo(&retry);
    detail.UnpackTo(&fields);
  }
  EXPECT_EQ(types.size(), 4u) << "ErrorInfo, BadRequest, ResourceInfo, RetryInfo";
  for (const auto& [type, count] : types) EXPECT_EQ(count, 1) << type;
  EXPECT_EQ(resource.resource_name(), "second");
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
  EXPECT_EQ(fields.field_violations_size(), 2);
}

TEST(CallTracker, IsIdleWhenTheLastCallLeftAndNoneCanEnter) {
  CallTracker tracker;
  ASSERT_TRUE(tracker.Enter());
  EXPECT_FALSE(tracker.WaitIdle(std::chrono::milliseconds(0))) << "does not drain";
  tracker.BeginDrain();
  EXPECT_FALSE(tracker.Enter());
  EXPECT_FALSE(tracker.WaitIdle(std::chrono::milliseconds(0))) << "a call is in flight";
  tracker.Leave();
  EXPECT_TRUE(tracker.WaitIdle(std::chrono::milliseconds(0)));
  CallTracker empty;
  empty.BeginDrain();
  EXPECT_TRUE(empty.WaitIdle(std::chrono::milliseconds(0)));
}

TEST(PageTokens, OpenOnlyWhatTheySealedForThatListing) {
  const PageTokens tokens(Random::System());
  const std::string token = tokens.Seal("list a", "body");
  ASSERT_OK_AND_ASSIGN(const std::string body, tokens.Open("list a", token));
  EXPECT_EQ(body, "body");
  EXPECT_FALSE(tokens.Open("list b", token).ok());
  EXPECT_FALSE(tokens.Open("list a", "").ok());
  EXPECT_FALSE(tokens.Open("list a", "!!").ok());
  EXPECT_FALSE(PageTokens(Random::System()).Open("list a", token).ok()) << "another process";
  for (size_t i = 0; i + 1 < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(tokens.Open("list a", changed).ok()) << i;
  }
}

TEST(Names, ReadStrictly) {
  ASSERT_OK_AND_ASSIGN(const EntryName name, ParseEntryName("name", "ledgers/a-1/entries/18"));
  EXPECT_EQ(name.ledger_id, "a-1");
  EXPECT_EQ(name.index, 18u);
  for (const char* bad :
       {"ledgers/a", "ledgers/a/entries/", "ledgers/a/entries/-1", "ledgers/a/entries/1/", "x"}) {
    EXPECT_THAT(ParseEntryName("name", bad).status(), StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
  EXPECT_OK(ParseLedgerName("ledger", "ledgers/" + std::string(63, 'a')));
  EXPECT_FALSE(ParseLedgerName("ledger", "ledgers/" + std::string(64, 'a')).ok());
}

TEST(ReadPool, RefusesOverItsBoundAndRunsWhatItTook) {
  std::atomic<int> ran{0};
  std::atomic<bool> go{false};
  std::atomic<bool> started{false};
  {
    ReadPool pool(1, 2);
    const auto wait = [&] {
      started = true;
      while (!go) std::this_thread::yield();
      ++ran;
    };
    ASSERT_TRUE(pool.Submit(wait));
    ASSERT_TRUE(testing::Eventually([&] { return started.load(); }));
    EXPECT_TRUE(pool.Submit([&] { ++ran; }));
    EXPECT_TRUE(pool.Submit([&] { ++ran; }));
    EXPECT_FALSE(pool.Submit([&] { ++ran; }));
    go = true;
  }
  EXPECT_EQ(ran, 3);
}

TEST(WireCheck, NamesTheInnermostField) {
  v1::BatchAppendEventsRequest batch;
  batch.add_requests();
  batch.add_requests()->mutable_event()->add_agent()->mutable_who()->set_display("XXXX");
  std::string bytes = batch.SerializeAsString();
  bytes.replace(bytes.find("XXXX"), 4, "\xc0\xc0\xc0\xc0");
  const absl::Status status = ExplainParseFailure(*batch.GetDescriptor(), bytes);
  EXPECT_EQ(status.message(), "requests[1].event.agent[0].who.display: is not valid UTF-8");
  EXPECT_EQ(ReasonOf(status).reason, kReasonMalformedEvent);
}

TEST(Retry, WaitsLongerEachTimeAndNeverLessThanTheHint) {
  const RetryPolicy policy;
  std::mt19937_64 random(1);
  for (int attempt = 1; attempt < 40; ++attempt) {
    const auto delay = RetryDelay(policy, attempt, absl::UnavailableError(""), random);
    EXPECT_LE(delay.count(), std::min<int64_t>(100ll << std::min(attempt - 1, 20), 2000));
  }
  const absl::Status hinted = FromGrpc(ToGrpcStatus(PoolIsFull()));
  EXPECT_TRUE(IsRetryable(hinted));
  EXPECT_GE(RetryDelay(policy, 1, hinted, random).count(), 100);
  EXPECT_FALSE(IsRetryable(absl::ResourceExhaustedError("message too large, no hint")));
  EXPECT_FALSE(IsRetryable(absl::DataLossError("")));
}

}  // namespace
}  // namespace auditledger
