// What an evidence bundle says in words: the glossary of codes, and the draft of a custodian's
// certificate.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_TOOLS_BUNDLE_TEXTS_H_
#define AUDITLEDGER_TOOLS_BUNDLE_TEXTS_H_

#include <string>
#include <vector>

#include "merkle/checkpoint.h"
#include "verifier/bundle_scope.h"

namespace auditledger {

// The codes that events of ours use, with their meaning.
std::vector<GlossaryCode> BundleGlossary();

// In the manner of FRE 902(11), (13) and (14), filled in as far as the bundle knows; for a lawyer
// to review and a custodian to sign.
std::string CertificateDraft(const BundleManifest& manifest, const Checkpoint& head,
                             uint64_t entries);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_BUNDLE_TEXTS_H_
