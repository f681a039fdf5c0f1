// Whether appends must wait: for the clock to come right, or for space on the disk. Both pauses end
// by themselves; nothing runs in the background, whoever asks looks.
//
// Clock: the wall clock is compared with where it should be, the highest wall time of a commit plus
// the time since on a clock that is never set and goes on while the machine sleeps.
//   behind by more than max_clock_step_back_us: pauses until the wall clock has passed where it
//     should have been when the step was noticed, so that no time is recorded twice
//   ahead by more than max_clock_step_forward_us: pauses until it has come back, or the process is
//     started again, which asks the operator where the jump is over a day (recovery.h). Recorded
//     time never goes back: one entry in a wrong year would stop the ledger for years.
// Disk: below low_water_bytes free it pauses, above resume_water_bytes it goes on. Free space is
// read at most every kDiskCheckMicros.
//
// Thread-safety: all methods may be called by many threads. `clock` must outlive it.
#ifndef AUDITLEDGER_LEDGER_PAUSE_GATE_H_
#define AUDITLEDGER_LEDGER_PAUSE_GATE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/clock.h"
#include "ledger/mutex.h"
#include "ledger/options.h"
#include "merkle/system_entries.h"

namespace auditledger {

// A step of the free-space check; short against filling 64 MiB at disk speed.
inline constexpr uint64_t kDiskCheckMicros = 100'000;
// What a paused append is told at least and at most.
inline constexpr uint64_t kPauseRetryMinMillis = 100;
inline constexpr uint64_t kPauseRetryMaxMillis = 60'000;

class PauseGate {
 public:
  using FreeBytes = std::function<absl::StatusOr<uint64_t>()>;

  PauseGate(const LedgerLimits& limits, Clock& clock, FreeBytes free_bytes);

  // OK, or Unavailable LEDGER_PAUSED with retry_after_ms and what is waited for.
  // For whoever wants to know; a wrong clock seen here leaves nothing behind.
  absl::Status Check();
  // The same for the committer: when OK, the wall clock of now is one that is recorded.
  absl::Status BeforeCommit();
  // The same for entries that may use the reserve (options.h): where nothing but space is wanted,
  // `bytes` are taken of it, which is whole again once appends resume.
  absl::Status BeforeReservedCommit(uint64_t bytes);
  // A clock step whose pause is over and that is not in the log yet. Handed out once.
  std::optional<ClockStep> TakeClockStep();

 private:
  struct Now {
    uint64_t wall_us = 0;
    uint64_t monotonic_us = 0;
  };
  Now ReadClock();
  absl::Status CheckClock(const Now& now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status PauseWhileBehind(const Now& now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status PauseWhileAhead(const Now& now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t Expected(const Now& now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return base_.wall_us + (now.monotonic_us - base_.monotonic_us);
  }
  absl::Status CheckDisk() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const LedgerLimits limits_;
  Clock& clock_;
  const FreeBytes free_bytes_;
  Mutex mutex_;
  Now base_ ABSL_GUARDED_BY(mutex_);
  std::optional<ClockStep> behind_ ABSL_GUARDED_BY(mutex_);  // paused because of it
  std::optional<ClockStep> ahead_ ABSL_GUARDED_BY(mutex_);   // the same
  std::optional<ClockStep> to_record_ ABSL_GUARDED_BY(mutex_);
  std::optional<uint64_t> disk_checked_us_ ABSL_GUARDED_BY(mutex_);  // monotonic
  absl::Status disk_ ABSL_GUARDED_BY(mutex_);                        // of the last check
  bool disk_is_short_ ABSL_GUARDED_BY(mutex_) = false;               // and that is known
  uint64_t reserve_used_ ABSL_GUARDED_BY(mutex_) = 0;                // since it is
};

// Free bytes for an ordinary user on the fullest of the disks that hold `folders`.
absl::StatusOr<uint64_t> FreeDiskBytes(const std::vector<std::string>& folders);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PAUSE_GATE_H_
