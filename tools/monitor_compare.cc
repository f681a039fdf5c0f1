#include "tools/monitor_compare.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "merkle/checkpoint.h"
#include "merkle/frontier.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using Bundle = absl::StatusOr<std::vector<std::string>>;

// One copy, read bundle by bundle from the first.
class Copy {
 public:
  Copy(LogSource& source, Checkpoint head) : tiles_(source), head_(std::move(head)) {}

  uint64_t size() const { return head_.size; }
  Bundle Read(uint64_t bundle) {
    const uint64_t width = std::min(kTileWidth, head_.size - bundle * kTileWidth);
    Bundle leaves = tiles_.ReadEntries(bundle, width);
    if (leaves.ok()) {
      for (const std::string& leaf : *leaves) frontier_.Append(LeafHash(leaf));
    } else {
      unreadable_ += width;
    }
    return leaves;
  }
  CopyState state() const {
    return {head_.size, frontier_.size() == head_.size && frontier_.Root() == head_.root,
            unreadable_};
  }

 private:
  SourceTiles tiles_;
  const Checkpoint head_;
  Frontier frontier_;
  uint64_t unreadable_ = 0;
};

absl::StatusOr<Copy> OpenCopy(LogSource& source, const NoteVerifier& log_key) {
  ASSIGN_OR_RETURN(const std::string note, source.Read("checkpoint", kMaxNoteBytes));
  absl::StatusOr<SignedCheckpoint> head = OpenCheckpoint(note, log_key.name(), log_key);
  if (!head.ok()) return absl::FailedPreconditionError(head.status().message());
  return Copy(source, std::move(head->checkpoint));
}

void AddDifferent(uint64_t index, CopyComparison& out) {
  ++out.different;
  if (!out.ranges.empty() && out.ranges.back().second + 1 == index) {
    out.ranges.back().second = index;
  } else if (out.ranges.size() < kMaxListedRanges) {
    out.ranges.emplace_back(index, index);
  }
}

}  // namespace

absl::StatusOr<CopyComparison> CompareCopies(LogSource& first, LogSource& second,
                                             const NoteVerifier& log_key) {
  ASSIGN_OR_RETURN(Copy one, OpenCopy(first, log_key));
  ASSIGN_OR_RETURN(Copy two, OpenCopy(second, log_key));
  CopyComparison out;
  out.compared = std::min(one.size(), two.size());
  const uint64_t larger = std::max(one.size(), two.size());
  for (uint64_t bundle = 0; bundle * kTileWidth < larger; ++bundle) {
    const uint64_t begin = bundle * kTileWidth;
    const Bundle mine = begin < one.size() ? one.Read(bundle) : Bundle(std::vector<std::string>());
    const Bundle other = begin < two.size() ? two.Read(bundle) : Bundle(std::vector<std::string>());
    for (uint64_t i = 0; i < kTileWidth && begin + i < out.compared; ++i) {
      if (!mine.ok() || !other.ok() || (*mine)[i] != (*other)[i]) AddDifferent(begin + i, out);
    }
  }
  out.first = one.state();
  out.second = two.state();
  return out;
}

}  // namespace auditledger
