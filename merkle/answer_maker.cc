#include "merkle/answer_maker.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "merkle/proof.h"
#include "merkle/set_proof.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// The first position of a tag's log for which `reached` holds; it does for all behind it.
absl::StatusOr<uint64_t> FirstPosition(TagLogReader& log,
                                       absl::FunctionRef<bool(const TagLogEntry&)> reached) {
  uint64_t low = 0;
  uint64_t high = log.value().count;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    ASSIGN_OR_RETURN(const std::vector<TagLogEntry> entry, log.ReadEntries(middle, 1));
    if (reached(entry.at(0))) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

class Maker {
 public:
  Maker(const AnswerQuery& query, const AnswerLimits& limits, AnswerSource& source)
      : limits_(limits), source_(source) {
    answer_.query = query;
    answer_.checkpoint = source.checkpoint();
  }

  absl::StatusOr<CompleteAnswer> Make() {
    shown_.insert(0);
    if (source_.index_head().has_value()) RETURN_IF_ERROR(AddMap(*source_.index_head()));
    RETURN_IF_ERROR(AddTail());
    RETURN_IF_ERROR(AddLeaves());
    return std::move(answer_);
  }

 private:
  absl::Status AddMap(uint64_t index_head) {
    shown_.insert(index_head);
    AnswerMap& map = answer_.map.emplace();
    map.index_head = index_head;
    ASSIGN_OR_RETURN(const PatriciaPath path, FindPatricia(answer_.query.tag, source_.map()));
    if (path.found == answer_.query.tag) {
      map.proof = EncodePresence(path.steps);
      return AddRange(map.range.emplace());
    }
    if (!path.found.has_value()) return absl::OkStatus();  // the empty map, and its empty proof
    ASSIGN_OR_RETURN(const auto other, source_.OpenTag(*path.found));
    map.proof = EncodeAbsence(path.found->view(), EncodeTagValue(other->value()), path.steps);
    return absl::OkStatus();
  }

  absl::Status AddRange(AnswerRange& range) {
    ASSIGN_OR_RETURN(const auto log, source_.OpenTag(answer_.query.tag));
    const TimeWindow& window = answer_.query.recorded;
    ASSIGN_OR_RETURN(const uint64_t begin, FirstPosition(*log, [&](const TagLogEntry& entry) {
                       return entry.recorded_at_us >= window.from_us;
                     }));
    ASSIGN_OR_RETURN(const uint64_t end, FirstPosition(*log, [&](const TagLogEntry& entry) {
                       return window.IsBefore(entry.recorded_at_us);
                     }));
    range.value = log->value();
    ends_before_tail_ = end < range.value.count;
    // With a neighbour at each side, where there is one.
    const LeafRange places{begin > 0 ? begin - 1 : 0, std::min(end + 1, range.value.count)};
    range.first = places.begin;
    RETURN_IF_ERROR(CheckPlaces(*log, places));
    ASSIGN_OR_RETURN(const std::vector<TagLogEntry> entries,
                     log->ReadEntries(places.begin, places.end - places.begin));
    for (const TagLogEntry& entry : entries) AddPlace(entry, range);
    ASSIGN_OR_RETURN(range.proof, RangeProof(places, range.value.count, *log));
    return absl::OkStatus();
  }

  absl::Status CheckPlaces(TagLogReader& log, const LeafRange& places) {
    if (places.end - places.begin <= limits_.max_places) return absl::OkStatus();
    // Two places are for the neighbours of the window's first part.
    ASSIGN_OR_RETURN(const std::vector<TagLogEntry> next,
                     log.ReadEntries(places.begin + limits_.max_places - 1, 1));
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", limits_.max_places,
                     " entries of the tag lie in the window: ask for what was "
                     "recorded before ",
                     next.at(0).recorded_at_us, ", then from there on"));
  }

  void AddPlace(const TagLogEntry& entry, AnswerRange& range) {
    if (!IsAnswer(answer_.query, entry.recorded_at_us, entry.event_time_us)) {
      range.places.push_back({false, entry});
      return;
    }
    range.places.push_back({true, {entry.index, 0, 0, {}}});
    shown_.insert(entry.index);
  }

  absl::Status AddTail() {
    const uint64_t tail = source_.size() - source_.covered();
    if (ends_before_tail_) return absl::OkStatus();
    if (tail <= limits_.max_tail) {
      answer_.has_tail = true;
      for (uint64_t i = source_.covered(); i < source_.size(); ++i) shown_.insert(i);
      return absl::OkStatus();
    }
    if (answer_.map.has_value()) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("the log has no index head yet, and ", tail,
                                                      " entries are too many to show, at most ",
                                                      limits_.max_tail));
  }

  absl::Status AddLeaves() {
    const std::vector<uint64_t> indexes(shown_.begin(), shown_.end());
    for (const uint64_t index : indexes) {
      ASSIGN_OR_RETURN(std::string leaf, source_.ReadLeaf(index));
      answer_.leaves.push_back({index, std::move(leaf)});
    }
    ASSIGN_OR_RETURN(answer_.proof, SetProof(indexes, source_.size(), source_.nodes()));
    return absl::OkStatus();
  }

  const AnswerLimits& limits_;
  AnswerSource& source_;
  CompleteAnswer answer_;
  std::set<uint64_t> shown_;
  bool ends_before_tail_ = false;
};

}  // namespace

absl::StatusOr<CompleteAnswer> MakeCompleteAnswer(const AnswerQuery& query,
                                                  const AnswerLimits& limits,
                                                  AnswerSource& source) {
  RETURN_IF_ERROR(CheckAnswerQuery(query));
  return Maker(query, limits, source).Make();
}

}  // namespace auditledger
