// What a bundle is said to show, claim by claim.
//
// Each claim comes to PASS, FAIL or CANNOT TELL, with a reason in words. The page in web/ says the
// same, word by word, so that a test can hold one against the other.
//
// Thread-safety: plain values.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_CLAIMS_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_CLAIMS_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace auditledger {

// In the order in which they are told.
enum class BundleClaim : uint8_t {
  kFile,
  kHead,
  kWitnesses,
  kEntries,
  kContents,
  kTags,
  kSenders,
  kScope,
  kCompleteness,
  kConsistency,
  kTimestamps,
  kCoverage,
  kCustody,
};
inline constexpr size_t kBundleClaims = 13;
// "file", "head" ...
absl::string_view ClaimName(BundleClaim claim);
// Whether a bundle is only verified when this claim passes. The others say more, where they do.
bool IsCoreClaim(BundleClaim claim);

enum class ClaimResult : uint8_t { kPass, kFail, kCannotTell };
// "PASS", "FAIL", "CANNOT TELL".
absl::string_view ClaimResultName(ClaimResult result);

struct ClaimFinding {
  ClaimResult result = ClaimResult::kCannotTell;
  std::string reason;
};
ClaimFinding Pass(std::string reason);
ClaimFinding Fail(std::string reason);
ClaimFinding CannotTell(std::string reason);

struct BundleFindings {
  std::array<ClaimFinding, kBundleClaims> claims;
  ClaimFinding& of(BundleClaim claim) { return claims[static_cast<size_t>(claim)]; }
  const ClaimFinding& of(BundleClaim claim) const { return claims[static_cast<size_t>(claim)]; }
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_CLAIMS_H_
