#include "merkle/patient_capability.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "merkle/base64.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

constexpr absl::string_view kTitle = "auditledger/patient-capability/v1";
constexpr absl::string_view kLeaves = "leaves";
constexpr absl::string_view kPayloads = "payloads";

absl::Status Bad(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("capability: ", why));
}

// Principals and origins are never wider.
bool IsName(absl::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string Format(const PatientCapability& capability) {
  return absl::StrCat(kTitle, "\n", capability.origin, "\n", capability.holder, "\n",
                      EncodeBase64(capability.system), " ", EncodeBase64(capability.id), "\n",
                      capability.expires_s, "\n", capability.payloads ? kPayloads : kLeaves, "\n");
}

absl::Status ReadPatient(absl::string_view line, PatientCapability& out) {
  const size_t space = line.find(' ');
  if (space == absl::string_view::npos) return Bad("the patient must be a system and an id");
  ASSIGN_OR_RETURN(out.system, DecodeBase64("capability system", line.substr(0, space)));
  ASSIGN_OR_RETURN(out.id, DecodeBase64("capability id", line.substr(space + 1)));
  return out.id.empty() ? Bad("the patient's id is missing") : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> FormatPatientCapability(const PatientCapability& capability) {
  std::string text = Format(capability);
  RETURN_IF_ERROR(ParsePatientCapability(text).status());
  return text;
}

absl::StatusOr<PatientCapability> ParsePatientCapability(absl::string_view text) {
  if (text.size() > kMaxPatientCapabilityBytes) {
    return Bad(absl::StrCat("over ", kMaxPatientCapabilityBytes, " bytes"));
  }
  PatientCapability out;
  absl::string_view rest = text;
  absl::string_view title, origin, holder, patient, expires, what;
  for (absl::string_view* const line : {&title, &origin, &holder, &patient, &expires, &what}) {
    RETURN_IF_ERROR(TakeLine("capability", rest, *line));
  }
  if (title != kTitle) return Bad("is none of this version");
  if (!IsName(origin)) return Bad("the origin must be printable ASCII without spaces");
  if (!IsName(holder)) return Bad("the holder must be printable ASCII without spaces");
  if (what != kLeaves && what != kPayloads) return Bad("must end with leaves or payloads");
  out.origin = std::string(origin);
  out.holder = std::string(holder);
  RETURN_IF_ERROR(ReadPatient(patient, out));
  ASSIGN_OR_RETURN(out.expires_s, ParseDecimal("capability expiry", expires));
  out.payloads = what == kPayloads;
  if (!rest.empty()) return Bad("there is more behind its end");
  return out;
}

}  // namespace auditledger
