// Where a program gets the master key from (master_key.h): the value of --master_key.
//
//   file:PATH                  a key file, this process's user's alone
//   credential:NAME            systemd's: $CREDENTIALS_DIRECTORY/NAME (LoadCredentialEncrypted=)
//   env:NAME                   an environment variable; taken out of the environment at once
//   command:/PROGRAM ARG...    what a program prints; words are parted by single spaces, no shell
//   pkcs11:PATH                a token's (pkcs11_master.h); PATH is a file as pkcs11_spec.h
//
// The first four hold the key's text, `auditctl new-master-key` makes one. Keep it away from the
// disks that hold keys, seeds and backups: on the same one it protects nothing.
//
// Example: ASSIGN_OR_RETURN(auto master, LoadMasterKey("credential:auditledger-master"));
//
// Thread-safety: LoadMasterKey reads and, for env:, changes the environment: call it before
// threads are started. Errors: InvalidArgument for a source of no such form; else the cause, with
// the source's kind and place and what to do. Never the key.
#ifndef AUDITLEDGER_LEDGER_MASTER_KEY_SOURCE_H_
#define AUDITLEDGER_LEDGER_MASTER_KEY_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/master_key.h"
#include "ledger/secret_command.h"

namespace auditledger {

// Of a source's text: a path, or a program and what it is told.
inline constexpr size_t kMaxMasterKeySourceBytes = 4096;

struct MasterKeySource {
  enum class Kind { kFile, kCredential, kEnvironment, kCommand, kPkcs11 };
  Kind kind = Kind::kFile;
  std::string place;               // path or name; of a command its program
  std::vector<std::string> words;  // of a command: program and arguments
};
absl::StatusOr<MasterKeySource> ParseMasterKeySource(absl::string_view text);

absl::StatusOr<std::shared_ptr<const MasterKey>> LoadMasterKey(
    absl::string_view source, const SecretCommandLimits& limits = {});
// The same for a flag that was not given: without a source no key.
absl::StatusOr<std::shared_ptr<const MasterKey>> LoadMasterKeyIfGiven(absl::string_view source);
// Makes the secret in the token that the file at `path` names, for pkcs11:PATH to give its key.
absl::Status MakeMasterKeyInToken(const std::string& path);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_MASTER_KEY_SOURCE_H_
