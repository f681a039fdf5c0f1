#include "ledger/pause_gate.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status Paused(uint64_t retry_after_ms, absl::string_view why) {
  const uint64_t retry = std::clamp(retry_after_ms, kPauseRetryMinMillis, kPauseRetryMaxMillis);
  return WithReason(absl::UnavailableError(why), kReasonLedgerPaused,
                    {{"retry_after_ms", absl::StrCat(retry)}});
}

}  // namespace

PauseGate::PauseGate(const LedgerLimits& limits, Clock& clock, FreeBytes free_bytes)
    : limits_(limits),
      clock_(clock),
      free_bytes_(std::move(free_bytes)),
      base_wall_us_(clock.WallMicros()),
      base_monotonic_us_(clock.MonotonicMicros()) {}

absl::Status PauseGate::Check() {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(CheckClock());
  return CheckDisk();
}

absl::Status PauseGate::CheckClock() {
  const uint64_t monotonic = clock_.MonotonicMicros();
  const uint64_t wall = clock_.WallMicros();
  const uint64_t expected = base_wall_us_ + (monotonic - base_monotonic_us_);
  if (!stepped_.has_value() && expected > limits_.max_clock_step_back_us &&
      wall < expected - limits_.max_clock_step_back_us) {
    stepped_ = ClockStep{expected, wall};
  }
  if (stepped_.has_value()) {
    if (wall < stepped_->before_us) {
      return Paused(
          (stepped_->before_us - wall) / 1000,
          absl::StrCat("the clock stepped back from ", stepped_->before_us, " to ",
                       stepped_->after_us, " us; appends wait until it has passed the former"));
    }
    to_record_ = std::exchange(stepped_, std::nullopt);
    base_wall_us_ = wall;
    base_monotonic_us_ = monotonic;
  } else if (wall > expected) {
    base_wall_us_ = wall;
    base_monotonic_us_ = monotonic;
  }
  return absl::OkStatus();
}

absl::Status PauseGate::CheckDisk() {
  const uint64_t now = clock_.MonotonicMicros();
  if (disk_checked_us_.has_value() && now - *disk_checked_us_ < kDiskCheckMicros) return disk_;
  disk_checked_us_ = now;
  const absl::StatusOr<uint64_t> free = free_bytes_();
  const uint64_t needed = disk_.ok() ? limits_.low_water_bytes : limits_.resume_water_bytes;
  if (!free.ok()) {
    disk_ = Paused(1000, absl::StrCat("free space is unknown: ", free.status().message()));
  } else if (*free < needed) {
    disk_ = Paused(1000, absl::StrCat("the disk has ", *free, " bytes free; appends resume at ",
                                      limits_.resume_water_bytes));
  } else {
    disk_ = absl::OkStatus();
  }
  return disk_;
}

std::optional<ClockStep> PauseGate::TakeClockStep() {
  MutexLock lock(mutex_);
  return std::exchange(to_record_, std::nullopt);
}

absl::StatusOr<uint64_t> FreeDiskBytes(const std::vector<std::string>& folders) {
  uint64_t least = std::numeric_limits<uint64_t>::max();
  for (const std::string& folder : folders) {
    struct statvfs stats = {};
    if (statvfs(folder.c_str(), &stats) != 0) {
      return absl::UnavailableError(absl::StrCat("statvfs ", folder, ": ", std::strerror(errno)));
    }
    least = std::min<uint64_t>(least, uint64_t{stats.f_bavail} * stats.f_frsize);
  }
  return least;
}

}  // namespace auditledger
