// Wall and monotonic time as an interface, so that tests set both.
#ifndef AUDITLEDGER_LEDGER_CLOCK_H_
#define AUDITLEDGER_LEDGER_CLOCK_H_

#include <cstdint>

namespace auditledger {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual uint64_t WallMicros() = 0;  // Unix time
  // Never goes back and is never set; goes on while the machine sleeps, so that a suspend is not
  // taken for a jump of the wall clock.
  virtual uint64_t MonotonicMicros() = 0;
  // The machine's; lives as long as the process.
  static Clock& System();
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_CLOCK_H_
