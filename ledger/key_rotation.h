// Rotation of a log's signing key, as files beside the key. What it is: merkle/key_chain.h.
//
//   next.key         the key that follows, as log.key is; or next-pkcs11.key, as pkcs11.key
//   next.change      "auditledger-next-key/v1 keep|destroy base64(body)" LF: the entry that both
//                    keys have signed, and what becomes of the old private key
//   retired-XXXXXXXX.key  (or .pkcs11.key) an old private key that was kept; its key id in hex
//
// Steps, and who finishes what a crash behind each leaves:
//   1 next.key is made                              preparing once more takes that key
//   2 next.change is made                           the next start of the ledger goes on with 3
//   3 the change is committed, alone, at index i    the next start goes on with 4
//   4 the signer records the head of size i + 1     opening the signer goes on with 5
//     under the id of the new key
//   5 old key kept or dropped, log.vkey written,    opening the signer goes on with what is left
//     next.key named log.key, next.change removed
//   6 the new key signs the head of size i + 1      the next start has it signed again
// The one write of step 4, a synced slot of signer.state, decides which key signs: up to it the old
// one, and from it on the new one. In an embedded signer the folder is key_dir, in a signer process
// that of the origin (signer_folder.h).
//
// Thread-safety: functions on files; one process at a time by a lock on the folder.
// Errors: AlreadyExists: a change is prepared here already. FailedPrecondition and DataLoss as
// key_files.h.
#ifndef AUDITLEDGER_LEDGER_KEY_ROTATION_H_
#define AUDITLEDGER_LEDGER_KEY_ROTATION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/random.h"
#include "ledger/signing_key.h"
#include "merkle/key_chain.h"
#include "merkle/note.h"

namespace auditledger {

inline constexpr char kNextKeyFile[] = "next.key";
inline constexpr char kNextTokenKeyFile[] = "next-pkcs11.key";

// What becomes of the old private key. Its owner has to say: kept, it can sign a fork for whoever
// has no memory (key_chain.h); dropped, nothing is left to compare a suspect signature with.
enum class OldKey : uint8_t { kKeep, kDestroy };

struct NextKey {
  KeyChange change;
  OldKey old_key = OldKey::kKeep;
};
// The text of next.change; strict. DataLoss.
absl::StatusOr<std::string> FormatNextKey(const NextKey& next);
absl::StatusOr<NextKey> ParseNextKey(absl::string_view text);

// Makes a key file's successor: `dir` holds log.key. The new public key; from the next start of
// the ledger on it signs.
absl::StatusOr<NoteVerifier> PrepareKeyChange(const std::string& dir, const std::string& origin,
                                              OldKey old_key, Random& random);
// The last step of it, for keys that lie elsewhere: signs the change with both and writes it.
absl::StatusOr<NoteVerifier> WriteNextKey(const std::string& dir, const std::string& origin,
                                          const SigningKey& old_signer,
                                          const SigningKey& new_signer, OldKey old_key);

// The change that is prepared in `dir`; nothing when there is none.
absl::StatusOr<std::optional<NextKey>> LoadNextKey(const std::string& dir);
// Step 5. Idempotent.
absl::Status FinishKeyChange(const std::string& dir, const std::string& origin,
                             const NextKey& next);
// Step 5, where signer.state in `state_dir` says that step 4 is done. Before the key is opened.
absl::Status CompleteKeyChange(const std::string& dir, const std::string& state_dir,
                               const std::string& origin);

// Where a signer finds its next key: none for a signer whose key cannot change.
struct KeySource {
  std::string dir;
  // Opens next.key or next-pkcs11.key.
  std::function<absl::StatusOr<std::unique_ptr<SigningKey>>()> open_next;
};
// That of key files.
KeySource FileKeySource(const std::string& dir, const std::string& origin);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_KEY_ROTATION_H_
