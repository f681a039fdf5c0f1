// Pins: which log is meant, said by the user. Nothing a server sends ever chooses one.
//
// A pins file has one "origin vkey" a line; empty lines and lines that begin with '#' are skipped.
// The key's name must be the origin, as tlog-checkpoint advises.
//
// Thread-safety: values and pure functions, apart from reading files.
#ifndef AUDITLEDGER_VERIFIER_PINS_H_
#define AUDITLEDGER_VERIFIER_PINS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "merkle/note.h"
#include "merkle/policy.h"

namespace auditledger {

struct Pin {
  std::string origin;
  NoteVerifier key;
  // Who must have cosigned every head; without one a head is vouched for by the log's key alone.
  std::optional<Policy> policy = std::nullopt;
  // Accept a policy under which one dishonest witness, or none, is enough for a fork (f < 1).
  bool allow_weak_policy = false;
  // More keys that the policy lists for this origin: any of them may have signed.
  std::vector<NoteVerifier> other_keys = {};
};

// `key` is a vkey, or the path of a file that holds one, of any type. InvalidArgument telling why
// it is neither.
absl::StatusOr<NoteVerifier> LoadKey(const std::string& key);
// InvalidArgument for a vkey that does not parse, is not Ed25519 (note type 0x01), or has another
// name.
absl::StatusOr<Pin> MakePin(absl::string_view origin, absl::string_view vkey);
// `key` is a vkey, or the path of a file that holds one.
absl::StatusOr<Pin> LoadPin(absl::string_view origin, const std::string& key);
// InvalidArgument naming the line; an origin may be pinned once only.
absl::StatusOr<std::vector<Pin>> ParsePins(absl::string_view text);

// Adds a policy. InvalidArgument when it lists logs and the pinned key is none of them.
absl::Status AddPolicy(Policy policy, bool allow_weak_policy, Pin& pin);
// The log that a policy lists as `origin`, with each key listed for it and the policy; any origin
// where it lists one only. Keys that are not Ed25519 are left out, if there is one that is.
absl::StatusOr<Pin> PinFromPolicy(absl::string_view origin, Policy policy, bool allow_weak_policy);

// OpenCheckpoint (merkle/checkpoint.h) with the first of the pin's keys that has signed, which is
// copied to `*signed_by` unless null; the error of the first key where none has.
absl::StatusOr<SignedCheckpoint> OpenPinned(absl::string_view note, const Pin& pin,
                                            NoteVerifier* signed_by = nullptr);
// The pin's keys, pin.key first.
std::vector<NoteVerifier> PinnedKeys(const Pin& pin);

// Reads "auditledger-key/v1 index 1 base64(32 bytes)" LF, as the ledger keeps it: the 32 bytes.
absl::StatusOr<std::string> ParseIndexKey(absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_PINS_H_
