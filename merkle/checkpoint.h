// C2SP tlog-checkpoint: origin, size and root of a head and their one text form.
//
// Thread-safety: values and pure functions. Source: c2sp.org/tlog-checkpoint (standards.md 2.2).
#ifndef AUDITLEDGER_MERKLE_CHECKPOINT_H_
#define AUDITLEDGER_MERKLE_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"
#include "merkle/note.h"

namespace auditledger {

// What a checkpoint says, without signatures.
struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  Hash root;
  std::vector<std::string> extensions;  // not recommended; kept so that foreign checkpoints parse
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// Note text of a checkpoint: origin LF size LF base64(root) LF extension lines.
std::string FormatCheckpoint(const Checkpoint& checkpoint);
// Strict parse of note text: no leading zeros, size <= kMaxTreeSize, 32-byte root, EmptyRoot() for
// size 0.
absl::StatusOr<Checkpoint> ParseCheckpoint(absl::string_view text);

// A checkpoint whose log signature was checked.
struct SignedCheckpoint {
  Checkpoint checkpoint;
  std::string note;  // verbatim, signatures included
};

// Opens `note` with the log's key and requires its origin to equal `origin` (which is pinned, never
// taken from the note). Errors as OpenNote, and FailedPrecondition for another origin.
absl::StatusOr<SignedCheckpoint> OpenCheckpoint(absl::string_view note, absl::string_view origin,
                                                const NoteVerifier& log_key);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_CHECKPOINT_H_
