// What one thread of a load generator counts; merged when all have ended.
//
// Thread-safety: an object belongs to one thread.
#ifndef AUDITLEDGER_TOOLS_LOAD_TALLY_H_
#define AUDITLEDGER_TOOLS_LOAD_TALLY_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "tools/load_histogram.h"

namespace auditledger {

// Answers that were no receipts, of one code and reason.
struct LoadRefusals {
  uint64_t events = 0;
  uint64_t with_hint = 0;  // said when to come again
  uint64_t hint_ms_sum = 0;
  uint64_t hint_ms_max = 0;
};

struct LoadTally {
  // Events of calls answered within the stretch that counts, and in all.
  uint64_t events = 0;
  uint64_t events_in_all = 0;
  uint64_t answers = 0;  // as events, calls or messages
  uint64_t request_bytes = 0;
  uint64_t answer_bytes = 0;
  // Of arrivals of an open loop that could not be sent, since too many calls were under way.
  uint64_t unsent_events = 0;
  uint64_t attempted_events = 0;
  LoadHistogram latency;  // of calls begun within the stretch, receipts only
  LoadHistogram refusal_latency;
  std::map<std::string, LoadRefusals> refusals;  // by "CODE REASON"
  absl::Status failure;                          // the first answer that no retry can mend

  void AddRefusal(const absl::Status& status, uint64_t count);
  void Merge(const LoadTally& other);
  uint64_t RefusedEvents() const;
  uint64_t RefusedWithoutHint() const;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_LOAD_TALLY_H_
