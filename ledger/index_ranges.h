// Indices as ranges, for people: "3 [17-18, 400]".
//
// Thread-safety: plain values.
#ifndef AUDITLEDGER_LEDGER_INDEX_RANGES_H_
#define AUDITLEDGER_LEDGER_INDEX_RANGES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace auditledger {

// Ranges that are named; the rest is counted.
inline constexpr size_t kMaxNamedRanges = 20;

class IndexRanges {
 public:
  // In ascending order.
  void Add(uint64_t index) {
    ++count_;
    if (!ranges_.empty() && ranges_.back().second + 1 == index) {
      ranges_.back().second = index;
    } else if (ranges_.size() < kMaxNamedRanges) {
      ranges_.emplace_back(index, index);
    } else {
      is_cut_ = true;
    }
  }
  uint64_t count() const { return count_; }
  const std::vector<std::pair<uint64_t, uint64_t>>& ranges() const { return ranges_; }  // inclusive
  bool is_cut() const { return is_cut_; }  // there are more than were named

  std::string ToString() const {
    if (count_ == 0) return "0";
    std::string out = absl::StrCat(count_, " [");
    for (const auto& [first, last] : ranges_) {
      absl::StrAppend(&out, &first == &ranges_.front().first ? "" : ", ", first);
      if (last != first) absl::StrAppend(&out, "-", last);
    }
    return absl::StrCat(out, is_cut_ ? ", ...]" : "]");
  }

 private:
  uint64_t count_ = 0;
  bool is_cut_ = false;
  std::vector<std::pair<uint64_t, uint64_t>> ranges_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_INDEX_RANGES_H_
