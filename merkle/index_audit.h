// Every index head of a log, against the map that the log's own leaves make: what fsck, mirrors and
// verifiers do, since an index head is the operator's word until somebody has.
//
// Example:
//   IndexAudit audit(heads);                       // found in the leaves before, by their kind
//   for (...) {
//     const std::optional<std::string> fault = audit.Add(TagLogEntryOf(index, leaf, hash),
//     leaf.tags); if (fault.has_value()) ...
//   }
//
// The heads are wanted beforehand because one may cover fewer entries than stand before it: the map
// is compared as it was at that size, and nothing needs to be kept back.
//
// Thread-safety: an object belongs to one thread. Memory: MemoryTagMapStore's (tag_map.h), and none
// in a log without index heads.
#ifndef AUDITLEDGER_MERKLE_INDEX_AUDIT_H_
#define AUDITLEDGER_MERKLE_INDEX_AUDIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/index_head.h"
#include "merkle/tag_log.h"
#include "merkle/tag_map.h"

namespace auditledger {

// An index head with the index of its entry.
struct LoggedIndexHead {
  uint64_t entry = 0;
  IndexHead head;
};

class IndexAudit {
 public:
  // `heads` in the log's order. One that covers more than stands before it, or fewer entries than
  // an earlier one, is not compared: Faults() has it.
  explicit IndexAudit(std::vector<LoggedIndexHead> heads);
  IndexAudit(const IndexAudit&) = delete;
  IndexAudit& operator=(const IndexAudit&) = delete;

  // The next entry, whatever its tags. What is wrong with the index heads that cover exactly the
  // entries so far; nullopt where they are right, or there is none. REQUIRES: entries come in order
  // from 0, none left out.
  std::optional<std::string> Add(const TagLogEntry& entry, absl::Span<const Hash> tags);

  // What the heads say of themselves that cannot be, in words, each naming an entry.
  const std::vector<std::string>& faults() const { return faults_; }
  // Whether there are heads still to come, and entries to be added for them.
  bool active() const { return next_ < heads_.size(); }
  // How many heads were compared and right.
  uint64_t right() const { return right_; }

 private:
  std::vector<LoggedIndexHead> heads_;
  size_t next_ = 0;
  uint64_t right_ = 0;
  std::vector<std::string> faults_;
  MemoryTagMapStore store_;
  TagMap map_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_INDEX_AUDIT_H_
