// Makes complete answers out of a log and its index, wherever they are kept.
//
// Example:
//   ASSIGN_OR_RETURN(const CompleteAnswer answer,
//                    MakeCompleteAnswer(RecordedWithin(tag, march), {}, source));
//
// Thread-safety: pure function; the source belongs to the caller.
// Cost: a set of nodes of the log in one read, some twenty reads of the map, two binary searches in
// the tag's log.
#ifndef AUDITLEDGER_MERKLE_ANSWER_MAKER_H_
#define AUDITLEDGER_MERKLE_ANSWER_MAKER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "merkle/complete_answer.h"
#include "merkle/hash.h"
#include "merkle/node_reader.h"
#include "merkle/patricia_tree.h"
#include "merkle/tag_log.h"

namespace auditledger {

// A tag's log as the index has it: its leaves by position, its nodes by NodeId.
class TagLogReader : public NodeReader {
 public:
  virtual TagValue value() const = 0;
  virtual absl::StatusOr<std::vector<TagLogEntry>> ReadEntries(uint64_t first, uint64_t count) = 0;
};

// A signed head, and the index as its newest index head has it.
class AnswerSource {
 public:
  virtual ~AnswerSource() = default;
  // The head: a signed note, and the size it says.
  virtual std::string checkpoint() const = 0;
  virtual uint64_t size() const = 0;
  // The newest index head below size(): its entry, and how many entries it covers; none yet.
  virtual std::optional<uint64_t> index_head() const = 0;
  virtual uint64_t covered() const = 0;  // 0 without one

  virtual NodeReader& nodes() = 0;    // of the log
  virtual PatriciaReader& map() = 0;  // of the index head
  virtual absl::StatusOr<std::string> ReadLeaf(uint64_t index) = 0;
  // NotFound when the map has not that tag.
  virtual absl::StatusOr<std::unique_ptr<TagLogReader>> OpenTag(const Hash& tag) = 0;
};

struct AnswerLimits {
  // Places of the tag's log and entries of the tail, each: what fits in kMaxAnswerBytes as leaves
  // mostly are.
  uint64_t max_places = 10'000;
  uint64_t max_tail = 16'384;
};

// With the tail where it is needed and not over max_tail; else the answer stops at the index head
// and so says. InvalidArgument for a window that has no time in it; ResourceExhausted for more
// places than max_places, naming the recorded time at which to divide the window;
// FailedPrecondition where there is no index head and the log is longer than max_tail.
absl::StatusOr<CompleteAnswer> MakeCompleteAnswer(const AnswerQuery& query,
                                                  const AnswerLimits& limits, AnswerSource& source);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_ANSWER_MAKER_H_
