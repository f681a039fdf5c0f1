// The events by which a ledger records who read it and who was refused: DICOM's Audit Log Used
// (110101) and Security Alert (110113), as any other event of it.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_API_ACCESS_ACCESS_EVENT_H_
#define AUDITLEDGER_API_ACCESS_ACCESS_EVENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "auditledger/v1/event.pb.h"

namespace auditledger {

// The stream of these events; their principal is "ledger:" and the origin.
inline constexpr char kAccessStream[] = "access";
// Of one event, below what any event may have (event_limits.cc): a batch with more makes another.
inline constexpr size_t kMaxAccessRanges = 32;

// Entries [begin, end) that somebody got, or began to get: then `end` is `begin`.
struct EntrySpan {
  uint64_t begin = 0;
  uint64_t end = 0;
};

enum class AccessPhase {
  kRead,    // an answer with payloads
  kQuery,   // an answer that tells which entries are somebody's; the range was looked through
  kOpened,  // a stream of them begins
  kGoesOn,  // what an open one gave up to now
  kEnded    // what it gave in all
};

// What is common to all of them.
struct AccessEventBase {
  std::string event_id;  // fresh
  std::string origin;    // of the ledger that is read
  uint64_t now_us = 0;
};

struct ReadEventInput {
  std::string principal;
  std::string method;
  std::string ledger;  // "ledgers/main"
  AccessPhase phase = AccessPhase::kRead;
  std::vector<EntrySpan> ranges;  // at most kMaxAccessRanges
};
v1::AuditEvent ReadEvent(const AccessEventBase& base, const ReadEventInput& input);

struct RefusalEventInput {
  std::string principal;  // empty: of many, or nobody that was known
  std::string method;     // empty: several
  bool authenticated = true;
  uint64_t count = 0;
  uint64_t first_us = 0;  // when the first of them was
};
v1::AuditEvent RefusalEvent(const AccessEventBase& base, const RefusalEventInput& input);

// A change of who may do what (110136) or of a key (110129), which stands in the log by itself too:
// as an event those find it who read events.
enum class SecurityChange { kAccessPolicy, kSigningKey, kWrappingKey };
struct ChangeEventInput {
  SecurityChange change = SecurityChange::kAccessPolicy;
  std::string what;       // "access_policy sha256:...", "entries/7"; nothing personal
  std::string principal;  // who asked for it; empty: nobody by a call, the ledger found it
};
v1::AuditEvent ChangeEvent(const AccessEventBase& base, const ChangeEventInput& input);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_ACCESS_EVENT_H_
