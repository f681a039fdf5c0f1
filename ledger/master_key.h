// The master key: what a thief of the disks does not have. Under it the symmetric keys of a ledger
// (key_files.h) are sealed, and under those the secrets of the payloads (seed_store.h), so that
// data, seeds, keys and backups without it are ciphertext.
//
//   its text     "auditledger-key/v1 master 1 base64(32 bytes)" LF          (key_text.h)
//   fingerprint  hex of the first 8 bytes of SHA-256("auditledger/master/v1" 00 || key)
//   sealed text  "auditledger-sealed/v1 fingerprint base64(nonce[12] || ciphertext || tag[16])" LF
//     plaintext        the whole text of the key file
//     key              HMAC-SHA-256(master key, "auditledger/seal/v1" 00 || BE16 len || origin)
//     associated data  "auditledger/sealed/v1" 00 || BE16 len || origin || BE16 len || file name
//
// A key for each ledger, and origin and name bound: a sealed file that is moved to another ledger,
// or given another name, does not open. Where the master key comes from: master_key_source.h.
//
// Example:
//   ASSIGN_OR_RETURN(const MasterKey master, MasterKey::Parse(text));
//   ASSIGN_OR_RETURN(const std::string sealed, master.Seal(place, text_of_key, random));
//   ASSIGN_OR_RETURN(const SecretString text, master.Open(place, sealed));
//
// Thread-safety: const methods may be called by many threads. The key lives in SecretString and
// leaves only as ciphertext. Errors: DataLoss for a text of another form, or one that does not open
// although it names this master key: it was changed or moved. FailedPrecondition, with both
// fingerprints and the fix, when it names another.
#ifndef AUDITLEDGER_LEDGER_MASTER_KEY_H_
#define AUDITLEDGER_LEDGER_MASTER_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/random.h"
#include "ledger/secret_string.h"

namespace auditledger {

// Where a sealed text belongs.
struct SealedPlace {
  absl::string_view origin;
  absl::string_view file_name;  // without its folder
};

// What a sealed text says without its key.
struct SealedText {
  std::string fingerprint;
  std::string box;  // nonce || ciphertext || tag
};
// Whether `text` begins as a sealed one.
bool IsSealedText(absl::string_view text);
absl::StatusOr<SealedText> ParseSealedText(absl::string_view text);
// REQUIRES: a fingerprint as above.
std::string FormatSealedText(const SealedText& sealed);

class MasterKey {
 public:
  // InvalidArgument unless it has 32 bytes.
  static absl::StatusOr<MasterKey> FromBytes(SecretString key);
  static absl::StatusOr<MasterKey> Parse(absl::string_view text);
  static SecretString NewText(Random& random);

  // Not secret: names the key in errors, logs and sealed files.
  const std::string& fingerprint() const { return fingerprint_; }

  absl::StatusOr<std::string> Seal(const SealedPlace& place, absl::string_view text,
                                   Random& random) const;
  absl::StatusOr<SecretString> Open(const SealedPlace& place, absl::string_view sealed) const;

 private:
  MasterKey(SecretString key, std::string fingerprint)
      : key_(std::move(key)), fingerprint_(std::move(fingerprint)) {}
  SecretString SealingKey(absl::string_view origin) const;

  SecretString key_;
  std::string fingerprint_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_MASTER_KEY_H_
