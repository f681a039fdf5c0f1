// One entry of an evidence bundle as a report reads it: the event as far as it is shown, and which
// of its parts are withheld.
//
// Example:
//   ForEachEntry(bundle, [&](const BundleEntry& entry) {
//     const absl::StatusOr<ReportEvent> event = ReadReportEvent(entry);
//     ...
//   });
//
// Thread-safety: values and pure functions.
// Errors: InvalidArgument for parts that are no event; the ledger seals none.
#ifndef AUDITLEDGER_TOOLS_REPORT_EVENT_H_
#define AUDITLEDGER_TOOLS_REPORT_EVENT_H_

#include <cstdint>
#include <map>
#include <optional>

#include "absl/status/statusor.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/header.h"
#include "merkle/units.h"
#include "verifier/bundle_entry.h"

namespace auditledger {

struct ReportEvent {
  uint64_t index = 0;
  uint64_t recorded_at_us = 0;        // by the ledger's clock
  std::optional<EntryHeader> header;  // as the ledger received it; unless it is withheld
  // Withheld elements of patient, agent and entity are empty here and keep their places.
  v1::AuditEvent event;
  std::map<UnitPath, uint8_t> withheld;  // and the rule of the bundle's scope that says so

  bool Hides(uint32_t field, uint32_t occurrence = 0, uint32_t subfield = 0) const {
    return withheld.contains({field, occurrence, subfield});
  }
};

// REQUIRES: `entry` is opened, and what it shows was verified.
absl::StatusOr<ReportEvent> ReadReportEvent(const BundleEntry& entry);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_REPORT_EVENT_H_
