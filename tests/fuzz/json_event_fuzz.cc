// Events in protobuf JSON, alone and as a stream of lines: what is read prints and reads again as
// the same bytes; the reader ends, and every error names its place.
#include <cstddef>
#include <cstdint>
#include <sstream>

#include "absl/strings/match.h"
#include "tests/fuzz/fuzz_check.h"
#include "tools/event_reader.h"
#include "tools/json_event.h"

using namespace auditledger;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = FuzzInput(data, size);
  if (const auto event = AuditEventFromJson(text); event.ok()) {
    const auto printed = JsonFromAuditEvent(*event, /*indented=*/false);
    if (printed.ok()) {
      const auto again = AuditEventFromJson(*printed);
      // Printing spells bytes in base64 and may pass the reader's limit.
      if (again.ok()) FUZZ_CHECK(again->SerializeAsString() == event->SerializeAsString());
    }
  }
  for (const EventFormat format : {EventFormat::kAuto, EventFormat::kJsonLines}) {
    std::istringstream input{std::string(text)};
    EventReader reader(input, "in", format);
    for (size_t calls = 0;; ++calls) {
      FUZZ_CHECK(calls <= size + 1);
      const auto event = reader.Next();
      if (!event.ok()) FUZZ_CHECK(absl::StartsWith(event.status().message(), "in:"));
      if (event.ok() && !event->has_value()) break;
    }
  }
  return 0;
}
