// FHIR JSON: what is accepted maps back to equal JSON through stored bytes. And any event whatever,
// hostile residuals included, maps to JSON or is refused.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzz_check.h"
#include "tools/fhir_r4.h"
#include "tools/strict_json.h"

using namespace auditledger;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = FuzzInput(data, size);
  const auto event = AuditEventFromFhirR4(text);
  if (event.ok()) {
    v1::AuditEvent stored;
    FUZZ_CHECK(stored.ParseFromString(event->SerializeAsString()));
    const auto back = FhirR4FromAuditEvent(stored);
    FUZZ_CHECK(back.ok());
    const auto original = ParseStrictJson(text, JsonLimits{});
    const auto printed = ParseStrictJson(FormatJson(*back), JsonLimits{.max_bytes = 1 << 20});
    FUZZ_CHECK(original.ok() && printed.ok() && *original == *printed);
  } else {
    FUZZ_CHECK(event.status().code() == absl::StatusCode::kInvalidArgument);
  }
  v1::AuditEvent any;
  if (any.ParseFromArray(data, static_cast<int>(size))) {
    const auto json = FhirR4FromAuditEvent(any);
    FUZZ_CHECK(json.ok() || json.status().code() == absl::StatusCode::kInvalidArgument);
    if (json.ok()) FormatJson(*json);
  }
  v1::AuditEvent hostile;
  v1::Extension& residual = *hostile.add_extension();
  residual.set_url(std::string(kFhirR4ResidualUrl));
  residual.set_fhir_json(std::string(text));
  if (const auto json = FhirR4FromAuditEvent(hostile); json.ok()) FormatJson(*json);
  return 0;
}
