// C2SP signed-note: text with signature lines, verifier keys (vkeys).
//
// Example:
//   ASSIGN_OR_RETURN(NoteVerifier v, NoteVerifier::Parse("origin+1a2b3c4d+base64"));
//   absl::StatusOr<VerifiedNote> n = OpenNote(file, {v});
//
// Thread-safety: values and pure functions. Source: c2sp.org/signed-note (standards.md 2.1).
#ifndef AUDITLEDGER_MERKLE_NOTE_H_
#define AUDITLEDGER_MERKLE_NOTE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace auditledger {

inline constexpr uint8_t kNoteEd25519 = 0x01;
inline constexpr uint8_t kNoteEd25519Cosignature = 0x04;
inline constexpr size_t kMaxNoteSignatures = 100;   // as golang.org/x/mod
inline constexpr size_t kMaxNoteBytes = 1'000'000;  // as golang.org/x/mod

// One signature line: "— name base64(key_id || signature)".
struct NoteSignature {
  std::string name;
  uint32_t key_id = 0;
  std::string signature;  // what follows the key ID
  friend bool operator==(const NoteSignature&, const NoteSignature&) = default;
};

struct Note {
  std::string text;  // ends in LF; what is signed
  std::vector<NoteSignature> signatures;
};

// Splits and checks the form; verifies nothing. InvalidArgument with what is wrong.
absl::StatusOr<Note> ParseNote(absl::string_view note);
// text || LF || signature lines. REQUIRES: text ends in LF.
std::string FormatNote(const Note& note);
std::string FormatNoteSignature(const NoteSignature& signature);  // with its final LF

// SHA-256(name || 0x0A || type || public_key)[0:4], big-endian.
uint32_t NoteKeyId(absl::string_view name, uint8_t type, absl::string_view public_key);
// Whether a key may have this name: not empty, valid UTF-8, no Unicode space, no control character,
// no '+'.
bool IsValidNoteName(absl::string_view name);

// A public key that can check signature lines of types 0x01 and 0x04; other types are kept as
// unknown.
class NoteVerifier {
 public:
  // "name+hex8(key_id)+base64(type || key)", hex in lower case. InvalidArgument for a key ID that
  // is not the key's own, a key of the wrong length, a type that is not registered.
  static absl::StatusOr<NoteVerifier> Parse(absl::string_view vkey);
  // From a raw Ed25519 key. InvalidArgument for a bad name or a key of other than 32 bytes.
  static absl::StatusOr<NoteVerifier> FromEd25519(absl::string_view name,
                                                  absl::string_view public_key,
                                                  uint8_t type = kNoteEd25519);

  const std::string& name() const { return name_; }
  uint32_t key_id() const { return key_id_; }
  uint8_t type() const { return type_; }
  const std::string& public_key() const { return public_key_; }
  std::string ToVkey() const;
  // OK iff `signature` (the bytes after the key ID) is this key's over `text`.
  // Unimplemented for a type we cannot check; DataLoss for a signature that is wrong.
  absl::Status Verify(absl::string_view text, absl::string_view signature) const;

 private:
  NoteVerifier() = default;
  std::string name_;
  uint32_t key_id_ = 0;
  uint8_t type_ = 0;
  std::string public_key_;
};

struct VerifiedNote {
  std::string text;
  std::vector<NoteSignature> verified;  // one for each known key that signed, in the note's order
  std::vector<NoteSignature> unknown;   // lines of keys not in `known`
};

// A line is a known key's if name and key ID match. It must verify or the whole note is refused; at
// least one known key must have signed. Keys of types that cannot be checked count as unknown. Of
// the lines of one verified key only the first counts, later ones are dropped unread, and so are
// repeats of an unknown line, as golang.org/x/mod does. InvalidArgument: malformed; DataLoss: a
// known key's line is wrong; Unauthenticated: no known key signed.
absl::StatusOr<VerifiedNote> OpenNote(absl::string_view note, absl::Span<const NoteVerifier> known);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_NOTE_H_
