#include "api/search/search_query.h"

#include <algorithm>
#include <utility>

#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Zones that are passed over before the walk may look whether it is tired: it is given one that
// need not hold anything, which costs it one look at each other list.
constexpr uint64_t kMaxZonesOfSeek = 1000;

// Whether `a` comes before `b`.
bool IsBefore(uint64_t a, uint64_t b, LogOrder order) {
  return order == LogOrder::kForward ? a < b : a > b;
}

class TermList : public SearchList {
 public:
  TermList(std::unique_ptr<PostingCursor> cursor, LogOrder order)
      : cursor_(std::move(cursor)), order_(order) {}
  absl::StatusOr<std::optional<uint64_t>> Seek(uint64_t target) override {
    return cursor_->Seek(target, order_);
  }

 private:
  const std::unique_ptr<PostingCursor> cursor_;
  const LogOrder order_;
};

// Of each list its next entry is kept, and the list asked again only once the target is behind it.
class UnionList : public SearchList {
 public:
  UnionList(std::vector<std::unique_ptr<SearchList>> lists, LogOrder order) : order_(order) {
    for (auto& list : lists) parts_.push_back({std::move(list), std::nullopt, false});
  }
  absl::StatusOr<std::optional<uint64_t>> Seek(uint64_t target) override {
    std::optional<uint64_t> first;
    for (Part& part : parts_) {
      if (part.ended) continue;
      if (!part.at.has_value() || IsBefore(*part.at, target, order_)) {
        ASSIGN_OR_RETURN(part.at, part.list->Seek(target));
        part.ended = !part.at.has_value();
        if (part.ended) continue;
      }
      if (!first.has_value() || IsBefore(*part.at, *first, order_)) first = part.at;
    }
    return first;
  }

 private:
  struct Part {
    std::unique_ptr<SearchList> list;
    std::optional<uint64_t> at;
    bool ended = false;
  };
  std::vector<Part> parts_;
  const LogOrder order_;
};

// The entries of zones in which something has its time within the window.
class ZoneList : public SearchList {
 public:
  ZoneList(PostingReader& reader, const SearchRange& range) : reader_(reader), range_(range) {}
  absl::StatusOr<std::optional<uint64_t>> Seek(uint64_t target) override {
    const uint64_t first = range_.begin / kZoneEntries;
    const uint64_t last = (range_.end - 1) / kZoneEntries;
    const bool forward = range_.order == LogOrder::kForward;
    uint64_t looked = 0;
    for (uint64_t zone = target / kZoneEntries; first <= zone && zone <= last;) {
      ASSIGN_OR_RETURN(const bool holds, Holds(zone));
      if (holds || ++looked > kMaxZonesOfSeek) {
        if (zone == target / kZoneEntries) return target;
        return forward ? zone * kZoneEntries : zone * kZoneEntries + kZoneEntries - 1;
      }
      if (!forward && zone == 0) break;
      zone = forward ? zone + 1 : zone - 1;
    }
    return std::nullopt;
  }

 private:
  absl::StatusOr<bool> Holds(uint64_t zone) {
    if (zone == known_) return known_holds_;
    ASSIGN_OR_RETURN(const std::optional<TimeBounds> bounds, reader_.Zone(zone));
    known_ = zone;
    known_holds_ = bounds.has_value() && bounds->least < range_.event_time.to &&
                   bounds->greatest >= range_.event_time.from;
    return known_holds_;
  }

  PostingReader& reader_;
  const SearchRange range_;
  uint64_t known_ = UINT64_MAX;
  bool known_holds_ = false;
};

std::unique_ptr<SearchList> ListOf(PostingReader& reader, const std::vector<PostingTerm>& group,
                                   LogOrder order) {
  std::vector<std::unique_ptr<SearchList>> lists;
  for (const PostingTerm& term : group) {
    lists.push_back(std::make_unique<TermList>(reader.Open(term), order));
  }
  if (lists.size() == 1) return std::move(lists.front());
  return std::make_unique<UnionList>(std::move(lists), order);
}

}  // namespace

SearchWalk::SearchWalk(PostingReader& reader, const std::vector<std::vector<PostingTerm>>& groups,
                       const SearchRange& range, uint64_t max_steps)
    : reader_(reader),
      range_(range),
      last_step_(reader.steps() + max_steps),
      most_leaps_(max_steps * kLeapsOfStep),
      start_(range.order == LogOrder::kForward ? range.begin : range.end - 1),
      at_(start_),
      done_(range.begin >= range.end) {
  for (const std::vector<PostingTerm>& group : groups) {
    lists_.push_back(ListOf(reader, group, range.order));
  }
  if (!range.event_time.all()) lists_.push_back(std::make_unique<ZoneList>(reader, range));
}

bool SearchWalk::MoveBehind(uint64_t entry) {
  const bool forward = range_.order == LogOrder::kForward;
  if (forward ? entry + 1 >= range_.end : entry <= range_.begin) return false;
  at_ = forward ? entry + 1 : entry - 1;
  return true;
}

absl::StatusOr<std::optional<uint64_t>> SearchWalk::Next() {
  // How many lists one after the other have said that at_ is theirs.
  size_t agree = 0;
  for (size_t i = 0; !done_ && !tired_; i = (i + 1) % lists_.size()) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> found, lists_[i]->Seek(at_));
    if (!found.has_value() || !InRange(*found)) {
      done_ = true;
      break;
    }
    agree = *found == at_ ? agree + 1 : 1;
    at_ = *found;
    if (agree == lists_.size()) {
      done_ = !MoveBehind(*found);
      return found;
    }
    // Never before it got anywhere: else the walk that goes on from there would not either.
    tired_ = at_ != start_ && (reader_.steps() >= last_step_ || ++leaps_ >= most_leaps_);
  }
  return std::nullopt;
}

uint64_t SearchWalk::next() const {
  const bool forward = range_.order == LogOrder::kForward;
  if (done_) return forward ? range_.end : range_.begin;
  return forward ? at_ : at_ + 1;
}

}  // namespace auditledger
