#include "ledger/errors.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using testing::StatusIs;

TEST(ErrorsTest, AReasonAndItsMetadataComeBackAndTheMessageStays) {
  const absl::Status status =
      WithReason(absl::AlreadyExistsError("another event"), kReasonEventIdConflict,
                 {{"first_index", "12"}, {"position", ""}, {"query", "a=b=c"}});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAlreadyExists, "another event"));
  const Reason reason = ReasonOf(status);
  EXPECT_EQ(reason.reason, "EVENT_ID_CONFLICT");
  EXPECT_EQ(reason.metadata, (std::map<std::string, std::string>{
                                 {"first_index", "12"}, {"position", ""}, {"query", "a=b=c"}}));
}

TEST(ErrorsTest, TheLastReasonCounts) {
  const absl::Status status = WithReason(
      WithReason(absl::UnavailableError(""), kReasonLedgerPaused, {{"retry_after_ms", "1"}}),
      kReasonShuttingDown);
  EXPECT_EQ(ReasonOf(status).reason, "SHUTTING_DOWN");
  EXPECT_TRUE(ReasonOf(status).metadata.empty());
}

TEST(ErrorsTest, SuccessCarriesNoReasonAndNeitherDoesABareError) {
  EXPECT_OK(WithReason(absl::OkStatus(), kReasonOverloaded));
  EXPECT_EQ(ReasonOf(absl::OkStatus()).reason, "");
  EXPECT_EQ(ReasonOf(absl::InternalError("x")).reason, "");
}

}  // namespace
}  // namespace auditledger
