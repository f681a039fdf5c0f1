// How often a ledger's wrapping keys are used, and a log of it apart from what they protect: who
// reads data, seeds and keys and has all three still leaves no line here that he does not also have
// to take away, and a count that no read explains is seen.
//
//   state_dir/key-use.log, a line each, RFC 3339 time in UTC first:
//     TIME load program=NAME master=FINGERPRINT|none index=1 dedup=1 wrap=ID,ID...
//     TIME rotate begun to=wrap-ID old=keep|destroy
//     TIME rotate done to=wrap-ID
//     TIME count wrap-ID wrapped=N opened=N      hourly and at the stop, since the line before
//
// Nothing personal is in it: no entry, no principal. A ledger that serves writes it;
// auditledger-fsck and `auditctl restore` change nothing of a ledger and leave no line.
// Thread-safety: all methods may be called by many threads.
// Errors: none; a line that cannot be written is lost and counted in the next, as lost=N: a ledger
// that cannot be read because its log is full would be the worse record. Growth: at 1 MiB the file
// becomes key-use.log.1, in place of the one before.
#ifndef AUDITLEDGER_LEDGER_KEY_USE_H_
#define AUDITLEDGER_LEDGER_KEY_USE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ledger/clock.h"
#include "ledger/mutex.h"

namespace auditledger {

struct KeyUseCount {
  uint64_t wrapped = 0;
  uint64_t opened = 0;
};
using KeyUses = std::map<uint16_t, KeyUseCount>;  // by the wrapping key's id

inline constexpr std::chrono::hours kKeyUseInterval{1};
// Ten thousand lines: a year of hours with a key or two.
inline constexpr uint64_t kMaxKeyUseLogBytes = uint64_t{1} << 20;

class KeyUseLog {
 public:
  // `uses`: since the start. `clock` and what `uses` needs must outlive it.
  KeyUseLog(std::string dir, Clock& clock, std::function<KeyUses()> uses);
  // Counts once more.
  ~KeyUseLog();

  void Add(absl::string_view what);
  // A count line for each key that was used since the last, if that is an hour ago.
  void CountIfDue();

 private:
  void AddLocked(absl::string_view what) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Count() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Write(absl::string_view line) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  Clock& clock_;
  const std::function<KeyUses()> uses_;
  Mutex mutex_;
  KeyUses counted_ ABSL_GUARDED_BY(mutex_);
  uint64_t counted_at_us_ ABSL_GUARDED_BY(mutex_);
  uint64_t lost_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_KEY_USE_H_
