// The events a load generator sends: distinct, numbered in their streams, and cheap to make, so
// that the measure is the server's and not the generator's.
//
// A few events are built as messages once: accesses to a patient's record, short (from 300 bytes),
// or with all that a record system with FHIR AuditEvents reports (from 1,200 bytes), of several
// patients and members of staff, so that tags differ. One of them is then spelled with its own
// event id, stream and sequence number by putting bytes together, in the canonical encoding that
// the ledger stores (protobuf's order of fields): CheckReceipt needs exactly these bytes.
//
//   ASSIGN_OR_RETURN(const LoadEvents events, LoadEvents::Make({.event_bytes = 1200, .run = now}));
//   events.AppendEvent(request, /*stream=*/3, /*sequence=*/1);   // the same arguments, the same
//   bytes
//
// Thread-safety: const methods by many threads. Errors: InvalidArgument for sizes out of limits.
#ifndef AUDITLEDGER_TOOLS_LOAD_EVENTS_H_
#define AUDITLEDGER_TOOLS_LOAD_EVENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// The shortest an event with patient, agent and source comes to.
inline constexpr size_t kMinLoadEventBytes = 300;
// From here on events have the parts of a FHIR AuditEvent.
inline constexpr size_t kFhirLoadEventBytes = 1200;
// What a generator sends is an ordinary event; the service's limit is 64 KiB.
inline constexpr size_t kMaxLoadEventBytes = 4096;

class LoadEvents {
 public:
  struct Options {
    size_t event_bytes = 1200;  // of each event, give or take the digits of its number
    uint64_t run = 0;           // makes ids and streams of one run distinct from another's
    int64_t recorded_unix_s = 0;
    bool witnessed = false;  // requests ask for WITNESSED
  };
  static absl::StatusOr<LoadEvents> Make(const Options& options);

  // Appends the AuditEvent. REQUIRES: sequence >= 1.
  void AppendEvent(std::string& out, uint32_t stream, uint64_t sequence) const;
  // Appends an AppendEventRequest, as field `field` of a message around it, or bare for 0.
  void AppendRequest(std::string& out, uint32_t field, absl::string_view ledger, uint32_t stream,
                     uint64_t sequence) const;

 private:
  // An event's encoding, cut where its own values go.
  struct Template {
    std::string before_source;  // after the event id
    std::string source;         // before the stream id
    std::string after_source;
  };
  LoadEvents() = default;
  uint64_t run_ = 0;
  bool witnessed_ = false;
  std::vector<Template> templates_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_LOAD_EVENTS_H_
