#include "merkle/index_audit.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace auditledger {

IndexAudit::IndexAudit(std::vector<LoggedIndexHead> heads)
    : heads_(std::move(heads)), map_(store_) {
  uint64_t covered = 0;
  std::erase_if(heads_, [&](const LoggedIndexHead& head) {
    const uint64_t size = head.head.size;
    if (size <= head.entry && size >= covered) {
      covered = size;
      return false;
    }
    const std::string said =
        absl::StrCat("entry ", head.entry, ": an index head that covers ", size, " entries, ");
    faults_.push_back(size > head.entry ? absl::StrCat(said, "more than there were")
                                        : absl::StrCat(said, "an earlier one covers ", covered));
    return true;
  });
}

std::optional<std::string> IndexAudit::Add(const TagLogEntry& entry, absl::Span<const Hash> tags) {
  if (!active()) return std::nullopt;
  absl::Status added = map_.Add(entry, tags);
  std::string fault;
  for (; active() && heads_[next_].head.size == entry.index + 1; ++next_) {
    const absl::StatusOr<Hash> root = added.ok() ? map_.Root() : added;
    if (root.ok() && *root == heads_[next_].head.map_root) {
      ++right_;
      continue;
    }
    absl::StrAppend(&fault, fault.empty() ? "" : "; ", "entry ", heads_[next_].entry,
                    ": an index head whose map is not that of the ", entry.index + 1,
                    " entries it covers: it hides, adds or moves entries");
  }
  if (fault.empty()) return std::nullopt;
  return fault;
}

}  // namespace auditledger
