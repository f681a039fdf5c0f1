// When to send again, and after how long. Appending is exactly-once on the server's side
// (principal, stream, event id), so an emitter may repeat whatever has no answer.
//
// Wait before attempt n + 1: random(0, min(initial * 2^(n-1), max)), and never less than the
// server's hint (gRPC's own retry design; shared/reference/standards.md 5.4).
// Thread-safety: pure functions; Random-like state is the caller's.
#ifndef AUDITLEDGER_API_CLIENT_RETRY_H_
#define AUDITLEDGER_API_CLIENT_RETRY_H_

#include <chrono>
#include <functional>
#include <random>

#include "absl/status/status.h"

namespace auditledger {

// A ledger asks for seconds. A longer wait is a mistake, or somebody who wants silence.
inline constexpr std::chrono::milliseconds kMaxRetryHint{300'000};

struct RetryPolicy {
  int max_attempts = 4;  // the first one counts
  std::chrono::milliseconds initial{100};
  std::chrono::milliseconds max{2000};
  // Tests give their own; empty = std::this_thread::sleep_for.
  std::function<void(std::chrono::milliseconds)> sleep;
};

// UNAVAILABLE, RESOURCE_EXHAUSTED with a hint, DEADLINE_EXCEEDED (outcome unknown: sending again
// finds out).
bool IsRetryable(const absl::Status& status);
// Never shorter than the server's hint, of which kMaxRetryHint counts at most.
// REQUIRES: attempt >= 1, the number of attempts made.
std::chrono::milliseconds RetryDelay(const RetryPolicy& policy, int attempt,
                                     const absl::Status& status, std::mt19937_64& random);
void Sleep(const RetryPolicy& policy, std::chrono::milliseconds delay);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_RETRY_H_
