#include "tests/testing/model_ledger.h"

namespace auditledger::testing {

ModelLedger::Answer ModelLedger::Append(const std::vector<Event>& events) {
  Answer answer;
  for (size_t i = 0; i < events.size(); ++i) {
    const auto known = events_.find(events[i].id);
    if (known == events_.end() || entries_[known->second].event.content == events[i].content) {
      continue;
    }
    const auto [evidence, added] =
        conflicts_.emplace(std::make_pair(events[i].id, events[i].content), entries_.size());
    if (added) entries_.push_back({"conflict", events[i]});
    if (answer.conflict) continue;
    answer.conflict = true;
    answer.first_index = known->second;
    answer.conflict_index = evidence->second;
    answer.position = i;
  }
  if (answer.conflict) return answer;
  for (const Event& event : events) {
    const auto [known, added] = events_.emplace(event.id, entries_.size());
    if (added) entries_.push_back({"event", event});
    answer.places.push_back({known->second, !added});
  }
  return answer;
}

}  // namespace auditledger::testing
