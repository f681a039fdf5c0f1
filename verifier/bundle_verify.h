// An evidence bundle, checked offline with nothing but the file and what the user pins.
//
// Example:
//   BundleInput input;
//   input.bytes = file;
//   const BundleReport report = VerifyBundle(input, pin);
//   std::cout << BundleText(report);
//   return report.ExitCode();
//
// What each claim takes to pass stands in verifier/README.md, "The evidence bundle". Any that fails
// refuses the bundle; a core claim that cannot be told leaves it so (bundle_claims.h).
//
// Cost: two hashes an entry and two for each unit that is shown. Memory: bundle_entries.h.
// Thread-safety: free functions. Errors: all of them are findings.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_VERIFY_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_VERIFY_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "verifier/bundle_claims.h"
#include "verifier/bundle_scope.h"
#include "verifier/pins.h"

namespace auditledger {

struct BundleInput {
  absl::string_view bytes;               // must outlive the call
  std::optional<std::string> index_key;  // 32 bytes: check the tags too
};

struct BundleReport {
  BundleFindings findings;
  std::string origin;  // pinned
  std::string vkey;
  std::optional<Checkpoint> head;          // once the pinned key was found to have signed it
  std::optional<BundleManifest> manifest;  // of a file that is well formed
  std::optional<BundleScope> scope;

  // 0 verified, 1 refused, 2 cannot tell, 3 verified but unwitnessed.
  int ExitCode() const;
  // "verified", "verified, unwitnessed", "refused", "cannot tell".
  std::string Name() const;
};
BundleReport VerifyBundle(const BundleInput& input, const Pin& pin);

// Lines for people; and JSON: {verdict, exit_code, subject: "bundle", against {origin, key, size,
// root}, package, claims [{claim, result, reason}]}. `size` and `root` are absent without a head
// that the pinned key signed, `package` is null where the file is not well formed.
std::string BundleText(const BundleReport& report);
std::string BundleJson(const BundleReport& report);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_VERIFY_H_
