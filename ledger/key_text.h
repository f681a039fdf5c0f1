// The text of key files, apart from the files: strict, so that a key has one form.
//
//   "PRIVATE+KEY+name+hex8(key_id)+base64(01 || seed[32])" LF   as golang.org/x/mod's note signers
//   "auditledger-key/v1 purpose id base64(32 bytes)" LF
//
// Thread-safety: values and pure functions. Errors: DataLoss, never quoting what may be secret.
#ifndef AUDITLEDGER_LEDGER_KEY_TEXT_H_
#define AUDITLEDGER_LEDGER_KEY_TEXT_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/secret_string.h"
#include "merkle/note.h"

namespace auditledger {

inline constexpr size_t kSymmetricKeyBytes = 32;

struct NoteSigningKey {
  SecretString seed;  // 32 bytes
  NoteVerifier verifier;
};
// InvalidArgument for a seed of other than 32 bytes or a name no note key may have.
absl::StatusOr<SecretString> FormatNoteSigningKey(absl::string_view name, absl::string_view seed);
absl::StatusOr<NoteSigningKey> ParseNoteSigningKey(absl::string_view text);

// REQUIRES: a key of 32 bytes, a purpose of lower-case letters.
SecretString FormatSymmetricKey(absl::string_view purpose, uint16_t id, absl::string_view key);
// The key, when the text is for `purpose` and `id`.
absl::StatusOr<SecretString> ParseSymmetricKey(absl::string_view purpose, uint16_t id,
                                               absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_KEY_TEXT_H_
