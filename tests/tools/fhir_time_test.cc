#include "tools/fhir_time.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;

TEST(FhirTimeTest, KeepsZoneAndPrecision) {
  for (const char* text :
       {"2015-08-22T23:42:24Z", "2015-08-22T23:42:24.000Z", "2012-10-25T22:04:27+11:00",
        "2024-02-29T23:59:59.999999999-03:30", "1970-01-01T00:00:00Z", "2024-05-06T07:08:09.5",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00"}) {
    ASSERT_OK_AND_ASSIGN(const v1::Time time, ParseFhirTime(text));
    EXPECT_EQ(FormatFhirTime(time), text);
  }
}

TEST(FhirTimeTest, IsTheInstantThatWasMeant) {
  EXPECT_EQ(ParseFhirTime("2012-10-25T22:04:27+11:00")->at().seconds(), 1351163067);
  EXPECT_EQ(ParseFhirTime("2012-10-25T11:04:27.25Z")->at().seconds(), 1351163067);
  EXPECT_EQ(ParseFhirTime("2012-10-25T11:04:27.25Z")->at().nanos(), 250'000'000);
  EXPECT_FALSE(ParseFhirTime("2012-10-25T11:04:27")->has_utc_offset_minutes());
}

TEST(FhirTimeTest, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2015", "2015-08-22", "2015-08-22T23:42Z", "2015-08-22 23:42:24Z",
        "2015-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2015-08-22T24:00:00Z",
        "2015-08-22T23:59:60Z", "2015-08-22T23:59:99.120Z", "2015-08-22T23:42:24.Z",
        "2015-08-22T23:42:24+15:00", "2015-08-22T23:42:24+0100", "2015-08-22T23:42:24Z ",
        "+015-08-22T23:42:24Z", "2015-08-22T23:42:24z"}) {
    EXPECT_THAT(ParseFhirTime(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace auditledger
