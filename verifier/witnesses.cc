#include "verifier/witnesses.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/cosignature.h"
#include "merkle/policy.h"
#include "verifier/entry_check.h"

namespace auditledger {
namespace {

constexpr uint64_t kMicrosPerSecond = 1'000'000;
// Beyond what a time in microseconds can hold.
constexpr uint64_t kLastSecond = UINT64_MAX / kMicrosPerSecond;

std::string TimeText(uint64_t seconds) {
  return seconds > kLastSecond ? absl::StrCat(seconds, " s")
                               : FormatMicros(seconds * kMicrosPerSecond);
}

}  // namespace

void CheckWitnesses(const SignedCheckpoint& head, const Pin& pin, Verdict& verdict) {
  if (!pin.policy) return;
  const Policy& policy = *pin.policy;
  WitnessReport report;
  report.survives = policy.DishonestWitnessesSurvived();
  report.computed = policy.ExplainSurvived();
  if (report.survives < 1 && !pin.allow_weak_policy) {
    verdict.Refuse(absl::StrCat("the policy survives no dishonest witness (", report.computed,
                                "): --allow-weak-policy accepts that"));
  }
  const absl::StatusOr<std::vector<Cosignature>> cosignatures =
      VerifyCosignatures(head.note, policy.WitnessKeys());
  if (!cosignatures.ok()) {
    verdict.Refuse(absl::StrCat("witnesses: ", cosignatures.status().message()));
    verdict.witnesses = std::move(report);
    return;
  }
  for (const Cosignature& cosignature : *cosignatures) {
    report.by.push_back({PrintablePolicyName(policy.witnesses()[cosignature.key].name),
                         TimeText(cosignature.timestamp)});
  }
  const absl::Status quorum = policy.CheckQuorum(CosigningKeys(*cosignatures));
  if (!quorum.ok()) verdict.Refuse(absl::StrCat("witnesses: ", quorum.message()));
  report.met = quorum.ok() && !policy.asks_for_no_witness();
  if (report.met) {
    verdict.proven.push_back(
        absl::StrCat("witnessed by ",
                     absl::StrJoin(report.by, ", ",
                                   [](std::string* out, const WitnessReport::Cosigner& cosigner) {
                                     absl::StrAppend(out, cosigner.name, " (", cosigner.time, ")");
                                   }),
                     ", as the policy asks: ", report.computed));
  }
  verdict.witnesses = std::move(report);
}

std::vector<std::string> CosignersOfBoth(absl::string_view note, absl::string_view other,
                                         const Pin& pin) {
  if (!pin.policy) return {};
  const std::vector<NoteVerifier> keys = pin.policy->WitnessKeys();
  const absl::StatusOr<std::vector<Cosignature>> a = VerifyCosignatures(note, keys);
  const absl::StatusOr<std::vector<Cosignature>> b = VerifyCosignatures(other, keys);
  if (!a.ok() || !b.ok()) return {};
  std::vector<std::string> names;
  for (const Cosignature& in_a : *a) {
    const bool in_both = std::any_of(b->begin(), b->end(),
                                     [&](const Cosignature& in_b) { return in_b.key == in_a.key; });
    if (in_both) names.push_back(PrintablePolicyName(pin.policy->witnesses()[in_a.key].name));
  }
  return names;
}

}  // namespace auditledger
