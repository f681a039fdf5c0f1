#include "tools/load_tally.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "api/client/retry.h"
#include "api/client/rpc_error.h"

namespace auditledger {

void LoadTally::AddRefusal(const absl::Status& status, uint64_t count) {
  const std::string reason = ErrorReason(status);
  LoadRefusals& refused = refusals[absl::StrCat(absl::StatusCodeToString(status.code()),
                                                reason.empty() ? "" : " ", reason)];
  refused.events += count;
  if (const auto hint = RetryAfterMs(status)) {
    refused.with_hint += count;
    refused.hint_ms_sum += *hint * count;
    refused.hint_ms_max = std::max(refused.hint_ms_max, *hint);
  }
  if (failure.ok() && !IsRetryable(status)) failure = status;
}

void LoadTally::Merge(const LoadTally& other) {
  events += other.events;
  events_in_all += other.events_in_all;
  answers += other.answers;
  request_bytes += other.request_bytes;
  answer_bytes += other.answer_bytes;
  unsent_events += other.unsent_events;
  attempted_events += other.attempted_events;
  latency.Merge(other.latency);
  refusal_latency.Merge(other.refusal_latency);
  for (const auto& [key, theirs] : other.refusals) {
    LoadRefusals& mine = refusals[key];
    mine.events += theirs.events;
    mine.with_hint += theirs.with_hint;
    mine.hint_ms_sum += theirs.hint_ms_sum;
    mine.hint_ms_max = std::max(mine.hint_ms_max, theirs.hint_ms_max);
  }
  if (failure.ok()) failure = other.failure;
}

uint64_t LoadTally::RefusedEvents() const {
  uint64_t sum = 0;
  for (const auto& [key, refused] : refusals) sum += refused.events;
  return sum;
}

uint64_t LoadTally::RefusedWithoutHint() const {
  uint64_t sum = 0;
  for (const auto& [key, refused] : refusals) sum += refused.events - refused.with_hint;
  return sum;
}

}  // namespace auditledger
