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
  absl::string_view line;
  const auto next = [&] { return TakeLine("capability", rest, line); };
  RETURN_IF_ERROR(next());
  if (line != kTitle) return Bad("is none of this version");
  RETURN_IF_ERROR(next());
  if (!IsName(line)) return Bad("the origin must be printable ASCII without spaces");
  out.origin = std::string(line);
  RETURN_IF_ERROR(next());
  if (!IsName(line)) return Bad("the holder must be printable ASCII without spaces");
  out.holder = std::string(line);
  RETURN_IF_ERROR(next());
  RETURN_IF_ERROR(ReadPatient(line, out));
  RETURN_IF_ERROR(next());
  ASSIGN_OR_RETURN(out.expires_s, ParseDecimal("capability expiry", line));
  RETURN_IF_ERROR(next());
  if (line != kLeaves && line != kPayloads) return Bad("must end with leaves or payloads");
  out.payloads = line == kPayloads;
  if (!rest.empty()) return Bad("there is more behind its end");
  return out;
}

}  // namespace auditledger
