// What the server takes on at once: the bytes of append requests between their arrival and their
// answer, or their durability where they wait for witnesses. Over the limit a request is refused
// before it is parsed and sealed, so that under overload refusing stays cheap, and what was
// admitted waits a bounded time.
//
// Example:
//   RETURN_IF_ERROR(appends.Take(bytes));
//   ... answer ...
//   appends.Return(bytes);
//
// Thread-safety: safe, without a lock.
#ifndef AUDITLEDGER_API_IN_FLIGHT_BYTES_H_
#define AUDITLEDGER_API_IN_FLIGHT_BYTES_H_

#include <atomic>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "api/limits.h"
#include "ledger/errors.h"

namespace auditledger {

class InFlightBytes {
 public:
  explicit InFlightBytes(size_t limit) : limit_(limit) {}

  // ResourceExhausted (OVERLOADED) with a hint when to come again; then nothing was taken. A
  // request that is alone is never refused, however large.
  absl::Status Take(size_t bytes) {
    const size_t before = taken_.fetch_add(bytes);
    if (before == 0 || before + bytes <= limit_) return absl::OkStatus();
    taken_.fetch_sub(bytes);
    return WithReason(
        absl::ResourceExhaustedError("too many bytes of appends wait; come again after the hint"),
        kReasonOverloaded, {{"retry_after_ms", absl::StrCat(kAppendRetryMs)}});
  }
  void Return(size_t bytes) { taken_.fetch_sub(bytes); }

 private:
  const size_t limit_;
  std::atomic<size_t> taken_{0};
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_IN_FLIGHT_BYTES_H_
