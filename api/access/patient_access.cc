#include "api/access/patient_access.h"

#include "absl/strings/str_cat.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kField[] = "capability";

absl::Status Refuse(absl::string_view reason, absl::string_view why) {
  return WithReason(absl::PermissionDeniedError(absl::StrCat("capability: ", why)), reason);
}

// What a key that counts has signed.
absl::StatusOr<std::string> SignedText(absl::string_view note,
                                       absl::Span<const NoteVerifier> keys) {
  if (note.empty()) return InvalidField(kField, "is required and missing");
  if (note.size() > kMaxPatientCapabilityBytes) {
    return InvalidField(
        kField, absl::StrCat("has ", note.size(), " bytes, at most ", kMaxPatientCapabilityBytes));
  }
  absl::StatusOr<VerifiedNote> opened = OpenNote(note, keys);
  if (opened.ok()) return std::move(opened->text);
  if (absl::IsUnauthenticated(opened.status())) {
    return Refuse(kReasonCapabilityUnknownKey,
                  "no key that the access policy names for this ledger has signed it");
  }
  if (absl::IsDataLoss(opened.status())) {
    return Refuse(kReasonCapabilityBadSignature, "its signature is not its key's");
  }
  return InvalidField(kField, "must be a signed note, as `auditctl patient-capability` writes it");
}

}  // namespace

absl::StatusOr<PatientCapability> CheckPatientCapability(absl::string_view note,
                                                         const CapabilityUse& use) {
  ASSIGN_OR_RETURN(const std::string text, SignedText(note, use.keys));
  absl::StatusOr<PatientCapability> read = ParsePatientCapability(text);
  if (!read.ok()) return InvalidField(kField, read.status().message());
  if (read->origin != use.origin) {
    return Refuse(kReasonCapabilityOtherLedger, "is for another ledger");
  }
  if (read->holder != use.principal) {
    return Refuse(kReasonCapabilityNotYours, "names another holder than who calls");
  }
  if (read->expires_s <= use.now_s) {
    return Refuse(kReasonCapabilityExpired, "has expired: ask for a new one");
  }
  if (read->expires_s - use.now_s > kMaxCapabilitySeconds) {
    return Refuse(kReasonCapabilityTooLong,
                  absl::StrCat("is for more than ", kMaxCapabilitySeconds / 86'400,
                               " days from now: ask for a shorter one"));
  }
  return read;
}

}  // namespace auditledger
