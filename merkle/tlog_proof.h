// C2SP tlog-proof: a receipt as one text file. Also the body of tlog-witness' add-checkpoint, which
// is the public text form of "this checkpoint extends that size".
//
// Thread-safety: values and pure functions. Source: c2sp.org/tlog-proof, c2sp.org/tlog-witness
// (standards.md 2.5, 2.6).
#ifndef AUDITLEDGER_MERKLE_TLOG_PROOF_H_
#define AUDITLEDGER_MERKLE_TLOG_PROOF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"

namespace auditledger {

// The limit of tlog-witness: the most an inclusion proof needs below 2^63 leaves, or a consistency
// proof up to 2^62 leaves.
inline constexpr size_t kMaxProofHashes = 63;

struct TlogProof {
  std::optional<std::string> extra;  // unauthenticated; a hint to rebuild the leaf
  uint64_t index = 0;
  std::vector<Hash> path;  // at most 63
  std::string checkpoint;  // signed note, verbatim
};

std::string FormatTlogProof(const TlogProof& proof);
// Checks the form only, that of the checkpoint's note included: strict decimals, 32-byte hashes,
// canonical base64. Formatting the result gives `text` again. InvalidArgument says what is wrong.
absl::StatusOr<TlogProof> ParseTlogProof(absl::string_view text);

// "old N" LF, hashes, LF, checkpoint.
struct CheckpointUpdate {
  uint64_t old_size = 0;
  std::vector<Hash> proof;  // at most kMaxProofHashes
  std::string checkpoint;   // signed note, verbatim
};

std::string FormatCheckpointUpdate(const CheckpointUpdate& update);
// Checks the form only, as ParseTlogProof.
absl::StatusOr<CheckpointUpdate> ParseCheckpointUpdate(absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_TLOG_PROOF_H_
