#include "ledger/clock.h"

#include <chrono>

namespace auditledger {
namespace {

template <typename StdClock>
uint64_t MicrosOf() {
  const auto since = StdClock::now().time_since_epoch();
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

class SystemClock : public Clock {
 public:
  uint64_t WallMicros() override { return MicrosOf<std::chrono::system_clock>(); }
  uint64_t MonotonicMicros() override { return MicrosOf<std::chrono::steady_clock>(); }
};

}  // namespace

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

}  // namespace auditledger
