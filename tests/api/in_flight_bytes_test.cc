#include "api/in_flight_bytes.h"

#include <gtest/gtest.h>

#include "api/status.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;

TEST(InFlightBytes, HoldsAtTheEdgeAndGivesBack) {
  InFlightBytes bytes(100);
  EXPECT_OK(bytes.Take(60));
  EXPECT_OK(bytes.Take(40));
  const absl::Status refused = bytes.Take(1);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonName(refused), kReasonOverloaded);
  bytes.Return(40, 0);
  EXPECT_THAT(bytes.Take(41), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_OK(bytes.Take(40)) << "what was refused took nothing";
}

TEST(InFlightBytes, ARequestThatIsAloneIsNeverRefused) {
  InFlightBytes bytes(100);
  EXPECT_OK(bytes.Take(1000));
  EXPECT_THAT(bytes.Take(1), StatusIs(absl::StatusCode::kResourceExhausted));
  bytes.Return(1000, 0);
  EXPECT_OK(bytes.Take(1));
}

// What is taken on waits a bounded time on any machine: slow answers lower the limit, quick ones
// raise it again.
TEST(InFlightBytes, FollowsHowLongAnswersTake) {
  constexpr size_t kCall = 64 << 10;
  constexpr size_t kMost = 64 * kCall;
  InFlightBytes bytes(kMost);
  const auto fits = [&] {
    size_t taken = 0;
    while (bytes.Take(kCall).ok()) ++taken;
    return taken;
  };
  EXPECT_EQ(fits(), 64u);
  for (int i = 0; i < 64; ++i) bytes.Return(kCall, kSlowAppendMicros);
  EXPECT_EQ(fits(), 64u) << "just quick enough";
  bytes.Return(kCall, 2 * kSlowAppendMicros);
  EXPECT_EQ(fits(), 0u) << "twice too long with 64 waiting: 32 may";
  for (int i = 0; i < 63; ++i) bytes.Return(kCall, 0);
  EXPECT_EQ(fits(), 32u + 63 / 8) << "an eighth of what was answered";
  bytes.Return(kCall, 1000 * kSlowAppendMicros);
  for (int i = 0; i < 38; ++i) bytes.Return(kCall, kSlowAppendMicros + 1);
  EXPECT_EQ(fits(), kLeastAppendBytesInFlight / kCall) << "never less";
}

TEST(InFlightBytes, ASmallLimitStaysAsItIs) {
  InFlightBytes bytes(100);
  EXPECT_OK(bytes.Take(100));
  bytes.Return(100, kSlowAppendMicros + 1);
  EXPECT_OK(bytes.Take(100));
}

}  // namespace
}  // namespace auditledger
