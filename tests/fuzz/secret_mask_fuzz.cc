// Masking changes bytes to '*' and nothing else, leaves a message a message, and what it has masked
// it does not mask again. The input is taken as a serialized event, and as a native record in one.
#include <cstdint>
#include <string>

#include "api/secret_mask.h"
#include "auditledger/v1/event.pb.h"
#include "tests/fuzz/fuzz_check.h"

namespace auditledger {
namespace {

void Check(const std::string& bytes) {
  const std::optional<MaskedEvent> masked = MaskSecrets(bytes);
  if (!masked.has_value()) return;
  FUZZ_CHECK(masked->event.size() == bytes.size() && !masked->fields.empty());
  for (size_t i = 0; i < bytes.size(); ++i) {
    FUZZ_CHECK(masked->event[i] == bytes[i] || masked->event[i] == '*');
  }
}

}  // namespace
}  // namespace auditledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  auditledger::Check(input);
  auditledger::v1::AuditEvent event;
  event.set_event_id("e");
  event.mutable_original()->set_content(input);
  const std::string bytes = event.SerializeAsString();
  auditledger::Check(bytes);
  const auto masked = auditledger::MaskSecrets(bytes);
  FUZZ_CHECK(!masked.has_value() || event.ParseFromString(masked->event));
  return 0;
}
