// auditctl new-master-key and seal-keys: the key that a ledger's keys are sealed under; offline.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/key_files.h"
#include "ledger/master_key_source.h"
#include "ledger/posix_file.h"
#include "ledger/random.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"

namespace auditledger::ctl {
namespace {

struct SealOptions {
  std::string out;
  std::string token;
  std::string key_dir;
  std::string origin;
  std::string master_key;
  std::string new_master_key;
};

void PrintFingerprint(const Options& global, const MasterKey& key) {
  if (global.json) return PrintJson({{"fingerprint", key.fingerprint()}});
  std::cout << key.fingerprint() << "\n";
}

absl::Status MakeInToken(const Options& global, const std::string& path) {
  RETURN_IF_ERROR(MakeMasterKeyInToken(path));
  ASSIGN_OR_RETURN(const auto key, LoadMasterKey(absl::StrCat("pkcs11:", path)));
  PrintFingerprint(global, *key);
  return absl::OkStatus();
}

absl::Status NewMasterKey(const Options& global, const SealOptions& options) {
  if (!options.token.empty()) return MakeInToken(global, options.token);
  const SecretString text = MasterKey::NewText(Random::System());
  ASSIGN_OR_RETURN(const MasterKey key, MasterKey::Parse(text.Reveal()));
  if (!options.out.empty()) {
    RETURN_IF_ERROR(CreateFile(options.out, text.Reveal(), 0600));
    PrintFingerprint(global, key);
    return absl::OkStatus();
  }
  if (::isatty(STDOUT_FILENO) != 0) {
    return absl::InvalidArgumentError(
        "standard output is a terminal, which remembers: pipe it to what keeps the key, or --out");
  }
  std::cout << text.Reveal() << std::flush;
  std::cerr << "auditctl: master key " << key.fingerprint() << "\n";
  if (std::cout) return absl::OkStatus();
  return absl::UnavailableError("standard output cannot be written");
}

absl::Status SealKeys(const Options& global, const SealOptions& options) {
  ASSIGN_OR_RETURN(const auto named, LoadMasterKey(options.master_key));
  ASSIGN_OR_RETURN(const auto newer, LoadMasterKeyIfGiven(options.new_master_key));
  const MasterKey& master = newer != nullptr ? *newer : *named;
  ASSIGN_OR_RETURN(const SealedFiles done,
                   SealKeyFiles(options.key_dir, options.origin, master,
                                newer != nullptr ? named.get() : nullptr, Random::System()));
  if (global.json) {
    PrintJson({{"origin", options.origin},
               {"fingerprint", master.fingerprint()},
               {"sealed", done.sealed},
               {"kept", done.kept}});
  } else {
    PrintRow(
        {options.origin, master.fingerprint(), absl::StrCat(done.sealed), absl::StrCat(done.kept)});
  }
  std::fputs(
      "auditctl: sealed. The server's next start needs --master_key; the copies of the files as "
      "they were, in backups\ntoo, are to be destroyed\n",
      stderr);
  return absl::OkStatus();
}

void AddNewMasterKey(CLI::App& app, Run& run) {
  auto options = std::make_shared<SealOptions>();
  CLI::App* command = app.add_subcommand(
      "new-master-key",
      "Make a master key: the key that a server's other keys are sealed under. To standard output "
      "for a pipe, to a\n"
      "file that only its owner reads (--out), or in a PKCS #11 token, which it never leaves "
      "(--pkcs11). Its fingerprint\n"
      "is printed; it is no secret. Keep a copy of the key elsewhere: without it nobody reads an "
      "event again.\n\n"
      "Example:\n"
      "  auditctl new-master-key | systemd-creds encrypt --name=auditledger-master - "
      "/etc/auditledger/master.cred\n"
      "  auditctl new-master-key --pkcs11 /etc/auditledger/master.pkcs11");
  CLI::Option* out = command->add_option("--out", options->out, "a new file, 0600");
  command
      ->add_option("--pkcs11", options->token,
                   "file that names module, token, key and PIN file (ledger/pkcs11_spec.h)")
      ->excludes(out);
  command->callback([options, &run] {
    run.action = [options, &run] { return NewMasterKey(run.options, *options); };
  });
}

void AddSealKeys(CLI::App& app, Run& run) {
  auto options = std::make_shared<SealOptions>();
  CLI::App* command = app.add_subcommand(
      "seal-keys",
      "Seal a ledger's keys under a master key, on the server's machine as its user: clear ones, "
      "and with\n"
      "--new_master_key those that are sealed under --master_key. Also while it serves; its next "
      "start wants the master\n"
      "key. Run again after a crash, it finishes. Prints origin, fingerprint, files sealed, files "
      "that were.\n\n"
      "Example:\n"
      "  auditctl seal-keys --key_dir /var/lib/auditledger/keys/clinic --origin "
      "audit.example.org/clinic \\\n"
      "    --master_key file:/etc/auditledger/master.key");
  command->add_option("--key_dir", options->key_dir, "the ledger's folder of keys")->required();
  command->add_option("--origin", options->origin, "the ledger's")->required();
  command
      ->add_option("--master_key", options->master_key,
                   "its source, as auditledgerd's: file:, credential:, env:, command: or pkcs11:")
      ->required();
  command->add_option("--new_master_key", options->new_master_key,
                      "source of the one that takes its place");
  command->callback([options, &run] {
    run.action = [options, &run] { return SealKeys(run.options, *options); };
  });
}

}  // namespace

void AddSealCommands(CLI::App& app, Run& run) {
  AddNewMasterKey(app, run);
  AddSealKeys(app, run);
}

}  // namespace auditledger::ctl
