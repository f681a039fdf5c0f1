// What a ledger must answer, as a vector and two maps: the simplest thing that can be right.
#ifndef AUDITLEDGER_TESTS_TESTING_MODEL_LEDGER_H_
#define AUDITLEDGER_TESTS_TESTING_MODEL_LEDGER_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace auditledger::testing {

class ModelLedger {
 public:
  struct Event {
    std::string id;
    std::string content;
  };
  struct Place {
    uint64_t index = 0;
    bool repeated = false;
  };
  struct Answer {
    bool conflict = false;
    uint64_t first_index = 0;     // of the first conflict
    uint64_t conflict_index = 0;  // its evidence
    uint64_t position = 0;
    std::vector<Place> places;  // when there is no conflict
  };
  struct Entry {
    std::string kind;  // "genesis", "event", "conflict"
    Event event;
  };

  ModelLedger() { entries_.push_back({"genesis", {}}); }
  // REQUIRES: no two events of one id and other content in `events`.
  Answer Append(const std::vector<Event>& events);
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
  std::map<std::string, uint64_t> events_;                             // id -> index
  std::map<std::pair<std::string, std::string>, uint64_t> conflicts_;  // id, content -> index
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_MODEL_LEDGER_H_
