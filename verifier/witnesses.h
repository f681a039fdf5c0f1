// Whether enough witnesses cosigned a head, by the policy that the user pinned.
//
// Thread-safety: functions without state; CheckWitnesses reads the wall clock.
#ifndef AUDITLEDGER_VERIFIER_WITNESSES_H_
#define AUDITLEDGER_VERIFIER_WITNESSES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "verifier/pins.h"
#include "verifier/verdict.h"

namespace auditledger {

// Judges a head whose log signature was checked, and writes what it finds into the verdict: refused
// when the quorum is not met (saying who is missing), when a witness's line is wrong, or when the
// policy survives no dishonest witness and the pin does not allow that. How old the newest
// cosignature is, by this machine's clock, is left to the reader: any time counts. Without a
// policy: nothing.
void CheckWitnesses(const SignedCheckpoint& head, const Pin& pin, Verdict& verdict);

// "3 days ago": in whole days, hours or minutes, whichever is the first to reach 2.
std::string AgeText(uint64_t seconds, uint64_t now_seconds);

// When a witness says that it cosigned: RFC 3339, or "N s" beyond what that can say.
std::string CosignedAtText(uint64_t seconds);

// The witnesses that cosigned `larger`, a head, and by their own dates later the smaller one
// `note`. Empty without a policy. REQUIRES: both are heads of the pinned log, of these sizes.
std::vector<std::string> WitnessesGoneBack(absl::string_view larger, absl::string_view note,
                                           const Pin& pin);

// The witnesses of the pin's policy whose cosignatures both notes carry: of a fork, those who broke
// their one promise. Empty without a policy.
std::vector<std::string> CosignersOfBoth(absl::string_view note, absl::string_view other,
                                         const Pin& pin);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_WITNESSES_H_
