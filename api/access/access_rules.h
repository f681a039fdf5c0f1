// An access policy that was read and found sound: which principal has which role for which ledgers,
// until when. The text is auditledger.config.v1.AccessPolicy; api/README.md, "Roles", explains it.
//
// Example:
//   ASSIGN_OR_RETURN(const auto rules, AccessRules::Load("/etc/auditledger/access.policy"));
//   for (const AccessGrant& grant : rules->GrantsOf("spiffe://hospital.example/ehr")) ...
//
// Strict: what is unknown, doubtful or said twice is refused, and with it the whole policy.
// A grant that has expired is none, but no fault either: a server must be able to start on the day
// after.
// Thread-safety: immutable.
// Errors: InvalidArgument "FILE:LINE: what is wrong and how to mend it", never the value found.
#ifndef AUDITLEDGER_API_ACCESS_ACCESS_RULES_H_
#define AUDITLEDGER_API_ACCESS_ACCESS_RULES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "api/access/permissions.h"
#include "merkle/hash.h"
#include "merkle/note.h"

namespace auditledger {

// A hospital has some thousand systems and readers; more is a list made by mistake.
inline constexpr size_t kMaxGrants = 10'000;
inline constexpr size_t kMaxAccessPolicyBytes = 4 << 20;  // so many grants of 400 bytes
// Of one grant. Every append of an emitter is compared with its prefixes.
inline constexpr size_t kMaxGrantLedgers = 100;
inline constexpr size_t kMaxGrantStreams = 100;
// Of all grants, each ledger counted with each stream: some 20 MiB while a policy is read.
inline constexpr size_t kMaxPolicyRights = 100'000;
// Privacy offices, and the keys that they change. Each call of a patient may try them all.
inline constexpr size_t kMaxPatientKeys = 16;
inline constexpr size_t kMaxReasonBytes = 1024;  // a sentence or two, with a ticket's number

struct AccessGrant {
  Role role = config::v1::ROLE_UNSPECIFIED;
  bool all_ledgers = false;
  std::vector<std::string> ledgers;          // ids
  std::vector<std::string> stream_prefixes;  // empty: all
  uint64_t expires_us = 0;                   // Unix time

  bool Covers(absl::string_view ledger_id) const;
  bool CoversStream(absl::string_view stream_id) const;
};

// Whose capabilities count (patient_access.h).
struct PatientKey {
  NoteVerifier key;
  bool all_ledgers = false;
  std::vector<std::string> ledgers;  // ids
  uint64_t expires_us = 0;           // Unix time

  bool Covers(absl::string_view ledger_id) const;
};

class AccessRules {
 public:
  // `file` names it in errors.
  static absl::StatusOr<std::shared_ptr<const AccessRules>> Parse(const std::string& text,
                                                                  absl::string_view file);
  // InvalidArgument also when it cannot be read or is over kMaxAccessPolicyBytes.
  static absl::StatusOr<std::shared_ptr<const AccessRules>> Load(const std::string& path);
  static absl::StatusOr<std::string> ReadText(const std::string& path);

  absl::Span<const AccessGrant> GrantsOf(absl::string_view principal) const;
  size_t size() const { return size_; }
  // When the first of the grants that are in force at `now_us` ends; 0 when none is.
  uint64_t NextExpiry(uint64_t now_us) const;
  size_t InForce(uint64_t now_us) const;
  // Those in force for that ledger.
  std::vector<NoteVerifier> PatientKeysOf(absl::string_view ledger_id, uint64_t now_us) const;
  const Hash& digest() const { return digest_; }  // SHA-256 of the text

 private:
  AccessRules() = default;
  absl::flat_hash_map<std::string, std::vector<AccessGrant>> by_principal_;
  std::vector<PatientKey> patient_keys_;
  size_t size_ = 0;
  Hash digest_;
};

// "2027-01-31T00:00:00Z", "2027-01-31T01:00:00.5+01:00": Unix microseconds. InvalidArgument.
absl::StatusOr<uint64_t> ParseRfc3339(absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_ACCESS_RULES_H_
