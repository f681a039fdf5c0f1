// A monitor of two places, one of which is shown a fork: for every point to fork at below 64 and
// each fourth size beyond it there is a proof for a third party, and of one history there is none.
// (What it proves is checked for every size in tests/verifier/liar_test.cc.)
//
// Covers: tools/monitor_log
#include "tests/testing/liar.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/testing/seed.h"
#include "tests/tools/monitor/log_monitor_fixture.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::Liar;
using testing::MaliciousServer;

constexpr uint64_t kSize = 64;

class LiarMonitorTest : public testing::LogMonitorFixture {
 protected:
  Liar liar_{kSize};
};

TEST_F(LiarMonitorTest, OfTwoPlacesEveryForkIsProvenAndNothingElseIs) {
  std::mt19937_64 random(testing::TestSeed());
  MaliciousServer& one = Serve(liar_.truth());
  MaliciousServer& two = Serve(liar_.truth());
  for (uint64_t point = 0; point < kSize; ++point) {
    for (uint64_t size = point + 1; size <= kSize; ++size) {
      if ((size + point) % 4 != 0 && size != point + 1 && size != kSize) continue;
      // Of one size, and with one of any size; which place lies changes.
      const uint64_t shown = size % 2 == 0 ? size : 1 + random() % kSize;
      Forget();
      one.Show(liar_.truth(), size % 3 == 0 ? size : shown);
      two.Show(liar_.fork(point), size % 3 == 0 ? shown : size);
      const uint64_t smaller = std::min(size, shown);
      const bool swapped = size % 5 == 0;
      ASSERT_OK(Start(liar_.truth(), swapped ? std::vector{two.url(), one.url()}
                                             : std::vector{one.url(), two.url()}));
      const RoundReport report = Round();
      const MonitorFinding* proven = Proven(report);
      ASSERT_EQ(proven != nullptr, smaller > point) << point << ": " << size << ", " << shown;
      if (proven == nullptr) continue;
      const absl::StatusOr<std::string> judged = Judge(*proven, liar_.truth());
      ASSERT_OK(judged);
      ASSERT_THAT(*judged, HasSubstr("FORK: "));
    }
  }
}

}  // namespace
}  // namespace auditledger
