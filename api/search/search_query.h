// Entries that have one term of each of some groups: by leaping from list to list, each time to
// where the next list goes on, so that the work follows the rarest of them.
//
// Example:
//   SearchWalk walk(reader, {{jane, janes_old_number}, {er}}, {.begin = 0, .end = 5000});
//   for (;;) {
//     ASSIGN_OR_RETURN(const std::optional<uint64_t> found, walk.Next());
//     if (!found) break;          // at the end, or walk.tired(): go on from walk.next()
//     ...
//   }
//
// Thread-safety: an object belongs to one thread. The reader must outlive it.
// Errors: those of PostingReader.
#ifndef AUDITLEDGER_API_SEARCH_SEARCH_QUERY_H_
#define AUDITLEDGER_API_SEARCH_SEARCH_QUERY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/posting_store.h"

namespace auditledger {

// Reads of the index that one call makes: some 5 us each where it is in memory, so a tenth of a
// second; from a disk that turns, a call's deadline.
inline constexpr uint64_t kMaxSearchSteps = 20'000;
// Leaps within what was read already, which take a fiftieth of that.
inline constexpr uint64_t kLeapsOfStep = 50;

// Microseconds, [from, to). Of event times.
struct TimeWindow {
  uint64_t from = 0;
  uint64_t to = UINT64_MAX;
  bool Holds(uint64_t time) const { return from <= time && time < to; }
  bool all() const { return from == 0 && to == UINT64_MAX; }
};

struct SearchRange {
  uint64_t begin = 0;
  uint64_t end = 0;  // of entries, exclusive
  LogOrder order = LogOrder::kForward;
  // Zones without an entry in it are leapt over. What is found may still lie beside it: the leaf
  // says.
  TimeWindow event_time{};
};

// One list, or the union of some.
class SearchList {
 public:
  virtual ~SearchList() = default;
  // The first of its entries from `target` on, itself included. Targets never go back.
  virtual absl::StatusOr<std::optional<uint64_t>> Seek(uint64_t target) = 0;
};

class SearchWalk {
 public:
  // REQUIRES: at least one group, none of them empty.
  SearchWalk(PostingReader& reader, const std::vector<std::vector<PostingTerm>>& groups,
             const SearchRange& range, uint64_t max_steps = kMaxSearchSteps);

  // The next entry; nothing at the end of the range, and where the steps are used up.
  absl::StatusOr<std::optional<uint64_t>> Next();
  bool tired() const { return tired_; }
  // From where another walk over the same goes on, as its `begin`, or its `end` if it goes
  // backward: behind what was found and what was looked at.
  uint64_t next() const;

 private:
  bool InRange(uint64_t entry) const { return range_.begin <= entry && entry < range_.end; }
  // Behind `entry`; false at the end of the range.
  bool MoveBehind(uint64_t entry);

  PostingReader& reader_;
  SearchRange range_;
  const uint64_t last_step_;
  const uint64_t most_leaps_;
  uint64_t leaps_ = 0;
  std::vector<std::unique_ptr<SearchList>> lists_;
  const uint64_t start_;
  uint64_t at_;  // nothing before it, in the walk's order, is left to be found
  bool done_;
  bool tired_ = false;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_SEARCH_SEARCH_QUERY_H_
