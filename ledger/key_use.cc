#include "ledger/key_use.h"

#include <fcntl.h>

#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kFile[] = "/key-use.log";
constexpr char kOlder[] = ".1";

std::string TimeOf(uint64_t wall_us) {
  const std::time_t seconds = static_cast<std::time_t>(wall_us / 1'000'000);
  std::tm parts = {};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts));
}

}  // namespace

KeyUseLog::KeyUseLog(std::string dir, Clock& clock, std::function<KeyUses()> uses)
    : path_(std::move(dir) + kFile),
      clock_(clock),
      uses_(std::move(uses)),
      counted_at_us_(clock.MonotonicMicros()) {}

KeyUseLog::~KeyUseLog() {
  MutexLock lock(mutex_);
  Count();
}

void KeyUseLog::Add(absl::string_view what) {
  MutexLock lock(mutex_);
  AddLocked(what);
}

void KeyUseLog::CountIfDue() {
  constexpr uint64_t kIntervalUs = std::chrono::microseconds(kKeyUseInterval).count();
  MutexLock lock(mutex_);
  const uint64_t now_us = clock_.MonotonicMicros();
  if (now_us - counted_at_us_ < kIntervalUs) return;
  counted_at_us_ = now_us;
  Count();
}

void KeyUseLog::Count() {
  for (const auto& [id, now] : uses_()) {
    KeyUseCount& before = counted_[id];
    const uint64_t wrapped = now.wrapped - before.wrapped;
    const uint64_t opened = now.opened - before.opened;
    if (wrapped == 0 && opened == 0) continue;
    before = now;
    AddLocked(absl::StrCat("count wrap-", id, " wrapped=", wrapped, " opened=", opened));
  }
}

void KeyUseLog::AddLocked(absl::string_view what) {
  const std::string lost = lost_ == 0 ? "" : absl::StrCat(" lost=", lost_);
  if (Write(absl::StrCat(TimeOf(clock_.WallMicros()), " ", what, lost, "\n")).ok()) {
    lost_ = 0;
  } else {
    ++lost_;
  }
}

absl::Status KeyUseLog::Write(absl::string_view line) const {
  uint64_t size = 0;
  {
    ASSIGN_OR_RETURN(const PosixFile file, PosixFile::Open(path_, O_RDWR | O_CREAT, 0600));
    ASSIGN_OR_RETURN(size, file.Size());
    if (size + line.size() <= kMaxKeyUseLogBytes) {
      RETURN_IF_ERROR(file.WriteAt(size, line));
      return file.SyncData();
    }
  }
  RETURN_IF_ERROR(RenameDurably(path_, path_ + kOlder));
  return CreateFile(path_, line, 0600);
}

}  // namespace auditledger
