// The rules over any event protobuf accepts: they end, they keep their caps, and they agree with
// themselves.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/event_rules.h"
#include "api/field_scan.h"
#include "api/field_walk.h"
#include "api/limits.h"
#include "google/protobuf/stubs/logging.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const silence = new google::protobuf::LogSilencer;
  (void)silence;
  using namespace auditledger;
  v1::AuditEvent event;
  if (!event.ParseFromArray(data, static_cast<int>(size))) return 0;
  constexpr uint64_t kNow = 1'800'000'000'000'000;
  const std::string bytes = event.SerializeAsString();
  const EventVerdict first = CheckEvent(event, bytes, 65536, kNow, "event");
  if (first.violations.size() > kMaxViolations) std::abort();
  if (first.violations.empty() != first.status().ok()) std::abort();
  // What was serialised once is judged the same again.
  v1::AuditEvent again;
  if (!again.ParseFromString(bytes)) std::abort();
  const EventVerdict second = CheckEvent(again, bytes, 65536, kNow, "event");
  if (first.flags != second.flags || first.violations.size() != second.violations.size())
    std::abort();
  // The scan that skips the walk may only skip it where it finds nothing.
  if (HasNothingToReport(bytes)) {
    const WalkFindings walk = WalkFields(event, "event");
    if (!walk.violations.empty() || walk.unknown_fields || walk.unknown_enum) std::abort();
  }
  return 0;
}
