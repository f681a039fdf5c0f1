// A whole evidence bundle, understood: every record of every section parses, entries ascend, and
// the runs of the inclusion proofs are exactly the entries'. Whether any of it is true is
// bundle_verify.h.
//
// Records of the chain of custody are left as they came: what is wrong there is said of custody.
//
// Example:
//   ASSIGN_OR_RETURN(const BundleFile bundle, ParseBundle(bytes));
//
// Memory: a view of the bytes; beside it what is small (scope, manifest, coverage), never entries.
// Thread-safety: values and pure functions. The bytes must outlive the result.
// Errors: InvalidArgument, whose whole message is where the file breaks: a word of
// bundle_framing.h, or the name of a section.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_FILE_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "merkle/key_change_list.h"
#include "verifier/bundle_entry.h"
#include "verifier/bundle_framing.h"
#include "verifier/bundle_scope.h"

namespace auditledger {

struct BundleFile {
  BundleFrame frame;
  BundleScope scope;
  absl::string_view note;  // of the head
  Checkpoint head;
  std::optional<KeyChangeList> key_changes;
  std::vector<StreamCoverage> coverage;
  BundleManifest manifest;
};
absl::StatusOr<BundleFile> ParseBundle(absl::string_view bytes);

// A signed note's checkpoint, its signature not checked. InvalidArgument for what is none, or of a
// size that a browser cannot count to.
absl::StatusOr<Checkpoint> ParseUncheckedHead(absl::string_view note);

// Calls `each` with the entries, in order, until it gives false. REQUIRES: ParseBundle was OK.
void ForEachEntry(const BundleFile& bundle, absl::FunctionRef<bool(const BundleEntry&)> each);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_FILE_H_
