// Whether a capability lets this caller read about its patient in this ledger, now.
//
// A capability is no bearer's: it names who may use it, so that a copy of it is worth nothing to
// anybody else. Whose signature counts, the access policy says (AccessRules::PatientKeysOf); the
// caller has the role patient besides. Withdrawn are capabilities by their expiry, by their
// holder's grant, and all of one key by that key.
//
// Example:
//   ASSIGN_OR_RETURN(const PatientCapability may,
//                    CheckPatientCapability(request.capability(), {keys, origin, principal,
//                    now_s}));
//   ... entries with the tag of may.system, may.id
//
// Thread-safety: a pure function.
// Errors: InvalidArgument naming the field `capability`; PermissionDenied with one of the reasons
// below. Neither says anything of the patient.
#ifndef AUDITLEDGER_API_ACCESS_PATIENT_ACCESS_H_
#define AUDITLEDGER_API_ACCESS_PATIENT_ACCESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/note.h"
#include "merkle/patient_capability.h"

namespace auditledger {

// A quarter: what is meant for longer is asked for anew, by somebody who looks.
inline constexpr uint64_t kMaxCapabilitySeconds = uint64_t{92} * 24 * 3600;

// Reasons. Public, never renamed.
inline constexpr char kReasonCapabilityUnknownKey[] = "CAPABILITY_UNKNOWN_KEY";
inline constexpr char kReasonCapabilityBadSignature[] = "CAPABILITY_BAD_SIGNATURE";
inline constexpr char kReasonCapabilityOtherLedger[] = "CAPABILITY_OTHER_LEDGER";
inline constexpr char kReasonCapabilityNotYours[] = "CAPABILITY_NOT_YOURS";
inline constexpr char kReasonCapabilityExpired[] = "CAPABILITY_EXPIRED";
inline constexpr char kReasonCapabilityTooLong[] = "CAPABILITY_TOO_LONG";

struct CapabilityUse {
  absl::Span<const NoteVerifier> keys;  // that count for the ledger
  absl::string_view origin;             // the ledger's
  absl::string_view principal;          // who calls
  uint64_t now_s = 0;
};

absl::StatusOr<PatientCapability> CheckPatientCapability(absl::string_view note,
                                                         const CapabilityUse& use);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_PATIENT_ACCESS_H_
