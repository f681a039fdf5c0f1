// What an event must be to be accepted, and what is accepted but flagged.
//
// Refused: over a limit of limits.h, not UTF-8, a NUL in text, missing event_id, schema_version
// other than 1, missing recorded.at, outcome.indicator, agent, source.observer, source.stream_id;
// recorded before 1970 or more than 24 hours ahead; occurred_end before occurred_start. Everything
// else that a profile would object to is a flag (merkle/header.h): losing an audit event is worse
// than keeping an imperfect one.
//
// Example:
//   const EventVerdict verdict = CheckEvent(event, bytes, 65536, now_us, "event");
//   RETURN_IF_ERROR(verdict.status());   // all violations, at most kMaxViolations
//
// Thread-safety: pure functions. Cost: one walk over the message. No value of a field is ever in a
// message.
#ifndef AUDITLEDGER_API_EVENT_RULES_H_
#define AUDITLEDGER_API_EVENT_RULES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/status.h"
#include "auditledger/v1/event.pb.h"

namespace auditledger {

struct EventVerdict {
  std::vector<FieldViolation> violations;  // empty: accepted
  uint64_t flags = 0;                      // EntryFlag bits
  bool too_large = false;
  size_t ahead = 0;  // so many of the violations: recorded too far ahead
  // OK, or InvalidArgument with EVENT_TOO_LARGE, EVENT_AHEAD when nothing else is wrong, or
  // MALFORMED_EVENT. EVENT_AHEAD may be the fault of this ledger's clock.
  absl::Status status() const;
};

// `bytes` is `event`, serialized. `path` is what the violations' fields begin with. `now_us` is the
// ledger's clock, Unix time.
EventVerdict CheckEvent(const v1::AuditEvent& event, absl::string_view bytes,
                        size_t max_event_bytes, uint64_t now_us, absl::string_view path);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_EVENT_RULES_H_
