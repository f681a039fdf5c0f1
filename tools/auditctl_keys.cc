// auditctl key-changes, rotate-key, freeze, retire: the life and the end of a log's key.
#include <cstdio>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/key_rotation.h"
#include "ledger/options.h"
#include "ledger/random.h"
#include "ledger/retired_signer.h"
#include "merkle/key_change_list.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_receipt.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

struct KeyOptions {
  uint64_t size = 0;
  std::string out;
  std::string key_dir;
  std::string state_dir;
  std::string origin;
  std::string old_key;
  std::string head;
  uint64_t confirmed = 0;
  std::string successor;
  std::string successor_key;
};

absl::StatusOr<std::string> KeyChangesText(const Options& global, uint64_t size) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(const std::string ledger, connection->LedgerName());
  v1::GetLedgerRequest request;
  request.set_name(ledger);
  v1::GetLedgerResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection->ledgers().GetLedger(connection->Call().get(), request, &response)));
  KeyChangeList list{response.ledger().origin(), size == 0 ? response.ledger().size() : size, {}};
  ASSIGN_OR_RETURN(list.changes, connection->KeyChangesAt(ledger, response.ledger(), list.size));
  return FormatKeyChangeList(list);
}

absl::Status PrintKeyChanges(const Options& global, const KeyOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, KeyChangesText(global, options.size));
  if (options.out.empty()) {
    std::cout << text;
    return absl::OkStatus();
  }
  return WriteFileAtomically({.path = options.out, .temporary = options.out + ".tmp"}, text);
}

absl::StatusOr<OldKey> ParseOldKey(const std::string& text) {
  if (text == "keep") return OldKey::kKeep;
  if (text == "destroy") return OldKey::kDestroy;
  return absl::InvalidArgumentError("--old-key: keep or destroy");
}

absl::Status RotateKey(const Options& global, const KeyOptions& options) {
  ASSIGN_OR_RETURN(const OldKey old_key, ParseOldKey(options.old_key));
  ASSIGN_OR_RETURN(const NoteVerifier next,
                   PrepareKeyChange(options.key_dir, options.origin, old_key, Random::System()));
  if (global.json) {
    PrintJson({{"origin", options.origin}, {"next_vkey", next.ToVkey()}});
  } else {
    std::cout << next.ToVkey() << "\n";
  }
  std::fputs(
      "auditctl: prepared. Give this key to emitters, witnesses and monitors; the ledger's next "
      "start makes the\nchange an entry, and from it on the new key signs\n",
      stderr);
  return absl::OkStatus();
}

absl::Status FreezeLedger(const Options& global, const KeyOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::FreezeLedgerRequest request;
  ASSIGN_OR_RETURN(*request.mutable_ledger(), connection->LedgerName());
  request.set_confirmed_size(options.confirmed);
  request.set_successor_origin(options.successor);
  if (!options.successor_key.empty()) {
    ASSIGN_OR_RETURN(const Pin pin, LoadPinOfItself(options.successor_key));
    request.set_successor_vkey(pin.key.ToVkey());
    if (options.successor.empty()) request.set_successor_origin(pin.origin);
  }
  v1::FreezeLedgerResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection->admin().FreezeLedger(connection->Call().get(), request, &response)));
  if (global.json) {
    PrintJson({{"name", response.ledger().name()},
               {"size", response.ledger().size()},
               {"state", "frozen"}});
  } else {
    PrintRow({response.ledger().name(), absl::StrCat(response.ledger().size()), "frozen"});
  }
  return absl::OkStatus();
}

absl::Status Retire(const Options& global, const KeyOptions& options) {
  if (global.pin_key.empty()) {
    return absl::InvalidArgumentError("--pin-key is missing: the head is checked against it");
  }
  ASSIGN_OR_RETURN(const Pin pin, LoadPinOfItself(global.pin_key));
  ASSIGN_OR_RETURN(const std::string note, ReadFileLimited(options.head, kMaxNoteBytes));
  LedgerPaths paths;
  paths.state_dir = options.state_dir;
  paths.key_dir = options.key_dir;
  const absl::Status retired = RetireLedger(paths, pin.key, note);
  if (absl::IsDataLoss(retired) || absl::IsUnauthenticated(retired)) return NotProven(retired);
  RETURN_IF_ERROR(retired);
  std::fputs(
      "auditctl: retired. From its next start on the ledger is served at this head, and its key "
      "signs nothing\n",
      stderr);
  return absl::OkStatus();
}

void AddKeyChanges(CLI::App& app, Run& run) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* command = app.add_subcommand(
      "key-changes",
      "Print the changes of a ledger's key with the proofs that they are under its head of SIZE "
      "entries: what\n"
      "auditledger-verify --key-changes needs for a receipt or head signed after a rotation. Not "
      "verified here.\n\n"
      "Example:\n  auditctl key-changes --ledger clinic --size 120 --out changes.txt");
  command->add_option("--size", options->size, "size of the head (default: the newest)");
  command->add_option("--out", options->out, "write to this file instead of standard output");
  command->callback([options, &run] {
    run.action = [options, &run] { return PrintKeyChanges(run.options, *options); };
  });
}

void AddRotateKey(CLI::App& app, Run& run) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* command = app.add_subcommand(
      "rotate-key",
      "Prepare a new signing key in a ledger's folder of keys, on the server's machine as its "
      "user, also while it\n"
      "serves. The server's next start logs the change, signed by both keys. Prints the new vkey. "
      "Where a process\n"
      "signs: auditledger-signer rotate.\n\n"
      "Example:\n"
      "  auditctl rotate-key --key_dir /var/lib/auditledger/keys/clinic --origin "
      "audit.example.org/clinic \\\n"
      "    --old-key destroy");
  command->add_option("--key_dir", options->key_dir, "the ledger's folder of keys")->required();
  command->add_option("--origin", options->origin, "the ledger's")->required();
  command
      ->add_option("--old-key", options->old_key,
                   "the old private key once the new one signs: keep (as retired-*.key) or destroy")
      ->required();
  command->callback([options, &run] {
    run.action = [options, &run] { return RotateKey(run.options, *options); };
  });
}

absl::Status RotateWrappingKey(const Options& global, const KeyOptions& options) {
  ASSIGN_OR_RETURN(const OldKey old_key, ParseOldKey(options.old_key));
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::RotateWrappingKeyRequest request;
  ASSIGN_OR_RETURN(*request.mutable_ledger(), connection->LedgerName());
  request.set_old_key(old_key == OldKey::kKeep ? v1::RotateWrappingKeyRequest::OLD_KEY_KEEP
                                               : v1::RotateWrappingKeyRequest::OLD_KEY_DESTROY);
  v1::RotateWrappingKeyResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection->admin().RotateWrappingKey(connection->Call().get(), request, &response)));
  if (global.json) {
    PrintJson({{"ledger", request.ledger()}, {"key_id", response.key_id()}});
  } else {
    PrintRow({request.ledger(), absl::StrCat(response.key_id())});
  }
  std::fputs(
      "auditctl: secrets are rewrapped now; `auditctl status` says when that is done. Then back "
      "up: "
      "copies of secrets\nfrom before need the old key\n",
      stderr);
  return absl::OkStatus();
}

void AddRotateWrappingKey(CLI::App& app, Run& run) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* command = app.add_subcommand(
      "rotate-wrapping-key",
      "Wrap a ledger's secrets under a new key while it serves: new ones at once, the others in "
      "the "
      "background. Prints\n"
      "ledger and the new key's id.\n\n"
      "Example:\n  auditctl rotate-wrapping-key --ledger clinic --old-key destroy");
  command
      ->add_option("--old-key", options->old_key,
                   "the old key once nothing is under it: keep (as retired-wrap-N.key) or destroy")
      ->required();
  command->callback([options, &run] {
    run.action = [options, &run] { return RotateWrappingKey(run.options, *options); };
  });
}

void AddFreeze(CLI::App& app, Run& run) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* command = app.add_subcommand(
      "freeze",
      "End a ledger for ever: one last entry says so, appends are refused from then on, reads and "
      "proofs go on.\n"
      "There is no way back; create-ledger --successor-of goes on elsewhere.\n\n"
      "Example:\n  auditctl freeze --ledger clinic --successor audit.example.org/clinic-2");
  command->add_option("--confirmed", options->confirmed,
                      "size of the last head that a witness or mirror had confirmed");
  command->add_option("--successor", options->successor, "origin of the ledger that goes on");
  command->add_option("--successor-key", options->successor_key,
                      "its vkey, or a file that holds it, where it is made already");
  command->callback([options, &run] {
    run.action = [options, &run] { return FreezeLedger(run.options, *options); };
  });
}

void AddRetire(CLI::App& app, Run& run) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* command = app.add_subcommand(
      "retire",
      "Give a stopped ledger up at a head of it that counts, for its key is stolen or a copy older "
      "than what was\n"
      "signed was restored: it is then served read-only at that head and its key signs nothing "
      "more. On the server's\n"
      "machine, as its user. There is no way back; create-ledger --successor-of goes on "
      "elsewhere.\n\n"
      "Example:\n"
      "  auditctl retire --head witnessed.txt --pin-key clinic.vkey \\\n"
      "    --state_dir /var/lib/auditledger/state/clinic --key_dir "
      "/var/lib/auditledger/keys/clinic");
  command->add_option("--head", options->head, "the head, a signed note")->required();
  command->add_option("--state_dir", options->state_dir, "the ledger's folder of state")
      ->required();
  command->add_option("--key_dir", options->key_dir, "the ledger's folder of keys")->required();
  command->callback(
      [options, &run] { run.action = [options, &run] { return Retire(run.options, *options); }; });
}

}  // namespace

void AddKeyCommands(CLI::App& app, Run& run) {
  AddKeyChanges(app, run);
  AddRotateKey(app, run);
  AddRotateWrappingKey(app, run);
  AddFreeze(app, run);
  AddRetire(app, run);
}

}  // namespace auditledger::ctl
