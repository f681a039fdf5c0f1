#include "api/client/retry.h"

#include <algorithm>
#include <thread>

#include "api/client/rpc_error.h"

namespace auditledger {

bool IsRetryable(const absl::Status& status) {
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) return true;
  return absl::IsResourceExhausted(status) && RetryAfterMs(status).has_value();
}

std::chrono::milliseconds RetryDelay(const RetryPolicy& policy, int attempt,
                                     const absl::Status& status, std::mt19937_64& random) {
  const int doublings = std::min(attempt - 1, 20);  // 2^20 x 100 ms is over any maximum
  const int64_t bound = std::min(policy.initial.count() << doublings, policy.max.count());
  std::uniform_int_distribution<int64_t> distribution(0, bound);
  const uint64_t hint = std::min<uint64_t>(RetryAfterMs(status).value_or(0),
                                           static_cast<uint64_t>(kMaxRetryHint.count()));
  return std::chrono::milliseconds(std::max(distribution(random), static_cast<int64_t>(hint)));
}

void Sleep(const RetryPolicy& policy, std::chrono::milliseconds delay) {
  if (policy.sleep) return policy.sleep(delay);
  std::this_thread::sleep_for(delay);
}

}  // namespace auditledger
