#include "tools/load_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace auditledger {
namespace {

constexpr int kSubBits = 7;
constexpr uint64_t kSubBuckets = uint64_t{1} << kSubBits;
constexpr int kMaxBits = 42;
constexpr size_t kBuckets = (kMaxBits - kSubBits + 1) * kSubBuckets;

size_t BucketOf(uint64_t ns) {
  ns = std::min(ns, (uint64_t{1} << kMaxBits) - 1);
  if (ns < 2 * kSubBuckets) return ns;
  const int shift = std::bit_width(ns) - kSubBits - 1;
  return static_cast<size_t>(shift) * kSubBuckets + (ns >> shift);
}

uint64_t UpperEnd(size_t bucket) {
  if (bucket < 2 * kSubBuckets) return bucket;
  const size_t shift = bucket / kSubBuckets - 1;
  const uint64_t within = bucket % kSubBuckets + kSubBuckets;
  return ((within + 1) << shift) - 1;
}

}  // namespace

LoadHistogram::LoadHistogram() : buckets_(kBuckets, 0) {}

void LoadHistogram::Record(uint64_t ns, uint64_t times) {
  buckets_[BucketOf(ns)] += times;
  count_ += times;
  max_ = std::max(max_, ns);
}

void LoadHistogram::Merge(const LoadHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

uint64_t LoadHistogram::Percentile(double share) const {
  if (count_ == 0) return 0;
  const double rank = std::ceil(share * static_cast<double>(count_));
  const uint64_t wanted = std::clamp<uint64_t>(static_cast<uint64_t>(rank), 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i + 1 < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(UpperEnd(i), max_);
  }
  return max_;  // the last bucket is open above
}

}  // namespace auditledger
