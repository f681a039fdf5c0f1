// Proofs out of answers: checked against the connection's pin, and written as C2SP tlog-proof
// files.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_TOOLS_AUDITCTL_RECEIPT_H_
#define AUDITLEDGER_TOOLS_AUDITCTL_RECEIPT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/proof.pb.h"
#include "merkle/hash.h"
#include "merkle/tlog_proof.h"
#include "tools/auditctl.h"

namespace auditledger::ctl {

// Hashes of a proof message. NotProven when one has another length than 32 or there are over 63.
absl::StatusOr<std::vector<Hash>> ProofHashes(
    const google::protobuf::RepeatedPtrField<std::string>& hashes);

// The leaf is under the checkpoint at that index; where there is an opening and `event` (canonical
// encoding), the leaf commits to it. NotProven otherwise.
struct ProvenEntry {
  uint64_t index = 0;
  std::string leaf;
  std::optional<v1::Opening> opening;
  v1::InclusionProof inclusion;
  v1::Checkpoint checkpoint;
};
absl::Status CheckEntry(const Connection& connection, const ProvenEntry& entry,
                        absl::string_view event);

// As CheckEntry for the answer to an append: the entry must be an event's, and be opened, so that
// no other entry of the log can stand in for the one that was sent.
absl::Status CheckAppended(const Connection& connection, const ProvenEntry& entry,
                           absl::string_view event);

ProvenEntry OfReceipt(const v1::Receipt& receipt);
// INDEX.tlog-proof and INDEX.event.pb below `dir`, for their owner alone.
absl::Status WriteReceiptFiles(const std::string& dir, const ProvenEntry& entry,
                               const std::string& event);
// The file: what the verifier's `receipt` command reads.
absl::StatusOr<std::string> TlogProofText(const ProvenEntry& entry);

}  // namespace auditledger::ctl

#endif  // AUDITLEDGER_TOOLS_AUDITCTL_RECEIPT_H_
