// The daemon's witness policy: a C2SP tlog-policy file, read and judged before anything serves.
//
// Example:
//   ASSIGN_OR_RETURN(const WitnessPolicy policy, LoadWitnessPolicy("/etc/auditledger/policy",
//                                                                  /*allow_weak=*/false));
//   log.Event("witness_policy", {{"f", policy.policy.ExplainSurvived()}});
//
// Witnesses without a URL are cosigners that nobody can ask; they stay in the policy, and what is
// asked must be able to meet the quorum without them. The same holds of ML-DSA witnesses (0x06),
// whose cosignatures OpenSSL 3.0 cannot check.
//
// Thread-safety: a value and a function. Errors: InvalidArgument that names the file, and the line
// where the text is at fault. Source: c2sp.org/tlog-policy (standards.md 2.7).
#ifndef AUDITLEDGER_API_WITNESS_POLICY_H_
#define AUDITLEDGER_API_WITNESS_POLICY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/ledger.h"
#include "merkle/checkpoint.h"
#include "merkle/policy.h"

namespace auditledger {

// Each has a thread for each ledger: what C2SP tlog-policy asks an implementation to support.
inline constexpr size_t kMaxAskedWitnesses = 32;

struct WitnessPolicy {
  std::string file;
  Policy policy;
  std::vector<size_t> asked;  // indices into policy.witnesses(): those that can be asked
};

// Refused beside what Policy::Parse refuses: a policy under which one dishonest witness is enough
// for a fork (f < 1; `allow_weak` takes it), one that asks for no witness, one whose quorum those
// with a URL cannot meet, a URL that CheckHttpUrl refuses.
absl::StatusOr<WitnessPolicy> LoadWitnessPolicy(const std::string& file, bool allow_weak);

// FailedPrecondition, with the line that is missing, when the policy lists logs and not this key.
absl::Status CheckListsLog(const WitnessPolicy& policy, const NoteVerifier& log_key);

// A head of this log, by a key that is known to be its own at that size: by the changes in the log
// here, or one that the policy lists for its origin beside them, since a copy from before a change
// knows the new key from there alone. Unauthenticated: by no such key. Else as OpenCheckpoint.
absl::StatusOr<SignedCheckpoint> OpenOwnHead(absl::string_view note, const Ledger& ledger,
                                             const WitnessPolicy& policy);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_WITNESS_POLICY_H_
