#include "ledger/clock.h"

#include <ctime>

#include <gtest/gtest.h>

namespace auditledger {
namespace {

TEST(ClockTest, WallTimeIsUnixTimeInMicroseconds) {
  const uint64_t before = static_cast<uint64_t>(std::time(nullptr)) * 1'000'000;
  const uint64_t now = Clock::System().WallMicros();
  EXPECT_GE(now + 1'000'000, before);
  EXPECT_LT(now, before + 60'000'000);
}

TEST(ClockTest, MonotonicTimeNeverGoesBack) {
  uint64_t last = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t now = Clock::System().MonotonicMicros();
    EXPECT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace auditledger
