#include "ledger/sequence_ranges.h"

#include <algorithm>

namespace auditledger {

void SequenceRanges::Add(uint64_t number, size_t max_ranges) {
  if (number == 0) return;
  // The first range that ends at `number` - 1 or later: it holds the number, adjoins it or follows.
  const auto at = std::lower_bound(
      ranges.begin(), ranges.end(), number,
      [](const SequenceRange& range, uint64_t value) { return range.last < value - 1; });
  if (at == ranges.end() || number < at->first - 1) {
    ranges.insert(at, {number, number});
  } else if (number >= at->first && number <= at->last) {
    return;
  } else if (number < at->first) {
    at->first = number;
  } else {
    at->last = number;
    const auto next = at + 1;
    if (next != ranges.end() && next->first == number + 1) {
      at->last = next->last;
      ranges.erase(next);
    }
  }
  ++received_count;
  if (ranges.size() > max_ranges) {
    ranges[1].first = ranges[0].first;
    ranges.erase(ranges.begin());
    truncated = true;
  }
}

size_t SequenceRanges::GapCount() const {
  if (ranges.empty()) return 0;
  return ranges.size() - (ranges.front().first == 1 ? 1 : 0);
}

std::vector<SequenceRange> SequenceRanges::Gaps(size_t max_gaps) const {
  std::vector<SequenceRange> gaps;
  uint64_t expected = 1;
  for (const SequenceRange& range : ranges) {
    if (gaps.size() == max_gaps) break;
    if (range.first > expected) gaps.push_back({expected, range.first - 1});
    expected = range.last + 1;
  }
  return gaps;
}

}  // namespace auditledger
