// Whether one entry was erased, shown by the leaves of an export: by which entry, and that this one
// is under the export's signed head.
//
// Thread-safety: free function. Cost: reads all leaves of the export.
#ifndef AUDITLEDGER_VERIFIER_ERASURES_H_
#define AUDITLEDGER_VERIFIER_ERASURES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "merkle/checkpoint.h"
#include "merkle/leaf.h"
#include "verifier/pins.h"
#include "verifier/verdict.h"

namespace auditledger {

struct ProvenErasure {
  uint64_t by = 0;
  Leaf leaf;  // of that entry
};
// The erasure of `index`, proven to be under `head`, which is the export's; nothing when its leaves
// name none, or it is not under that head.
std::optional<ProvenErasure> FindErasure(const std::string& dir, const Checkpoint& head,
                                         uint64_t index);
// The same for an export whose head is not opened yet: with the pin, and the changes of the key
// that the export shows.
std::optional<ProvenErasure> FindErasureIn(const std::string& dir, const Pin& pin, uint64_t index);

// Says of entry `index` what its erasure proves and what not; `shown`: its content is here all the
// same.
void ReportErasure(uint64_t index, const ProvenErasure& erasure, bool shown, Verdict& verdict);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_ERASURES_H_
