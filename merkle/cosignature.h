// C2SP tlog-cosignature, Ed25519 (type 0x04, "cosignature/v1"): a witness says that at that time
// this was the largest consistent tree of the log it had seen.
//
// Example, the verifier:
//   ASSIGN_OR_RETURN(auto cosignatures, VerifyCosignatures(note, {witness_key}));
//   for (const Cosignature& c : cosignatures) std::cout << c.key << " at " << c.timestamp;
// the witness (signing is in ledger/, see Ed25519Key):
//   ASSIGN_OR_RETURN(auto signature, key.Sign(CosignatureMessage(now, checkpoint_text)));
//   ASSIGN_OR_RETURN(NoteSignature line, MakeCosignature(verifier, now, signature));
// the log, with what a witness answered:
//   ASSIGN_OR_RETURN(note, AddCosignatures(note, response_body, {witness_key}));
//
// Type 0x06 (ML-DSA-44) reads as a line of an unknown key, which counts for nothing: OpenSSL 3.0
// cannot check it.
//
// Thread-safety: values and pure functions. Source: c2sp.org/tlog-cosignature,
// c2sp.org/tlog-witness (standards.md 2.3, 2.5).
#ifndef AUDITLEDGER_MERKLE_COSIGNATURE_H_
#define AUDITLEDGER_MERKLE_COSIGNATURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/note.h"

namespace auditledger {

// What the witness signs: "cosignature/v1" LF "time N" LF and the note's text.
std::string CosignatureMessage(uint64_t unix_seconds, absl::string_view checkpoint_text);

// The line of `witness` for `signature`, its 64 bytes over CosignatureMessage. InvalidArgument for
// a key of another type than 0x04, a signature of another length, a time of 0 or over 2^63 - 1.
absl::StatusOr<NoteSignature> MakeCosignature(const NoteVerifier& witness, uint64_t unix_seconds,
                                              absl::string_view signature);

// A cosignature that was checked.
struct Cosignature {
  size_t key = 0;          // index into the keys that were asked for
  uint64_t timestamp = 0;  // seconds since 1970, the witness's claim, not 0
  friend bool operator==(const Cosignature&, const Cosignature&) = default;
};

// Which of `witnesses` cosigned the note, in the order of the keys, each once; empty when none did.
// The log's own signature is not looked at (OpenCheckpoint does that). Lines of other keys are
// skipped. A key that is there twice, or is of type 0x01, is InvalidArgument, as is a malformed
// note; DataLoss when a witness's line does not verify or has no time: the whole note is then
// refused, as C2SP signed-note wants.
absl::StatusOr<std::vector<Cosignature>> VerifyCosignatures(
    absl::string_view note, absl::Span<const NoteVerifier> witnesses);
// Their keys: what Policy::CheckQuorum asks for.
std::vector<size_t> CosigningKeys(absl::Span<const Cosignature> cosignatures);

// `note` with the lines of `witnesses` from `lines` (what a witness answers to add-checkpoint: one
// or more signature lines) added after its own; lines of other keys are left out, and those of keys
// that have cosigned the note already. Errors as VerifyCosignatures over the lines, and
// Unauthenticated when none of them is by any of `witnesses`.
absl::StatusOr<std::string> AddCosignatures(absl::string_view note, absl::string_view lines,
                                            absl::Span<const NoteVerifier> witnesses);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_COSIGNATURE_H_
