// A clock that stands still until a test moves it. Thread-safe.
#ifndef AUDITLEDGER_TESTS_TESTING_FAKE_CLOCK_H_
#define AUDITLEDGER_TESTS_TESTING_FAKE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "ledger/clock.h"

namespace auditledger::testing {

class FakeClock : public Clock {
 public:
  uint64_t WallMicros() override { return wall_us_; }
  uint64_t MonotonicMicros() override { return monotonic_us_; }
  void Advance(uint64_t us) {
    wall_us_ += us;
    monotonic_us_ += us;
  }
  // As an operator or a time server does it.
  void SetWall(uint64_t us) { wall_us_ = us; }

 private:
  std::atomic<uint64_t> wall_us_{1'700'000'000'000'000};
  std::atomic<uint64_t> monotonic_us_{1'000'000};
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_FAKE_CLOCK_H_
