// What else lies in an export's tile/ and payload/: nothing may be slipped in beside the log.
//
// Partial files of former sizes may stay, if they are the beginning of what has taken their place
// (tiles, entries) or open their entries (payloads). Anything else is a finding: files with other
// names, and files beyond the head.
//
// Thread-safety: free function. Memory does not grow with the folder.
#ifndef AUDITLEDGER_VERIFIER_FOLDER_WALK_H_
#define AUDITLEDGER_VERIFIER_FOLDER_WALK_H_

#include <cstdint>
#include <string>

#include "verifier/bundle_check.h"

namespace auditledger {

// `size` is the head's. Files the head itself needs are not read again: see bundle_check.h and
// tree_check.h.
void CheckOtherFiles(const std::string& dir, uint64_t size, const BundleRules& rules,
                     Findings& findings);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_FOLDER_WALK_H_
