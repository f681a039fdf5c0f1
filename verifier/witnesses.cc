#include "verifier/witnesses.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "merkle/cosignature.h"
#include "merkle/policy.h"
#include "verifier/entry_check.h"

namespace auditledger {
namespace {

constexpr uint64_t kMicrosPerSecond = 1'000'000;
// Beyond what a time in microseconds can hold.
constexpr uint64_t kLastSecond = UINT64_MAX / kMicrosPerSecond;

// Of the pin's policy, those who cosigned both and for whose two cosignatures `counts` holds.
template <typename Counts>
std::vector<std::string> CosignersOf(absl::string_view note, absl::string_view other,
                                     const Pin& pin, const Counts& counts) {
  if (!pin.policy) return {};
  const std::vector<NoteVerifier> keys = pin.policy->WitnessKeys();
  const absl::StatusOr<std::vector<Cosignature>> a = VerifyCosignatures(note, keys);
  const absl::StatusOr<std::vector<Cosignature>> b = VerifyCosignatures(other, keys);
  if (!a.ok() || !b.ok()) return {};
  std::vector<std::string> names;
  for (const Cosignature& in_a : *a) {
    const bool found = std::any_of(b->begin(), b->end(), [&](const Cosignature& in_b) {
      return in_b.key == in_a.key && counts(in_a, in_b);
    });
    if (found) names.push_back(PrintablePolicyName(pin.policy->witnesses()[in_a.key].name));
  }
  return names;
}

}  // namespace

std::string CosignedAtText(uint64_t seconds) {
  return seconds > kLastSecond ? absl::StrCat(seconds, " s")
                               : FormatMicros(seconds * kMicrosPerSecond);
}

std::string AgeText(uint64_t seconds, uint64_t now_seconds) {
  constexpr uint64_t kMinute = 60;
  constexpr uint64_t kHour = 60 * kMinute;
  constexpr uint64_t kDay = 24 * kHour;
  if (seconds > now_seconds) return "ahead of this machine's clock";
  const uint64_t age = now_seconds - seconds;
  if (age >= 2 * kDay) return absl::StrCat(age / kDay, " days ago");
  if (age >= 2 * kHour) return absl::StrCat(age / kHour, " hours ago");
  return absl::StrCat(age / kMinute, " minutes ago");
}

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
  uint64_t newest = 0;
  for (const Cosignature& cosignature : *cosignatures) {
    newest = std::max(newest, cosignature.timestamp);
    report.by.push_back({PrintablePolicyName(policy.witnesses()[cosignature.key].name),
                         CosignedAtText(cosignature.timestamp)});
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
    verdict.not_proven.push_back(
        absl::StrCat("that the log has no newer head: the newest of these cosignatures says ",
                     CosignedAtText(newest), ", ",
                     AgeText(newest, static_cast<uint64_t>(absl::ToUnixSeconds(absl::Now())))));
  }
  verdict.witnesses = std::move(report);
}

std::vector<std::string> CosignersOfBoth(absl::string_view note, absl::string_view other,
                                         const Pin& pin) {
  return CosignersOf(note, other, pin, [](const Cosignature&, const Cosignature&) { return true; });
}

std::vector<std::string> WitnessesGoneBack(absl::string_view larger, absl::string_view note,
                                           const Pin& pin) {
  return CosignersOf(larger, note, pin, [](const Cosignature& earlier, const Cosignature& later) {
    return later.timestamp > earlier.timestamp;
  });
}

}  // namespace auditledger
