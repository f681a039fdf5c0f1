#include "tools/load_tally.h"

#include <gtest/gtest.h>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace auditledger {
namespace {

constexpr char kDetailsUrl[] = "type.googleapis.com/google.rpc.Status";  // of rpc_error.cc

absl::Status Overloaded(int64_t hint_ms) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  info.set_reason("OVERLOADED");
  details.add_details()->PackFrom(info);
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(hint_ms * 1'000'000));
  if (hint_ms > 0) details.add_details()->PackFrom(retry);
  absl::Status status = absl::ResourceExhaustedError("full");
  status.SetPayload(kDetailsUrl, absl::Cord(details.SerializeAsString()));
  return status;
}

TEST(LoadTallyTest, RefusalsAreCountedByReasonWithTheirHints) {
  LoadTally tally;
  tally.AddRefusal(Overloaded(50), 1000);
  tally.AddRefusal(Overloaded(150), 1000);
  tally.AddRefusal(absl::UnavailableError("gone"), 1);
  ASSERT_EQ(tally.refusals.size(), 2u);
  const LoadRefusals& overloaded = tally.refusals.at("RESOURCE_EXHAUSTED OVERLOADED");
  EXPECT_EQ(overloaded.events, 2000u);
  EXPECT_EQ(overloaded.with_hint, 2000u);
  EXPECT_EQ(overloaded.hint_ms_sum / overloaded.with_hint, 100u);
  EXPECT_EQ(overloaded.hint_ms_max, 150u);
  EXPECT_EQ(tally.RefusedEvents(), 2001u);
  EXPECT_EQ(tally.RefusedWithoutHint(), 1u);
}

TEST(LoadTallyTest, OnlyWhatNoRetryMendsIsAFailure) {
  LoadTally tally;
  tally.AddRefusal(Overloaded(50), 1);
  tally.AddRefusal(absl::UnavailableError("gone"), 1);
  EXPECT_TRUE(tally.failure.ok());
  tally.AddRefusal(absl::PermissionDeniedError("not you"), 1);
  EXPECT_TRUE(absl::IsPermissionDenied(tally.failure));
  tally.AddRefusal(absl::InternalError("later"), 1);
  EXPECT_TRUE(absl::IsPermissionDenied(tally.failure));
}

TEST(LoadTallyTest, ExhaustionWithoutAHintIsAFailureOfTheService) {
  LoadTally tally;
  tally.AddRefusal(Overloaded(0), 5);
  EXPECT_EQ(tally.RefusedWithoutHint(), 5u);
  EXPECT_TRUE(absl::IsResourceExhausted(tally.failure));
}

TEST(LoadTallyTest, MergedIsTheSum) {
  LoadTally one, other;
  one.events = 3;
  one.AddRefusal(Overloaded(20), 2);
  other.events = 4;
  other.AddRefusal(Overloaded(30), 1);
  other.AddRefusal(absl::PermissionDeniedError("no"), 1);
  one.Merge(other);
  EXPECT_EQ(one.events, 7u);
  EXPECT_EQ(one.refusals.at("RESOURCE_EXHAUSTED OVERLOADED").events, 3u);
  EXPECT_EQ(one.refusals.at("RESOURCE_EXHAUSTED OVERLOADED").hint_ms_max, 30u);
  EXPECT_TRUE(absl::IsPermissionDenied(one.failure));
}

}  // namespace
}  // namespace auditledger
