// auditctl backup-verify and restore: a backup checked, and made a ledger's folders again; offline.
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/backup_restore.h"
#include "ledger/backup_secrets.h"
#include "ledger/master_key_source.h"
#include "ledger/timestamp_store.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_backup.h"

namespace auditledger::ctl {
namespace {

struct CommandOptions {
  RestoreOptions restore;
  std::string master_key;
  bool progress = false;
};

void Print(const Options& global, const std::string& dir, const BackupSummary& summary,
           uint64_t timestamps) {
  const Checkpoint& head = summary.head.checkpoint;
  if (summary.unproven_segments > 0) {
    std::fprintf(stderr,
                 "auditctl: %llu segments of a run that was cut short are left out; the next "
                 "backup goes on with them\n",
                 static_cast<unsigned long long>(summary.unproven_segments));
  }
  if (!global.json) {
    PrintRow({dir, absl::StrCat(head.size), head.root.ToHex()});
    return;
  }
  PrintJson({{"dir", dir},
             {"origin", head.origin},
             {"size", head.size},
             {"root", head.root.ToHex()},
             {"increments", summary.increments},
             {"segments", summary.segments},
             {"streams", summary.streams},
             {"bytes", summary.bytes},
             {"timestamps", timestamps}});
}

// Reads all timestamps of the folder, each whole, and puts them in `to` unless that is empty; how
// many. Their tokens are for the verifier to judge, who knows which authority to believe.
absl::StatusOr<uint64_t> CopyTimestamps(const std::string& from, const std::string& to) {
  const TimestampStore source(from + kBackupTimestamps);
  ASSIGN_OR_RETURN(const std::vector<std::string> stems, source.List());
  for (const std::string& stem : stems) {
    ASSIGN_OR_RETURN(const StoredTimestamp timestamp, source.Read(stem));
    if (to.empty()) continue;
    const TimestampStore store(to + kBackupTimestamps);
    RETURN_IF_ERROR(store.Put(timestamp));
    if (!timestamp.receipt.empty()) RETURN_IF_ERROR(store.PutReceipt(stem, timestamp.receipt));
  }
  return stems.size();
}

class VerifyProgress : public BackupVisitor {
 public:
  explicit VerifyProgress(bool always) : progress_("entries", always) {}
  absl::Status Entry(const VisitedEntry& entry) override {
    progress_.Update(entry.index + 1, 0);
    return absl::OkStatus();
  }

 private:
  Progress progress_;
};

absl::Status Verify(const Options& global, const CommandOptions& options) {
  ASSIGN_OR_RETURN(const Pin pin, RequiredPin(global));
  VerifyProgress progress(options.progress);
  const auto summary = ReadBackup(options.restore.from, pin.key, progress);
  RETURN_IF_ERROR(Unproven(summary.status()));
  const auto timestamps = CopyTimestamps(options.restore.from.log, "");
  RETURN_IF_ERROR(Unproven(timestamps.status()));
  Print(global, options.restore.from.log, *summary, *timestamps);
  return absl::OkStatus();
}

absl::Status Restore(const Options& global, CommandOptions options) {
  ASSIGN_OR_RETURN(const Pin pin, RequiredPin(global));
  RestoreOptions& restore = options.restore;
  ASSIGN_OR_RETURN(restore.master_key, LoadMasterKeyIfGiven(options.master_key));
  const bool checked = !restore.key_dir.empty();
  if (restore.seed_dir.empty() != (restore.from.secrets.empty() && !checked)) {
    return absl::InvalidArgumentError(
        "--seeds and --seed_dir belong together: where the secrets are, and where they go. Without "
        "--seeds the key store is left as it is; --key_dir then wants its --seed_dir");
  }
  if (!restore.seed_dir.empty()) {
    RETURN_IF_ERROR(CheckApart(restore.data_dir, restore.seed_dir));
  }
  Progress progress("entries", options.progress);
  restore.progress = [&progress](uint64_t entries) { progress.Update(entries, 0); };
  const auto summary = RestoreBackup(restore, pin.key);
  RETURN_IF_ERROR(Unproven(summary.status()));
  // The log is whole without them: a damaged one does not undo the restore.
  const auto timestamps = CopyTimestamps(restore.from.log, restore.data_dir);
  if (!timestamps.ok()) {
    std::fprintf(stderr, "auditctl: not all timestamps were restored: %s\n",
                 std::string(timestamps.status().message()).c_str());
  }
  Print(global, restore.data_dir, *summary, timestamps.value_or(0));
  std::fputs(
      "auditctl: restored. Keys and the signer's state were not touched: at its next start the "
      "server compares this\nlog with what was signed, and refuses it if it is older\n",
      stderr);
  std::fputs(checked
                 ? "auditctl: every payload and identity was checked with the keys\n"
                 : "auditctl: payloads and identities were not checked: an edited backup would "
                   "pass. Run auditledger-fsck\nwith --keys and --seeds before the first start, or "
                   "restore with --key_dir\n",
             stderr);
  return absl::OkStatus();
}

void AddVerify(CLI::App& app, Run& run) {
  auto options = std::make_shared<CommandOptions>();
  CLI::App* command = app.add_subcommand(
      "backup-verify",
      "Check a backup offline: every file against its digest, every entry into its signed head. "
      "With --seeds also\n"
      "that the secret of each payload is there. That payloads and identities are those of the "
      "entries shows only\n"
      "with the keys: restore --key_dir. Prints folder, entries, root.\n\n"
      "Example:\n  auditctl backup-verify /backup/clinic --seeds /vault/clinic --pin-key "
      "clinic.vkey");
  command->add_option("dir", options->restore.from.log, "the backup's folder")->required();
  command->add_option("--seeds", options->restore.from.secrets, "the secrets' folder");
  command->add_flag("--progress", options->progress, "report progress even when not on a terminal");
  command->callback(
      [options, &run] { run.action = [options, &run] { return Verify(run.options, *options); }; });
}

}  // namespace

void AddRestoreCommands(CLI::App& app, Run& run) {
  AddVerify(app, run);
  auto options = std::make_shared<CommandOptions>();
  CLI::App* command = app.add_subcommand(
      "restore",
      "Make a ledger's data folder (and its key store's) out of a backup, on the server's machine "
      "while the server\n"
      "is stopped; both must be empty. All is checked against the backup's signed head. Keys and "
      "the signer's state\n"
      "are never changed, so that the server notices a backup that is older than what it signed. "
      "Run it as the\n"
      "server's user. With --key_dir every payload and identity is checked against its entry as "
      "well. Prints folder,\n"
      "entries, root.\n\n"
      "Example:\n"
      "  auditctl restore --from /backup/clinic --seeds /vault/clinic --pin-key clinic.vkey \\\n"
      "    --data_dir /var/lib/auditledger/data/clinic --seed_dir "
      "/var/lib/auditledger/seeds/clinic \\\n"
      "    --key_dir /var/lib/auditledger/keys/clinic");
  command->add_option("--from", options->restore.from.log, "the backup's folder")->required();
  command->add_option("--seeds", options->restore.from.secrets, "the secrets' folder");
  command->add_option("--data_dir", options->restore.data_dir, "the ledger's folder of data")
      ->required();
  command->add_option("--seed_dir", options->restore.seed_dir, "the ledger's folder of seeds");
  command->add_option("--key_dir", options->restore.key_dir,
                      "the ledger's folder of keys: check payloads and identities with them");
  command->add_option("--master_key", options->master_key,
                      "where the key is that those are sealed under, as auditledgerd's");
  command->add_flag("--progress", options->progress, "report progress even when not on a terminal");
  command->callback(
      [options, &run] { run.action = [options, &run] { return Restore(run.options, *options); }; });
}

bool IsUnproven(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsUnauthenticated(status) ||
         absl::IsInvalidArgument(status);
}

absl::Status Unproven(const absl::Status& status) {
  return IsUnproven(status) ? NotProven(status) : status;
}

absl::StatusOr<Pin> RequiredPin(const Options& options) {
  if (options.pin_key.empty()) {
    return absl::InvalidArgumentError(
        "--pin-key is missing (or AUDITCTL_PIN_KEY): a backup is checked against the ledger's key");
  }
  return LoadPinOfItself(options.pin_key);
}

}  // namespace auditledger::ctl
