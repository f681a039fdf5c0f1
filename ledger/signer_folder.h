// The folder of a signer process: one folder in it for each origin it signs for, so that a key and
// the memory of what was signed with it stay together and can be moved together.
//
//   DIR/<first 32 hex digits of SHA-256(origin)>/
//     origin         the origin and LF
//     log.key        key_files.h, 0600; or
//     pkcs11.key     pkcs11_spec.h, 0600: the key lies in a token
//     log.vkey       its public half and LF, 0644
//     signer.state   signer.h
//   and those of a key that is being changed (key_rotation.h)
//
// DIR and the folders are the process's own, 0700. A folder gets its name when it is whole: what
// a crash leaves of a new one ends in ".new" and is begun again.
//
// Example:
//   ASSIGN_OR_RETURN(NoteVerifier v, CreateSignerOrigin(dir, "audit.example.org/clinic", random));
//   ASSIGN_OR_RETURN(std::unique_ptr<Signer> signer, OpenSignerOrigin(dir, v.name()));
//
// Thread-safety: pure but for the files; an opened signer belongs to one thread at a time.
// Errors: as signer.h, key_files.h and pkcs11_key.h.
#ifndef AUDITLEDGER_LEDGER_SIGNER_FOLDER_H_
#define AUDITLEDGER_LEDGER_SIGNER_FOLDER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/key_rotation.h"
#include "ledger/pkcs11_spec.h"
#include "ledger/random.h"
#include "ledger/signer.h"
#include "merkle/note.h"

namespace auditledger {

// Makes `dir` when absent. FailedPrecondition unless it is this user's alone.
absl::Status PrepareSignerFolder(const std::string& dir);
std::string SignerOriginPath(const std::string& dir, absl::string_view origin);

// A new key, and a state that has signed nothing. AlreadyExists when `dir` has one for `origin`.
absl::StatusOr<NoteVerifier> CreateSignerOrigin(const std::string& dir, const std::string& origin,
                                                Random& random);
// The same with a new key in a token. AlreadyExists also when the token has a key of this label:
// what it has signed the token does not know, and with an empty state it would sign another history
// of the same ledger. `last_signed` is for one who knows, and takes the key that is there: the last
// head that was signed with it for this origin, or Head() when none ever was. NotFound when it is
// not there. As with AdoptSignerHead the head's time stays 0.
absl::StatusOr<NoteVerifier> CreatePkcs11Origin(
    const std::string& dir, const std::string& origin, const Pkcs11Spec& spec,
    const std::optional<Head>& last_signed = std::nullopt);
// Where the state was lost and only there: makes one that has signed `head`, whose time is not
// known and stays 0, by which the ledger knows and records that it was adopted. AlreadyExists when
// there is a state.
absl::Status AdoptSignerHead(const std::string& dir, const std::string& origin, uint64_t size,
                             const Hash& root);

// Prepares a change of the key (key_rotation.h), also while a process signs with it: the next start
// of the ledger makes it. A key in a token is followed by one in a token, `token`, of a new label,
// and is kept. AlreadyExists: one is prepared already, or the token has a key of that label.
absl::StatusOr<NoteVerifier> RotateSignerKey(const std::string& dir, const std::string& origin,
                                             OldKey old_key, const std::optional<Pkcs11Spec>& token,
                                             Random& random);

// NotFound: `dir` has no folder for `origin`. FailedPrecondition when it is there and cannot sign.
absl::StatusOr<std::unique_ptr<Signer>> OpenSignerOrigin(const std::string& dir,
                                                         const std::string& origin);

// What lies in `dir`, read without locking anything: also while a process signs with it.
struct SignerOriginStatus {
  std::string path;
  std::string origin;  // empty when it cannot be read
  std::string vkey;
  std::optional<Head> last;
  absl::Status problem;  // why it cannot sign
};
absl::StatusOr<std::vector<SignerOriginStatus>> ListSignerOrigins(const std::string& dir);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SIGNER_FOLDER_H_
