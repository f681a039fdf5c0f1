// A patient's capability: who holds it may read what one log has about one patient, until it
// expires. Signed offline, as a C2SP signed note (note.h), by a key that the server's access policy
// names; its text is
//
//   auditledger/patient-capability/v1 LF
//   ORIGIN LF                              of the log
//   PRINCIPAL LF                           who may use it: no other caller can
//   base64(system) SP base64(id) LF        the patient, as events have it; system "" for a
//   reference EXPIRES LF                             Unix seconds: from then on it is worth nothing
//   leaves LF  or  payloads LF             when something was recorded, or what
//
// Example:
//   ASSIGN_OR_RETURN(const VerifiedNote note, OpenNote(text, keys));
//   ASSIGN_OR_RETURN(const PatientCapability c, ParsePatientCapability(note.text));
//
// Strict: what parses formats back to the same bytes.
// Thread-safety: values and pure functions. Errors: InvalidArgument naming the part, never its
// content: it names a patient.
#ifndef AUDITLEDGER_MERKLE_PATIENT_CAPABILITY_H_
#define AUDITLEDGER_MERKLE_PATIENT_CAPABILITY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// The longest identifier an event can have, base64, an origin, a principal and a signature.
inline constexpr size_t kMaxPatientCapabilityBytes = 4096;

struct PatientCapability {
  std::string origin;
  std::string holder;
  std::string system;
  std::string id;
  uint64_t expires_s = 0;
  bool payloads = false;
  friend bool operator==(const PatientCapability&, const PatientCapability&) = default;
};

// What is signed. InvalidArgument for what would not parse.
absl::StatusOr<std::string> FormatPatientCapability(const PatientCapability& capability);
absl::StatusOr<PatientCapability> ParsePatientCapability(absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_PATIENT_CAPABILITY_H_
