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
  bytes.Return(40);
  EXPECT_THAT(bytes.Take(41), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_OK(bytes.Take(40)) << "what was refused took nothing";
}

TEST(InFlightBytes, ARequestThatIsAloneIsNeverRefused) {
  InFlightBytes bytes(100);
  EXPECT_OK(bytes.Take(1000));
  EXPECT_THAT(bytes.Take(1), StatusIs(absl::StatusCode::kResourceExhausted));
  bytes.Return(1000);
  EXPECT_OK(bytes.Take(1));
}

}  // namespace
}  // namespace auditledger
