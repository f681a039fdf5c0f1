// Token buckets, one a key: how much each may take at once, and a second.
//
// A bucket is full at first, holds `burst` tokens and gets `per_second` new ones. What is taken may
// be more than a bucket holds (a batch): it must then be full, and owes the rest.
//
// Example:
//   TokenBuckets buckets({.per_second = 100, .burst = 200});
//   const uint64_t wait_us = buckets.WaitFor("emitter", 1, now_us);
//   if (wait_us == 0) buckets.Take("emitter", 1, now_us);
//
// Memory is bounded: kMaxBuckets are kept; for a new one that was used least recently is forgotten,
// which by then is full again, or nearly. So who has that many keys has as many bursts.
// Thread-safety: none; the caller's lock. Time must not fall.
#ifndef AUDITLEDGER_API_TOKEN_BUCKETS_H_
#define AUDITLEDGER_API_TOKEN_BUCKETS_H_

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/strings/string_view.h"

namespace auditledger {

struct Rate {
  uint64_t per_second = 0;  // 0: no limit
  uint64_t burst = 0;       // at least 1 where there is a limit
};

class TokenBuckets {
 public:
  explicit TokenBuckets(Rate rate) : rate_(rate) {}

  // Microseconds until `tokens` can be taken, if nobody takes any before; 0: now.
  uint64_t WaitFor(absl::string_view key, uint64_t tokens, uint64_t now_us) const;
  // REQUIRES: WaitFor says 0.
  void Take(absl::string_view key, uint64_t tokens, uint64_t now_us);
  size_t size() const { return recent_.size(); }

 private:
  // A bucket is the time at which it is full again.
  using Bucket = std::pair<std::string, uint64_t>;

  uint64_t NanosFor(uint64_t tokens) const;

  const Rate rate_;
  std::list<Bucket> recent_;  // the newest first
  std::unordered_map<std::string, std::list<Bucket>::iterator> by_key_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_TOKEN_BUCKETS_H_
