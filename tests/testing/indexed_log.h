// A log in memory with index heads, and complete answers out of it as their definition says it:
// every entry is looked at, every tag's log and map made anew by the reference trees. The product's
// answers are compared to these.
//
// It is also the operator who holds the key and answers falsely: Compose shows whatever it is told
// to, with the best proofs that this log and its maps give for it.
//
// Example:
//   IndexedLog log;
//   log.Add({x}); log.AddIndexHead(); log.Add({x, y});
//   const CompleteAnswer answer = log.Answer(RecordedWithin(x, {}), log.size());
//
// Thread-safety: none. Aborts on errors: it runs in tests.
#ifndef AUDITLEDGER_TESTS_TESTING_INDEXED_LOG_H_
#define AUDITLEDGER_TESTS_TESTING_INDEXED_LOG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "merkle/answer_maker.h"
#include "merkle/checkpoint.h"
#include "merkle/complete_answer.h"
#include "merkle/hash.h"
#include "merkle/leaf.h"
#include "tests/testing/reference_map.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {

class IndexedLog {
 public:
  // Begins with a genesis that names an index key of 32 times 'i'.
  IndexedLog();

  TestLog& log() { return log_; }
  uint64_t size() const { return log_.size(); }
  const Leaf& leaf(uint64_t index) const { return leaves_[index]; }
  // When the next entry will be recorded; each is 1,000 us after the one before.
  uint64_t NextTime() const { return log_.NextTime(); }

  // An entry with these tags. Returns its index.
  uint64_t Add(std::set<Hash> tags, uint64_t event_time_us = 0);
  uint64_t AddLeaf(const Leaf& leaf);
  // An index head that covers all before it, or the first `covered` entries; or one that lies.
  uint64_t AddIndexHead() { return AddIndexHead(size()); }
  uint64_t AddIndexHead(uint64_t covered);
  uint64_t AddIndexHeadSaying(uint64_t covered, const Hash& map_root);

  Checkpoint HeadOf(uint64_t size);
  // The entries below `end` that are answers.
  std::vector<uint64_t> Truth(const AnswerQuery& query, uint64_t end) const;
  // The newest index head below `size`.
  std::optional<uint64_t> IndexHeadBefore(uint64_t size) const;
  uint64_t Covered(std::optional<uint64_t> index_head) const;
  Hash MapRoot(uint64_t covered) { return MapOf(covered).Root(); }

  // What an answer shows.
  struct Parts {
    AnswerQuery query;
    uint64_t size = 0;  // of the head
    std::optional<uint64_t> index_head{};
    Hash map_tag{};      // the tag whose way in the map is shown,
    uint64_t first = 0;  // and places [first, end) of whose log
    uint64_t end = 0;
    std::set<uint64_t> shown{};  // entries among these that are shown whole
    bool tail = true;
    std::set<uint64_t> leaves{};  // all that is
  };
  // The parts of the true answer; with the tail unless the window ends before.
  Parts TrueParts(const AnswerQuery& query, uint64_t size);
  CompleteAnswer Compose(const Parts& parts);
  CompleteAnswer Answer(const AnswerQuery& query, uint64_t size) {
    return Compose(TrueParts(query, size));
  }

  // The log as the product's maker reads it: the index of the newest index head below `size`.
  std::unique_ptr<AnswerSource> Source(uint64_t size);

 private:
  friend class IndexedLogSource;
  // The entries below `covered` that carry the tag, as the tag's log has them.
  std::vector<TagLogEntry> LogOf(const Hash& tag, uint64_t covered) const;
  ReferenceMap& MapOf(uint64_t covered);

  TestLog log_;
  std::vector<Leaf> leaves_;
  std::map<uint64_t, ReferenceMap> maps_;
  std::map<uint64_t, std::string> checkpoints_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_INDEXED_LOG_H_
