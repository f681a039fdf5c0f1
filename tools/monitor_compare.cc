#include "tools/monitor_compare.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "merkle/checkpoint.h"
#include "merkle/frontier.h"
#include "merkle/key_change_list.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using Bundle = absl::StatusOr<std::vector<std::string>>;

// One copy, read bundle by bundle from the first.
class Copy {
 public:
  Copy(LogSource& source, Checkpoint head, std::vector<LoggedKeyChange> changes)
      : tiles_(source), head_(std::move(head)), told_(std::move(changes)) {}

  uint64_t size() const { return head_.size; }
  Bundle Read(uint64_t bundle) {
    const uint64_t width = std::min(kTileWidth, head_.size - bundle * kTileWidth);
    Bundle leaves = tiles_.ReadEntries(bundle, width);
    if (leaves.ok()) {
      for (const std::string& leaf : *leaves) Take(leaf);
    } else {
      unreadable_ += width;
    }
    return leaves;
  }
  CopyState state() const {
    const bool leads = frontier_.size() == head_.size && frontier_.Root() == head_.root;
    return {head_.size, leads && changes_ == told_, unreadable_};
  }

 private:
  void Take(const std::string& bytes) {
    const absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
    if (leaf.ok() && leaf->kind == EntryKind::kKeyChange && changes_.size() <= kMaxKeyChanges) {
      changes_.push_back({frontier_.size(), bytes, {}});
    }
    frontier_.Append(LeafHash(bytes));
  }

  SourceTiles tiles_;
  const Checkpoint head_;
  const std::vector<LoggedKeyChange> told_;
  std::vector<LoggedKeyChange> changes_;  // among its entries
  Frontier frontier_;
  uint64_t unreadable_ = 0;
};

absl::StatusOr<Copy> OpenCopy(LogSource& source, const NoteVerifier& log_key) {
  ASSIGN_OR_RETURN(const std::string note, source.Read("checkpoint", kMaxNoteBytes));
  std::vector<LoggedKeyChange> changes;
  const auto text = source.Read("key-changes", kMaxKeyChangeListBytes);
  const auto told = text.ok() ? ParseKeyChangeList(*text) : text.status();
  absl::StatusOr<KeyChain> chain = KeyChain::Build(log_key, {});
  if (told.ok() && told->origin == log_key.name()) {
    for (const LoggedKeyChange& change : told->changes) {
      changes.push_back({change.index, change.leaf, {}});
    }
    chain = KeyChain::BuildFromLeaves(log_key, changes);
  }
  if (!chain.ok()) return absl::FailedPreconditionError(chain.status().message());
  absl::StatusOr<SignedCheckpoint> head = OpenCheckpoint(note, log_key.name(), *chain);
  if (!head.ok()) return absl::FailedPreconditionError(head.status().message());
  // What it knows beyond its head has not happened there.
  while (!changes.empty() && changes.back().index >= head->checkpoint.size) changes.pop_back();
  return Copy(source, std::move(head->checkpoint), std::move(changes));
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
