// The events that an emitter reports of itself, in the stream of what it emits, so that silence and
// gaps have a meaning:
//
//   recording started, stopped   DICOM 110113 Security Alert, 110134 and 110133 (PS3.16)
//   outage                       110113, 110133 and urn:auditledger:emitter|outage: from when to
//   when
//                                events were not taken, how many (entity.record_count) and why
//   heartbeat                    110100 Application Activity, urn:auditledger:emitter|heartbeat;
//   its
//                                own sequence says how many events there were before it, so that
//                                the ledger sees what is missing though nothing else comes
//
// Example: v1::AuditEvent event = OutageEvent(source, {from_us, to_us, 12, "the disk was full"});
// Thread-safety: pure functions. Id, stream and sequence are the spool's to fill in.
#ifndef AUDITLEDGER_API_CLIENT_EMITTER_EVENTS_H_
#define AUDITLEDGER_API_CLIENT_EMITTER_EVENTS_H_

#include <cstdint>
#include <string>

#include "auditledger/v1/event.pb.h"

namespace auditledger {

struct EmitterOutage {
  uint64_t from_us = 0;  // Unix time
  uint64_t to_us = 0;
  uint64_t events = 0;  // that were not taken; 0: not known
  std::string reason;   // no personal data; cut to what an event's description holds
};

// `source.observer` stands for the emitter.
v1::AuditEvent RecordingStartedEvent(const v1::Source& source, uint64_t now_us);
v1::AuditEvent RecordingStoppedEvent(const v1::Source& source, uint64_t now_us);
v1::AuditEvent OutageEvent(const v1::Source& source, uint64_t now_us, const EmitterOutage& outage);
v1::AuditEvent HeartbeatEvent(const v1::Source& source, uint64_t now_us);

// `us` of Unix time, in UTC.
void SetEventTime(uint64_t us, v1::Time& out);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_EMITTER_EVENTS_H_
