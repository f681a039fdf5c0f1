// Evidence of misbehaviour, a log's or (rollback) a witness's: a text file that anyone who pins the
// log's origin and key can check alone, offline, whoever wrote it. It holds signed heads as they
// were signed, and the hashes that show that no one history has both.
//
//   auditledger-evidence/v1
//   KIND
//   head LINES, then so many lines: a signed note, verbatim (C2SP tlog-checkpoint)
//   ...
//
// What follows, by kind, and what it shows:
//
//   fork      head, head                 two heads of one size with different roots
//   history   head, head, prefix, proof  the larger head's tree begins otherwise than the smaller
//                                        head says
//   receipt   head, head, entry, hash, proof, hash, proof
//                                        one place holds different entries under the two heads
//   rollback  head, head                 one witness cosigned the larger, later the smaller head:
//                                        the witness broke its promise or lied about the time; of
//                                        the log it proves nothing, both heads may be of one past
//   leaf      head, entry, leaf, [leaf,] proof
//                                        an entry breaks the format of leaves, or was recorded no
//                                        later than the one before, or freezes the log and is not
//                                        the head's last
//   order     head, entry, leaf, proof, entry, leaf, proof
//                                        a later entry was recorded no later than an earlier one
//                                        (what lies between them need not parse)
//
//   prefix BASE64     the root that the second head's tree has at the first head's size; not the
//                     first head's. The proof is C2SP/RFC 6962 consistency from it to the second.
//   entry INDEX       decimal; of kind leaf, of the first where there are two
//   hash BASE64       a leaf hash; the proof after it is inclusion under the head of the same place
//   leaf BASE64       a leaf; of kind leaf the proof is that of merkle/proof.h RangeProof, of kind
//                     order the proof after each is inclusion
//   proof COUNT, then so many lines: BASE64 hashes
//
// Each line ends in LF, numbers have no leading zero, base64 is canonical; nothing follows. A head
// can be cut out and given to any C2SP tool. The file names no key: who checks it pins one.
//
// Example:
//   ASSIGN_OR_RETURN(const Evidence evidence, ParseEvidence(text));
//   ASSIGN_OR_RETURN(const std::string shown, CheckEvidence(evidence, {origin, log_key}));
//
// Thread-safety: values and pure functions. Source: shared/reference/reliability.md 1.3; that a
// consistency proof fixes the prefix's root: RFC 6962 2.1.2 (collision resistance).
#ifndef AUDITLEDGER_MERKLE_EVIDENCE_H_
#define AUDITLEDGER_MERKLE_EVIDENCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"
#include "merkle/key_chain.h"
#include "merkle/note.h"

namespace auditledger {

// Two notes of the largest size, two leaves in base64, two proofs.
inline constexpr size_t kMaxEvidenceBytes = 4 << 20;
// What the proof of a range of two leaves needs at most below 2^63: twice an inclusion proof.
inline constexpr size_t kMaxEvidenceHashes = 126;

struct Evidence {
  enum class Kind : uint8_t { kFork, kHistory, kReceipt, kRollback, kLeaf, kOrder };
  Kind kind = Kind::kFork;
  std::string first{};                // signed notes, verbatim
  std::string second{};               // none for kLeaf and kOrder
  Hash prefix{};                      // kHistory
  uint64_t index = 0;                 // kReceipt, kLeaf, kOrder
  uint64_t second_index = 0;          // kOrder
  Hash first_hash{};                  // kReceipt
  Hash second_hash{};                 // kReceipt
  std::vector<std::string> leaves{};  // kLeaf: one or two; kOrder: two
  std::vector<Hash> proof{};          // kHistory, kLeaf, kOrder; kReceipt: under the first head
  std::vector<Hash> second_proof{};   // kReceipt: under the second head; kOrder
  friend bool operator==(const Evidence&, const Evidence&) = default;
};

// "fork", "history", ...
absl::string_view EvidenceKindName(Evidence::Kind kind);
// Whether it rests on two heads.
bool HasSecondHead(Evidence::Kind kind);

std::string FormatEvidence(const Evidence& evidence);
// Checks the form only, that of the notes included. Formatting the result gives `text` again.
// InvalidArgument says what is wrong.
absl::StatusOr<Evidence> ParseEvidence(absl::string_view text);

// Whom the one who checks accepts; never taken from the file.
struct EvidencePins {
  std::string origin;
  NoteVerifier log_key;
  std::vector<NoteVerifier> witnesses{};   // type 0x04; only a rollback needs them
  std::vector<NoteVerifier> other_keys{};  // any of them, or log_key, may have signed a head
  // Where the changes of the log's key are known: then only the key that it had at a head's size
  // may have signed it, and the two above are not asked. Who stole a retired key convicts nobody.
  std::optional<KeyChain> chain{};
};
// What it shows, as a sentence for people. FailedPrecondition when it shows nothing: a head is not
// the pinned log's, the heads agree, a proof does not verify.
absl::StatusOr<std::string> CheckEvidence(const Evidence& evidence, const EvidencePins& pins);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_EVIDENCE_H_
