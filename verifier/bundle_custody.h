// The chain of custody of an evidence bundle: entries of the log itself that name the bundle's
// manifest by its SHA-256. The first says that the bundle was made, each later one that it was
// handed on.
//
// The entry is an AuditEvent: an entity's content_sha256 is the hash, and one code of the system
// urn:auditledger:custody is "export" or "hand-over". That somebody cut the last records off does
// not show here: the log has them.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_CUSTODY_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_CUSTODY_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "merkle/hash.h"
#include "verifier/bundle_claims.h"
#include "verifier/bundle_file.h"

namespace auditledger {

inline constexpr absl::string_view kCustodySystem = "urn:auditledger:custody";
inline constexpr absl::string_view kCustodyExport = "export";
inline constexpr absl::string_view kCustodyHandOver = "hand-over";

// `open` opens a note with the keys that the pinned log has had; `origin` is that log's.
using HeadOpener = std::function<absl::StatusOr<SignedCheckpoint>(absl::string_view note)>;
ClaimFinding CheckCustody(const BundleFile& bundle, const HeadOpener& open);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_CUSTODY_H_
