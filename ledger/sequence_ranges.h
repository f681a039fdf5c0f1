// Which numbers of a sequence arrived, as ascending ranges: memory follows the gaps, not the
// numbers.
//
// Thread-safety: an object belongs to one thread at a time.
#ifndef AUDITLEDGER_LEDGER_SEQUENCE_RANGES_H_
#define AUDITLEDGER_LEDGER_SEQUENCE_RANGES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace auditledger {

struct SequenceRange {
  uint64_t first = 0;
  uint64_t last = 0;  // inclusive
  friend bool operator==(const SequenceRange&, const SequenceRange&) = default;
};

struct SequenceRanges {
  std::vector<SequenceRange> ranges;  // ascending, never adjoining
  uint64_t received_count = 0;        // distinct numbers
  bool truncated = false;             // a gap was given up to keep within the bound

  // Adds a number; 0 is no number. Beyond `max_ranges` the oldest gap is given up, so that a stream
  // torn to pieces cannot fill the memory; `truncated` then says that its gaps are not all known.
  void Add(uint64_t number, size_t max_ranges);
  uint64_t last() const { return ranges.empty() ? 0 : ranges.back().last; }
  // The first `max_gaps` runs of numbers from 1 to last() that never arrived.
  std::vector<SequenceRange> Gaps(size_t max_gaps) const;
  size_t GapCount() const;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SEQUENCE_RANGES_H_
