// Which key of a log signs which of its heads, when keys have been rotated: each change is an entry
// of the log itself (kind kKeyChange), signed by the key before and by the key after it.
//
// Body of the entry:
//   u8 version = 1 | u8 old_type = 1 | old_key[32] | u8 new_type = 1 | new_key[32] |
//   old_signature[64] | new_signature[64]
// Both signatures, Ed25519, are over
//   "auditledger/key-change/v1" 00 | BE16 len | origin | old_type | old_key | new_type | new_key
// which is no note text and no other message of ours.
//
// With a change at index i: heads of size up to i are the old key's, larger ones than i + 1 the new
// key's, and that of size i + 1, the first that holds the change, may be either's (the ledger
// commits a change alone). A key never comes back.
//
// A retired key signs nothing more only for who knows of the change. A whole log shows all of its
// changes; a head or a receipt by itself shows those it is given with. The holder of a retired key
// can sign a later head of a fork and leave the change out, or put the same change, which names no
// index, at the fork's end: it opens, here, whichever key is pinned. Against that a verifier must
// remember the newest change that it has seen for its pin, index and leaf, and refuse a head beyond
// it which is not given with it; or ask for a quorum of witnesses (policy.h), who have seen the log
// grow and cosign no fork. This file does neither.
//
// Example, over a whole log (the leaves are known to be in the tree):
//   ASSIGN_OR_RETURN(const KeyChain chain, KeyChain::Build(pinned, {{index, leaf.body}, ...}));
//   ASSIGN_OR_RETURN(const SignedCheckpoint head, OpenCheckpoint(note, origin, chain));
// and for a head or a receipt by itself, where each change brings its proof:
//   ASSIGN_OR_RETURN(const SignedCheckpoint head,
//                    OpenCheckpointWithChanges(note, pinned, changes));
//
// What a chain shows: that the holder of the pinned key named the key that signed. Who holds a
// stolen key can rotate too; that the change is in the log, where the others see it, is what gives
// it away: after a compromise a log is frozen, not rotated.
//
// Thread-safety: values and pure functions. Cost: two signature checks a change.
// Errors: InvalidArgument for a body of another form; DataLoss for a signature that does not
// verify; FailedPrecondition for a chain that does not hold together, or does not hold the key that
// is pinned. Source: shared/design.md 3 and 6, shared/reference/reliability.md 1.3.
#ifndef AUDITLEDGER_MERKLE_KEY_CHAIN_H_
#define AUDITLEDGER_MERKLE_KEY_CHAIN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "merkle/hash.h"
#include "merkle/note.h"

namespace auditledger {

// A key a year for as long as a record of a patient is kept, and as many after an accident each.
inline constexpr size_t kMaxKeyChanges = 256;

struct KeyChange {
  std::string old_key;  // 32 bytes
  std::string new_key;
  std::string old_signature;  // 64 bytes
  std::string new_signature;
  friend bool operator==(const KeyChange&, const KeyChange&) = default;
};
// InvalidArgument for a key or signature of another length.
absl::StatusOr<std::string> EncodeKeyChange(const KeyChange& change);
absl::StatusOr<KeyChange> ParseKeyChange(absl::string_view body);  // strict
// What both keys sign. InvalidArgument for a key of other than 32 bytes or an origin over 65,535.
absl::StatusOr<std::string> KeyChangeMessage(absl::string_view origin, absl::string_view old_key,
                                             absl::string_view new_key);

// An entry of kind kKeyChange.
struct KeyChangeEntry {
  uint64_t index = 0;
  std::string body;
};

// A change with the proof that it is in a log.
struct LoggedKeyChange {
  uint64_t index = 0;
  std::string leaf;             // whole
  std::vector<Hash> inclusion;  // under the head in question
  friend bool operator==(const LoggedKeyChange&, const LoggedKeyChange&) = default;
};

class KeyChain {
 public:
  // `pinned`, named as the log's origin, is any key of the chain: the first, or one that a verifier
  // was given later. `changes`: all of the log up to the head in question, in its order; none is
  // the chain of one key.
  static absl::StatusOr<KeyChain> Build(const NoteVerifier& pinned,
                                        const std::vector<KeyChangeEntry>& changes);

  // The same of whole leaves; their inclusion, if given, is not looked at. InvalidArgument for one
  // that does not parse, FailedPrecondition for one of another kind.
  static absl::StatusOr<KeyChain> BuildFromLeaves(const NoteVerifier& pinned,
                                                  const std::vector<LoggedKeyChange>& changes);

  // Those of which one must have signed the head of `size`: one, or two where it is the first that
  // holds a change.
  std::vector<NoteVerifier> KeysOf(uint64_t size) const;
  const std::vector<NoteVerifier>& keys() const { return keys_; }  // in their order
  const NoteVerifier& first() const { return keys_.front(); }
  const NoteVerifier& current() const { return keys_.back(); }
  size_t changes() const { return indexes_.size(); }

 private:
  KeyChain() = default;
  std::vector<NoteVerifier> keys_;  // one more than changes
  std::vector<uint64_t> indexes_;   // rising
};

// As OpenCheckpoint with one key (checkpoint.h), with that of the chain which a head of the note's
// size must have.
absl::StatusOr<SignedCheckpoint> OpenCheckpoint(absl::string_view note, absl::string_view origin,
                                                const KeyChain& chain);

// Opens a head, with the changes up to it that lead from the pinned key to its own.
absl::StatusOr<SignedCheckpoint> OpenCheckpointWithChanges(
    absl::string_view note, const NoteVerifier& pinned,
    const std::vector<LoggedKeyChange>& changes);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_KEY_CHAIN_H_
