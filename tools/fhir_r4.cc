#include "tools/fhir_r4.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/units.h"
#include "tools/fhir_r4_typed.h"
#include "tools/strict_json.h"

namespace auditledger {
namespace {

using nlohmann::json;

// RFC 9562 version 8 (made by the application) from the first 16 bytes of the digest.
std::string UuidOf(const Hash& digest) {
  std::string bytes(digest.view().substr(0, 16));
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x80);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string hex = absl::BytesToHexString(bytes);
  for (const size_t dash : {8, 13, 18, 23}) hex.insert(dash, "-");
  return hex;
}

const v1::Extension* FindResidual(const v1::AuditEvent& event) {
  const auto found = std::find_if(
      event.extension().rbegin(), event.extension().rend(),
      [](const v1::Extension& extension) { return extension.url() == kFhirR4ResidualUrl; });
  return found == event.extension().rend() ? nullptr : &*found;
}

// Only what json::diff writes. "copy" is not among it: 60 of them in a row would fill any memory.
absl::Status CheckPatch(const json& patch) {
  if (!patch.is_array()) return absl::InvalidArgumentError("FHIR residual: not a JSON patch");
  for (const json& step : patch) {
    const bool has_op = step.is_object() && step.contains("op");
    if (!has_op || (step["op"] != "add" && step["op"] != "remove" && step["op"] != "replace")) {
      return absl::InvalidArgumentError("FHIR residual: a step that is not add, remove or replace");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<json> ApplyResidual(json typed, absl::string_view residual) {
  ASSIGN_OR_RETURN(const json patch, ParseStrictJson(residual, JsonLimits{}));
  RETURN_IF_ERROR(CheckPatch(patch));
  try {  // the library reports a patch that does not fit by throwing
    typed.patch_inplace(patch);
  } catch (const json::exception&) {
    return absl::InvalidArgumentError("FHIR residual: does not fit the event it stands in");
  }
  return typed;
}

absl::Status AddResidual(const json& original, v1::AuditEvent& event) {
  const json patch = json::diff(fhir::WriteTyped(event), original);
  if (patch.empty()) return absl::OkStatus();
  std::string residual = FormatJson(patch);
  if (residual.size() > kMaxFhirResidualBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "AuditEvent: ", residual.size(), " bytes have no typed field; at most ",
        kMaxFhirResidualBytes, ". Send it without its narrative (text) or contained resources"));
  }
  v1::Extension& extension = *event.add_extension();
  extension.set_url(std::string(kFhirR4ResidualUrl));
  extension.set_fhir_json(std::move(residual));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::AuditEvent> AuditEventFromFhirR4(absl::string_view text) {
  ASSIGN_OR_RETURN(const json original, ParseStrictJson(text, JsonLimits{}));
  if (!original.is_object() || !original.contains("resourceType") ||
      original["resourceType"] != "AuditEvent") {
    return absl::InvalidArgumentError("resourceType: not a FHIR AuditEvent");
  }
  v1::AuditEvent event = fhir::ReadTyped(original);
  if (!event.has_recorded()) {
    return absl::InvalidArgumentError(
        "AuditEvent.recorded: not an instant such as 2015-08-22T23:42:24Z");
  }
  const Hash digest = Sha256({text});
  if (event.event_id().empty()) event.set_event_id(UuidOf(digest));
  RETURN_IF_ERROR(AddResidual(original, event));
  v1::OriginalRecord& record = *event.mutable_original();
  record.set_format(std::string(kFhirR4Format));
  record.set_format_version("4.0.1");
  record.set_sha256(std::string(digest.view()));
  record.set_size(text.size());
  if (event.ByteSizeLong() > kMaxEventBytes) {
    return absl::InvalidArgumentError(absl::StrCat("AuditEvent: ", event.ByteSizeLong(),
                                                   " bytes as an event; at most ", kMaxEventBytes));
  }
  ASSIGN_OR_RETURN(const json back, FhirR4FromAuditEvent(event));
  if (back != original) return absl::InternalError("AuditEvent: would not map back as it is");
  return event;
}

absl::StatusOr<json> FhirR4FromAuditEvent(const v1::AuditEvent& event) {
  json typed = fhir::WriteTyped(event);
  const v1::Extension* residual = FindResidual(event);
  if (residual == nullptr) return typed;
  return ApplyResidual(std::move(typed), residual->fhir_json());
}

size_t FhirR4ResidualBytes(const v1::AuditEvent& event) {
  const v1::Extension* residual = FindResidual(event);
  return residual == nullptr ? 0 : residual->fhir_json().size();
}

}  // namespace auditledger
