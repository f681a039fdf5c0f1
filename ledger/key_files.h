// Key files: making them and reading them back, strictly.
//
// One folder for each ledger, 0700, files 0600, owned by the process's user; anything wider is
// refused:
//   log.key        the C2SP note signer key "PRIVATE+KEY+origin+hash+base64" and LF; absent where a
//                  signer process holds it (signer_folder.h)
//   log.vkey       its public half, 0644, to hand to verifiers
//   signer.vkey    the same once more, only where a signer process holds the private half
//   key-changes    which keys there were before (key_history.h); of a key that is being changed
//                  and of old ones, key_rotation.h
//   index.key      "auditledger-key/v1 index 1 base64(32 bytes)" LF    tags of suite 1
//   dedup.key      the same with "dedup"                               identity MACs
//   wrap-N.key     the same with "wrap" and N, the key id (u16)        wraps seeds; the highest N
//   is current
//
// With a master key (master_key.h) index.key, dedup.key and wrap-N.key hold no clear text but
// sealed text. Not log.key: without it nobody reads more, and against a thief who signs stand a
// signer process (signer_folder.h) and a token (pkcs11_key.h).
//
// Formats: key_text.h. Secrets live in SecretString, which wipes itself; `Reveal` is the one word
// to grep for. Errors: FailedPrecondition for permissions (saying which and the chmod that mends
// it), for sealed files without their master key and for clear ones with one, DataLoss for
// contents.
#ifndef AUDITLEDGER_LEDGER_KEY_FILES_H_
#define AUDITLEDGER_LEDGER_KEY_FILES_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/key_text.h"
#include "ledger/key_use.h"
#include "ledger/master_key.h"
#include "ledger/mutex.h"
#include "ledger/posix_file.h"
#include "ledger/random.h"
#include "ledger/secret_string.h"
#include "ledger/seed_store.h"
#include "merkle/note.h"

namespace auditledger {

struct LedgerKeys {
  SecretString log_seed;  // 32-byte Ed25519 seed; empty where a signer process holds it
  NoteVerifier log_verifier;
  SecretString index_key;
  SecretString dedup_key;
  std::map<uint16_t, SecretString> wrapping_keys;

  explicit LedgerKeys(NoteVerifier v) : log_verifier(std::move(v)) {}
};

// Makes all keys of a new ledger, log.key last, each synced with its folder; sealed under `master`
// unless it is nullptr. AlreadyExists when there is a log.key, or a key that this does not make.
// Without one, the others are of a creation that was cut short: never used, and replaced.
absl::Status CreateKeyFiles(const std::string& key_dir, absl::string_view origin, Random& random,
                            const MasterKey* master = nullptr);
// The same where a signer process holds `log_key`: all but log.key, and signer.vkey last.
absl::Status CreateKeyFilesBesideSigner(const std::string& key_dir, const NoteVerifier& log_key,
                                        Random& random, const MasterKey* master = nullptr);

struct SealedFiles {
  size_t sealed = 0;  // now, of clear ones or of ones under the older master key
  size_t kept = 0;    // were sealed under `master` already
};
// Seals the symmetric keys of a ledger, retired ones too, under `master`: clear ones, and those
// under `older` unless it is nullptr. All are opened before one is changed; each is replaced as a
// whole, so that a run which was cut short is finished by the next one. What stood in the file is
// overwritten where it lies, which a disk that moves its blocks does not promise: rotate wrapping
// keys that were clear. FailedPrecondition for a file under a third master key.
absl::StatusOr<SealedFiles> SealKeyFiles(const std::string& key_dir, absl::string_view origin,
                                         const MasterKey& master, const MasterKey* older,
                                         Random& random);
// Both public halves, where a signer process now signs with another key; nothing where it does not.
absl::Status ReplaceSignerVkey(const std::string& key_dir, const NoteVerifier& log_key);
// NotFound when there is neither log.key nor signer.vkey, or another is missing.
// `master`: nullptr for clear files.
absl::StatusOr<LedgerKeys> LoadKeyFiles(const std::string& key_dir, absl::string_view origin,
                                        const MasterKey* master = nullptr);
// The signing key in `path`, which must be private as above and named `origin`.
absl::StatusOr<NoteSigningKey> LoadNoteSigningKey(const std::string& path,
                                                  absl::string_view origin);
// A file that is this process's user's alone, of at most 4,096 bytes. DataLoss when longer.
absl::StatusOr<SecretString> ReadPrivateFile(const std::string& path);
// The same of an open file, whoever it belongs to.
absl::StatusOr<SecretString> ReadSecretFile(const PosixFile& file);
// FailedPrecondition unless `dir` is this process's user's and closed to others.
absl::Status CheckPrivateDirectory(const std::string& dir);

// What a rotation of the wrapping key does to the files (wrap_rotation.h).
struct AddedWrappingKey {
  uint16_t id = 0;
  SecretString key;
};
// Makes the wrap-N.key that follows the highest, sealed as the others are. ResourceExhausted after
// 65,535.
absl::StatusOr<AddedWrappingKey> AddWrappingKey(const std::string& key_dir,
                                                absl::string_view origin, Random& random,
                                                const MasterKey* master);
// Every wrap-N.key with N below `id`: named retired-wrap-N.key where it is kept, else
// destroyed-wrap-N.key, overwritten with zeros and removed. Idempotent, also after a failure.
absl::Status RetireWrappingKeys(const std::string& key_dir, uint16_t id, bool keep);

// The wrapping keys of a ledger that serves. Thread-safe.
class FileKeyProvider : public KeyProvider {
 public:
  // The highest key is current.
  explicit FileKeyProvider(const LedgerKeys& keys);
  uint16_t current_key_id() const override;
  absl::StatusOr<std::string> WrappingKey(uint16_t key_id) const override;
  void Wrapped(uint16_t key_id, uint64_t secrets) const override;
  void Opened(uint16_t key_id, uint64_t secrets) const override;
  // Since the start, by id; also of keys that were dropped.
  KeyUses uses() const;
  // Current from now on. REQUIRES: higher than all.
  void TakeOver(AddedWrappingKey key);
  void DropBelow(uint16_t id);

 private:
  mutable Mutex mutex_;
  std::map<uint16_t, SecretString> keys_ ABSL_GUARDED_BY(mutex_);
  mutable KeyUses uses_ ABSL_GUARDED_BY(mutex_);
};
std::unique_ptr<FileKeyProvider> NewFileKeyProvider(const LedgerKeys& keys);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_KEY_FILES_H_
