// Durations counted in buckets of one relative width, in fixed memory, so that a run of any length
// keeps its whole distribution and percentiles of it are never averages of percentiles.
//
//   LoadHistogram latency;                   // one for each thread, merged at the end
//   latency.Record(elapsed_ns);
//   latency.Percentile(0.99);                // ns; at most 1/128 above a value that was recorded
//
// Values below 256 ns have a bucket each; above, every power of two is cut into 128. A value from
// 2^42 ns (73 minutes) on counts in the last bucket; Max is exact all the same. The layout is that
// of an HDR histogram (Gil Tene's, hdrhistogram.org) with 128 sub-buckets.
// Memory: 36 x 128 counters of 8 bytes, 36 KiB. Thread-safety: an object belongs to one thread.
#ifndef AUDITLEDGER_TOOLS_LOAD_HISTOGRAM_H_
#define AUDITLEDGER_TOOLS_LOAD_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace auditledger {

class LoadHistogram {
 public:
  LoadHistogram();

  void Record(uint64_t ns, uint64_t times = 1);
  void Merge(const LoadHistogram& other);

  // The upper end of the bucket that holds the value at `share` of all, never above Max(); 0 when
  // empty. REQUIRES: 0 <= share <= 1.
  uint64_t Percentile(double share) const;
  uint64_t Max() const { return max_; }
  uint64_t Count() const { return count_; }

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_LOAD_HISTOGRAM_H_
