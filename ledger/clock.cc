#include "ledger/clock.h"

#include <time.h>

namespace auditledger {
namespace {

uint64_t MicrosOf(clockid_t id) {
  timespec now = {};
  ::clock_gettime(id, &now);  // fails only for an id that the kernel does not know
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

class SystemClock : public Clock {
 public:
  uint64_t WallMicros() override { return MicrosOf(CLOCK_REALTIME); }
  // CLOCK_MONOTONIC stands still while the machine is suspended.
  uint64_t MonotonicMicros() override { return MicrosOf(CLOCK_BOOTTIME); }
};

}  // namespace

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

}  // namespace auditledger
