#include "ledger/key_text.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ledger/ed25519_key.h"
#include "merkle/base64.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr absl::string_view kSignerPrefix = "PRIVATE+KEY+";
constexpr absl::string_view kSymmetricPrefix = "auditledger-key/v1 ";

absl::Status Bad(absl::string_view why) { return absl::DataLossError(absl::StrCat("key: ", why)); }

// The base64 of `rest` up to its LF, which must be its end.
absl::StatusOr<SecretString> DecodeLine(absl::string_view rest) {
  if (!absl::EndsWith(rest, "\n")) return Bad("no line feed at its end");
  rest.remove_suffix(1);
  absl::StatusOr<std::string> decoded = DecodeBase64("key", rest);
  if (!decoded.ok()) return Bad("not canonical base64");
  return SecretString(std::move(decoded).value());
}

absl::StatusOr<NoteVerifier> VerifierOf(absl::string_view name, absl::string_view seed) {
  ASSIGN_OR_RETURN(const Ed25519Key key, Ed25519Key::FromSeed(seed));
  return NoteVerifier::FromEd25519(name, key.public_key());
}

}  // namespace

absl::StatusOr<SecretString> FormatNoteSigningKey(absl::string_view name, absl::string_view seed) {
  ASSIGN_OR_RETURN(const NoteVerifier verifier, VerifierOf(name, seed));
  std::string raw;
  raw.reserve(1 + seed.size());
  raw.push_back(static_cast<char>(kNoteEd25519));
  raw.append(seed.data(), seed.size());
  const SecretString secret(std::move(raw));
  const SecretString base64(EncodeBase64(secret.Reveal()));
  return SecretString(absl::StrCat(kSignerPrefix, name, "+",
                                   absl::StrFormat("%08x", verifier.key_id()), "+", base64.Reveal(),
                                   "\n"));
}

absl::StatusOr<NoteSigningKey> ParseNoteSigningKey(absl::string_view text) {
  if (!absl::StartsWith(text, kSignerPrefix)) return Bad("does not begin with PRIVATE+KEY+");
  text.remove_prefix(kSignerPrefix.size());
  const size_t name_end = text.find('+');
  if (name_end == absl::string_view::npos) return Bad("no key ID");
  const size_t id_end = text.find('+', name_end + 1);
  if (id_end == absl::string_view::npos) return Bad("no base64 part");
  const absl::string_view name = text.substr(0, name_end);
  const absl::string_view id = text.substr(name_end + 1, id_end - name_end - 1);
  ASSIGN_OR_RETURN(const SecretString raw, DecodeLine(text.substr(id_end + 1)));
  const absl::string_view bytes = raw.Reveal();
  if (bytes.size() != 1 + kEd25519SeedBytes) return Bad("wrong length");
  if (static_cast<uint8_t>(bytes[0]) != kNoteEd25519) return Bad("not an Ed25519 key");
  absl::StatusOr<NoteVerifier> verifier = VerifierOf(name, bytes.substr(1));
  if (!verifier.ok()) return Bad(verifier.status().message());
  if (id != absl::StrFormat("%08x", verifier->key_id())) {
    return Bad("its key ID is not that of name and key");
  }
  return NoteSigningKey{SecretString(std::string(bytes.substr(1))), *std::move(verifier)};
}

SecretString FormatSymmetricKey(absl::string_view purpose, uint16_t id, absl::string_view key) {
  const SecretString base64(EncodeBase64(key));
  return SecretString(absl::StrCat(kSymmetricPrefix, purpose, " ", id, " ", base64.Reveal(), "\n"));
}

absl::StatusOr<SecretString> ParseSymmetricKey(absl::string_view purpose, uint16_t id,
                                               absl::string_view text) {
  const std::string prefix = absl::StrCat(kSymmetricPrefix, purpose, " ", id, " ");
  if (!absl::StartsWith(text, prefix)) return Bad(absl::StrCat("does not begin with ", prefix));
  ASSIGN_OR_RETURN(SecretString key, DecodeLine(text.substr(prefix.size())));
  if (key.Reveal().size() != kSymmetricKeyBytes) return Bad("wrong length");
  return key;
}

}  // namespace auditledger
