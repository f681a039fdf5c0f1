#include "api/access/permissions.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace auditledger {
namespace {

using config::v1::ROLE_AUDITOR;
using config::v1::ROLE_EMITTER;
using config::v1::ROLE_KEY_CUSTODIAN;
using config::v1::ROLE_OPERATOR;
using config::v1::ROLE_PATIENT;
using config::v1::ROLE_PRIVACY_OFFICER;
using config::v1::ROLE_PROVER;

constexpr Role kRoles[] = {ROLE_EMITTER, ROLE_PROVER,   ROLE_AUDITOR,      ROLE_PRIVACY_OFFICER,
                           ROLE_PATIENT, ROLE_OPERATOR, ROLE_KEY_CUSTODIAN};

constexpr RoleSet kEmitters{ROLE_EMITTER};
constexpr RoleSet kReaders{ROLE_PROVER, ROLE_AUDITOR, ROLE_PRIVACY_OFFICER};
constexpr RoleSet kContentReaders{ROLE_AUDITOR, ROLE_PRIVACY_OFFICER};
// An operator needs them to prove that a backup leads to the served head.
constexpr RoleSet kProofReaders{ROLE_PROVER, ROLE_AUDITOR, ROLE_PRIVACY_OFFICER, ROLE_OPERATOR};
// Which stream of which emitter lacks an event: no patient's data, but who sends what and how much.
constexpr RoleSet kStreamReaders{ROLE_AUDITOR, ROLE_PRIVACY_OFFICER, ROLE_OPERATOR};
// Key and state of a ledger, which whoever works with it needs.
constexpr RoleSet kAllWhoServe{ROLE_EMITTER,         ROLE_PROVER,   ROLE_AUDITOR,
                               ROLE_PRIVACY_OFFICER, ROLE_OPERATOR, ROLE_KEY_CUSTODIAN};
constexpr RoleSet kOperators{ROLE_OPERATOR};
constexpr RoleSet kCustodians{ROLE_KEY_CUSTODIAN};
// One asks, another approves: the ledger sees to that (ledger/eraser.h).
constexpr RoleSet kPrivacyOfficers{ROLE_PRIVACY_OFFICER};
// Only with a capability, which names one patient (patient_access.h).
constexpr RoleSet kPatients{ROLE_PATIENT};

constexpr MethodRule kRules[] = {
    {"LedgerService/AppendEvent", kEmitters, {}},
    {"LedgerService/BatchAppendEvents", kEmitters, {}},
    {"LedgerService/AppendEventStream", kEmitters, {}},
    {"LedgerService/GetEntry", kReaders, kContentReaders},
    {"LedgerService/ListEntries", kReaders, kContentReaders},
    {"LedgerService/TailEntries", kReaders, kContentReaders},
    {"LedgerService/GetCheckpoint", kProofReaders, {}},
    {"LedgerService/WatchCheckpoints", kProofReaders, {}},
    {"LedgerService/GetInclusionProof", kProofReaders, {}},
    {"LedgerService/GetConsistencyProof", kProofReaders, {}},
    {"LedgerService/GetLedger", kAllWhoServe, {}},
    {"LedgerService/ListLedgers", kAllWhoServe, {}, /*any_ledger=*/true},
    {"LedgerService/ListStreams", kStreamReaders, {}},
    {"ProofService/ListTimestamps", kReaders, {}},
    {"ProofService/GetTimeBracket", kReaders, {}},
    {"ProofService/GetCoseReceipt", kReaders, {}},
    {"ErasureService/FindSubject", kPrivacyOfficers, {}},
    {"ErasureService/RequestErasure", kPrivacyOfficers, {}},
    {"ErasureService/ApproveErasure", kPrivacyOfficers, {}},
    {"ErasureService/PlaceLegalHold", kPrivacyOfficers, {}},
    {"ErasureService/LiftLegalHold", kPrivacyOfficers, {}},
    {"PatientService/ListPatientEntries", kPatients, {}},
    {"AdminService/CreateLedger", kOperators, {}},
    {"AdminService/FreezeLedger", kOperators, {}},
    {"AdminService/RotateWrappingKey", kCustodians, {}},
    {"AdminService/GetServerStatus", kOperators, {}, /*any_ledger=*/true},
    {"AdminService/BackupLedger", kOperators, {}},
    {"AdminService/BackupSecrets", kCustodians, {}},
};

absl::string_view Cell(const MethodRule& rule, Role role) {
  if (!rule.roles.Has(role)) return "";
  if (rule.content_roles.Has(role)) return "with payloads";
  return "yes";
}

}  // namespace

absl::Span<const Role> AllRoles() { return kRoles; }

absl::string_view RoleName(Role role) {
  switch (role) {
    case ROLE_EMITTER:
      return "emitter";
    case ROLE_PROVER:
      return "prover";
    case ROLE_AUDITOR:
      return "auditor";
    case ROLE_PRIVACY_OFFICER:
      return "privacy officer";
    case ROLE_PATIENT:
      return "patient";
    case ROLE_OPERATOR:
      return "operator";
    case ROLE_KEY_CUSTODIAN:
      return "key custodian";
    default:
      return "none";
  }
}

std::string RoleSet::Names() const {
  std::vector<absl::string_view> names;
  for (const Role role : kRoles) {
    if (Has(role)) names.push_back(RoleName(role));
  }
  return absl::StrJoin(names, " or ");
}

absl::Span<const MethodRule> AllRules() { return kRules; }

const MethodRule* FindRule(absl::string_view method) {
  const auto* const found =
      std::find_if(std::begin(kRules), std::end(kRules),
                   [method](const MethodRule& rule) { return rule.method == method; });
  return found == std::end(kRules) ? nullptr : found;
}

std::string PermissionsAsMarkdown() {
  std::string out = "| method |";
  for (const Role role : kRoles) absl::StrAppend(&out, " ", RoleName(role), " |");
  absl::StrAppend(&out, "\n|---|---|---|---|---|---|---|---|\n");
  for (const MethodRule& rule : kRules) {
    absl::StrAppend(&out, "| ", rule.method, " |");
    for (const Role role : kRoles) {
      const absl::string_view cell = Cell(rule, role);
      absl::StrAppend(&out, cell.empty() ? "" : " ", cell, " |");
    }
    absl::StrAppend(&out, "\n");
  }
  return out;
}

}  // namespace auditledger
