// What the server takes on at once: the bytes of append requests between their arrival and their
// answer, or their durability where they wait for witnesses. Over the limit a request is refused
// before it is parsed and sealed, so that under overload refusing stays cheap, and what was
// admitted waits a bounded time.
//
// How much that is depends on the machine and on who else uses it, so the limit follows the
// answers. One that took longer than kSlowAppendMicros sets it to what can be answered in that
// time: what waits now, divided by how many times too long it took (Little's law), but no less than
// kLeastAppendBytesInFlight. Each quicker one raises it again by an eighth of its bytes, up to the
// limit given.
//
// Example:
//   RETURN_IF_ERROR(appends.Take(bytes));
//   ... answer ...
//   appends.Return(bytes, micros_since_arrival);
//
// Thread-safety: safe, without a lock.
#ifndef AUDITLEDGER_API_IN_FLIGHT_BYTES_H_
#define AUDITLEDGER_API_IN_FLIGHT_BYTES_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "api/limits.h"
#include "ledger/errors.h"

namespace auditledger {

class InFlightBytes {
 public:
  explicit InFlightBytes(size_t most) : most_(most), limit_(most) {}

  // ResourceExhausted (OVERLOADED) with a hint when to come again; then nothing was taken. A
  // request that is alone is never refused, however large.
  absl::Status Take(size_t bytes) {
    const size_t before = taken_.fetch_add(bytes);
    if (before == 0 || before + bytes <= limit_.load()) return absl::OkStatus();
    taken_.fetch_sub(bytes);
    return WithReason(
        absl::ResourceExhaustedError("too many bytes of appends wait; come again after the hint"),
        kReasonOverloaded, {{"retry_after_ms", absl::StrCat(kAppendRetryMs)}});
  }
  void Return(size_t bytes, uint64_t held_micros) {
    const size_t waiting = taken_.fetch_sub(bytes);
    const size_t limit = limit_.load();
    // Of two threads here at once one may be forgotten: the next answer says the same.
    if (held_micros > kSlowAppendMicros) {
      const size_t least = std::min(most_, kLeastAppendBytesInFlight);
      const auto in_time = static_cast<size_t>(uint64_t{waiting} * kSlowAppendMicros / held_micros);
      limit_.store(std::max(least, std::min(limit, in_time)));
    } else if (limit < most_) {
      limit_.store(std::min(most_, limit + bytes / 8));
    }
  }

 private:
  const size_t most_;
  std::atomic<size_t> limit_;
  std::atomic<size_t> taken_{0};
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_IN_FLIGHT_BYTES_H_
