#include "api/token_buckets.h"

#include <algorithm>

#include "api/limits.h"

namespace auditledger {

uint64_t TokenBuckets::NanosFor(uint64_t tokens) const {
  return tokens * 1'000'000'000 / rate_.per_second;
}

uint64_t TokenBuckets::WaitFor(absl::string_view key, uint64_t tokens, uint64_t now_us) const {
  if (rate_.per_second == 0) return 0;
  const auto found = by_key_.find(std::string(key));
  if (found == by_key_.end()) return 0;
  const uint64_t now = now_us * 1000;
  const uint64_t full_at = found->second->second;
  const uint64_t missing = full_at > now ? full_at - now : 0;  // the time it takes to fill up
  const uint64_t may_miss = NanosFor(rate_.burst - std::min(tokens, rate_.burst));
  return missing <= may_miss ? 0 : (missing - may_miss + 999) / 1000;
}

void TokenBuckets::Take(absl::string_view key, uint64_t tokens, uint64_t now_us) {
  if (rate_.per_second == 0) return;
  const auto [found, is_new] = by_key_.try_emplace(std::string(key));
  if (is_new) {
    recent_.emplace_front(found->first, 0);
  } else {
    recent_.splice(recent_.begin(), recent_, found->second);
  }
  found->second = recent_.begin();
  uint64_t& full_at = recent_.front().second;
  full_at = std::max(full_at, now_us * 1000) + NanosFor(tokens);
  if (recent_.size() > kMaxBuckets) {
    by_key_.erase(recent_.back().first);
    recent_.pop_back();
  }
}

}  // namespace auditledger
