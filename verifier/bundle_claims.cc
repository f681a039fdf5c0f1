#include "verifier/bundle_claims.h"

#include <utility>

namespace auditledger {

absl::string_view ClaimName(BundleClaim claim) {
  constexpr absl::string_view kNames[kBundleClaims] = {
      "file",  "head",         "witnesses",   "entries",    "contents", "tags",   "senders",
      "scope", "completeness", "consistency", "timestamps", "coverage", "custody"};
  return kNames[static_cast<size_t>(claim)];
}

bool IsCoreClaim(BundleClaim claim) {
  switch (claim) {
    case BundleClaim::kFile:
    case BundleClaim::kHead:
    case BundleClaim::kEntries:
    case BundleClaim::kContents:
    case BundleClaim::kScope:
    case BundleClaim::kCompleteness:
    case BundleClaim::kCustody:
      return true;
    default:
      return false;
  }
}

absl::string_view ClaimResultName(ClaimResult result) {
  switch (result) {
    case ClaimResult::kPass:
      return "PASS";
    case ClaimResult::kFail:
      return "FAIL";
    case ClaimResult::kCannotTell:
      break;
  }
  return "CANNOT TELL";
}

ClaimFinding Pass(std::string reason) { return {ClaimResult::kPass, std::move(reason)}; }
ClaimFinding Fail(std::string reason) { return {ClaimResult::kFail, std::move(reason)}; }
ClaimFinding CannotTell(std::string reason) {
  return {ClaimResult::kCannotTell, std::move(reason)};
}

}  // namespace auditledger
