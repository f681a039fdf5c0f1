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
    : limits_(limits), clock_(clock), free_bytes_(std::move(free_bytes)), base_(ReadClock()) {}

PauseGate::Now PauseGate::ReadClock() {
  const uint64_t monotonic_us = clock_.MonotonicMicros();
  return {clock_.WallMicros(), monotonic_us};
}

absl::Status PauseGate::Check() {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(CheckClock(ReadClock()));
  return CheckDisk();
}

absl::Status PauseGate::BeforeCommit() {
  MutexLock lock(mutex_);
  const Now now = ReadClock();
  RETURN_IF_ERROR(CheckClock(now));
  RETURN_IF_ERROR(CheckDisk());
  if (now.wall_us > Expected(now)) base_ = now;
  return absl::OkStatus();
}

absl::Status PauseGate::BeforeReservedCommit(uint64_t bytes) {
  MutexLock lock(mutex_);
  const Now now = ReadClock();
  RETURN_IF_ERROR(CheckClock(now));
  const absl::Status disk = CheckDisk();
  const bool fits = reserve_used_ + bytes <= limits_.access_reserve_bytes;
  if (!disk.ok() && (!disk_is_short_ || !fits)) return disk;
  if (!disk.ok()) reserve_used_ += bytes;
  if (now.wall_us > Expected(now)) base_ = now;
  return absl::OkStatus();
}

absl::Status PauseGate::CheckClock(const Now& now) {
  RETURN_IF_ERROR(PauseWhileBehind(now));
  return PauseWhileAhead(now);
}

absl::Status PauseGate::PauseWhileBehind(const Now& now) {
  const uint64_t expected = Expected(now);
  if (!behind_.has_value() && now.wall_us + limits_.max_clock_step_back_us < expected) {
    behind_ = ClockStep{expected, now.wall_us};
  }
  if (!behind_.has_value()) return absl::OkStatus();
  if (now.wall_us < behind_->before_us) {
    return Paused(
        (behind_->before_us - now.wall_us) / 1000,
        absl::StrCat("the clock stepped back from ", behind_->before_us, " to ", behind_->after_us,
                     " us; appends wait until it has passed the former"));
  }
  to_record_ = std::exchange(behind_, std::nullopt);
  // It was right to step back: what is expected follows it down, never up.
  base_ = {std::min(now.wall_us, expected), now.monotonic_us};
  return absl::OkStatus();
}

absl::Status PauseGate::PauseWhileAhead(const Now& now) {
  const uint64_t latest = Expected(now) + limits_.max_clock_step_forward_us;
  if (now.wall_us > latest) {
    if (!ahead_.has_value()) ahead_ = ClockStep{Expected(now), now.wall_us};
    return Paused(
        kPauseRetryMaxMillis,
        absl::StrCat("the clock jumped ahead from ", ahead_->before_us, " to ", ahead_->after_us,
                     " us; appends wait until it has come back. If it is right, start "
                     "the daemon again (with --accept_clock if it asks for that)"));
  }
  if (ahead_.has_value()) to_record_ = std::exchange(ahead_, std::nullopt);
  return absl::OkStatus();
}

absl::Status PauseGate::CheckDisk() {
  const uint64_t now = clock_.MonotonicMicros();
  if (disk_checked_us_.has_value() && now - *disk_checked_us_ < kDiskCheckMicros) return disk_;
  disk_checked_us_ = now;
  const absl::StatusOr<uint64_t> free = free_bytes_();
  const uint64_t needed = disk_.ok() ? limits_.low_water_bytes : limits_.resume_water_bytes;
  disk_is_short_ = free.ok() && *free < needed;
  if (!disk_is_short_) reserve_used_ = 0;
  if (!free.ok()) {
    disk_ = Paused(1000, absl::StrCat("free space is unknown: ", free.status().message()));
  } else if (disk_is_short_) {
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
