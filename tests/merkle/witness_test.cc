#include "merkle/witness.h"

#include <gtest/gtest.h>

#include "merkle/frontier.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::ReadVectors;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::VectorPath;

TEST(WitnessTest, SizesReadBack) {
  for (uint64_t size : {uint64_t{0}, uint64_t{3}, kMaxTreeSize}) {
    EXPECT_EQ(*ParseWitnessSize(FormatWitnessSize(size)), size);
  }
  EXPECT_EQ(FormatWitnessSize(20852014), "20852014\n");
}

TEST(WitnessTest, OtherSizesAreRefused) {
  for (const char* body : {"", "\n", "3", "3\n\n", "03\n", "3 \n", "-3\n", "3\n4\n", "3\r\n",
                           "9223372036854775808\n", "<html>\n"}) {
    EXPECT_THAT(ParseWitnessSize(body), StatusIs(StatusCode::kInvalidArgument)) << body;
  }
}

TEST(WitnessTest, ASizeIsALine) {
  for (const char* body : {"", "3"}) {
    EXPECT_THAT(ParseWitnessSize(body),
                StatusIs(StatusCode::kInvalidArgument, ::testing::HasSubstr("line missing")));
  }
}

TEST(WitnessTest, MonitorsFindAnOriginByItsHash) {
  REQUIRE_SHARED(VectorPath("cosignature/ed25519-cosignature-v1.json"));
  const auto vector = ReadVectors("cosignature/ed25519-cosignature-v1.json")["origin_hash"];
  EXPECT_EQ(WitnessedCheckpointPath(std::string(vector["origin"])),
            "/" + std::string(vector["sha256_hex"]) + "/checkpoint");
}

}  // namespace
}  // namespace auditledger
