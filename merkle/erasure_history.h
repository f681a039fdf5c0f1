// What a log's own entries say of erasure, taken together: which entry erased which, which requests
// are open, which legal holds stand. The ledger decides by it, and whoever checks the log derives
// the same from the leaves.
//
// Rules, each of which an entry that breaks it is refused by:
//   a request, an erasure and a hold name entries before themselves
//   an erasure carries out one request, which nothing carried out before, for the same reason and
//   entries; it names no entry that is erased already, and none that a hold stands on
//   a hold that is lifted stands
// (That entries which it names carry an event of somebody else's is seen at those entries.)
//
// Example:
//   for each leaf in order:
//     if (ErasureHistory::Takes(leaf.kind)) RETURN_IF_ERROR(history.Add(index, leaf.kind,
//     leaf.body));
//   history.ErasedBy(17);  // 90, or nothing
//
// Thread-safety: a value. Memory: some 60 bytes a range, 50 a request.
// Errors: DataLoss naming the rule that is broken; the entry then counts for nothing.
#ifndef AUDITLEDGER_MERKLE_ERASURE_HISTORY_H_
#define AUDITLEDGER_MERKLE_ERASURE_HISTORY_H_

#include <cstdint>
#include <map>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/erasure_entries.h"
#include "merkle/hash.h"
#include "merkle/leaf.h"

namespace auditledger {

class ErasureHistory {
 public:
  // Whether entries of this kind belong here.
  static bool Takes(EntryKind kind) {
    return kind == EntryKind::kErasure || kind == EntryKind::kErasureRequest ||
           kind == EntryKind::kLegalHold;
  }
  // In the order of the log. REQUIRES: Takes(kind), and a larger index than all before.
  absl::Status Add(uint64_t index, EntryKind kind, absl::string_view body);

  // The entry that erased the content of `index`.
  std::optional<uint64_t> ErasedBy(uint64_t index) const;
  // The first entry of `ranges` that is erased, with the entry that erased it.
  struct Erased {
    uint64_t index = 0;
    uint64_t by = 0;
  };
  std::optional<Erased> FirstErased(absl::Span<const EntryRange> ranges) const;
  // The entry by which a hold was placed that stands on some of them.
  std::optional<uint64_t> HeldBy(absl::Span<const EntryRange> ranges) const;
  // Whether the entry placed a hold that stands.
  bool HoldStands(uint64_t placed) const { return holds_.contains(placed); }

  struct Request {
    Hash scope;                       // of its body
    std::optional<uint64_t> done_by;  // the erasure that carried it out
  };
  // Nullptr when that entry is no request.
  const Request* FindRequest(uint64_t index) const;
  // Pieces of entries that are erased.
  size_t ranges() const { return erased_.size(); }

 private:
  struct Part {
    uint64_t last = 0;
    uint64_t by = 0;
  };
  absl::Status AddErasure(uint64_t index, absl::string_view body);
  absl::Status AddRequest(uint64_t index, absl::string_view body);
  absl::Status AddHold(uint64_t index, absl::string_view body);

  std::map<uint64_t, Part> erased_;  // by their first; they do not overlap
  std::map<uint64_t, Request> requests_;
  std::map<uint64_t, EntryRanges> holds_;  // that stand
};

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_ERASURE_HISTORY_H_
