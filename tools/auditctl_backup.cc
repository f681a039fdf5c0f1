// auditctl backup: an increment of a ledger's backup, proven against a signed head as it is made.
#include <chrono>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/client/retry.h"
#include "ledger/backup_secrets.h"
#include "ledger/backup_writer.h"
#include "ledger/seed_store.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"
#include "tools/auditctl.h"
#include "tools/auditctl_backup.h"
#include "tools/auditctl_receipt.h"
#include "tools/auditctl_timestamps.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

// A connection lives ten minutes (api/limits.h): a call that lasts longer is taken up by another.
constexpr std::chrono::seconds kCallTime{600};
// Calls in a row that brought nothing.
constexpr int kMaxIdleAttempts = 5;
constexpr int kMaxKnownSegments = 65536;  // the service's limit

struct BackupOptions {
  std::string dir;
  std::string secrets_dir;
  bool progress = false;
};

class Backup {
 public:
  Backup(Connection& connection, std::string ledger, Pin pin, const BackupOptions& options)
      : connection_(connection),
        ledger_(std::move(ledger)),
        pin_(std::move(pin)),
        options_(options) {
    retry_.max_attempts = kMaxIdleAttempts;
  }

  absl::Status Run(bool json);

 private:
  absl::Status FetchLog();
  absl::Status FetchSecrets(uint64_t size);
  // Repeats `call` for as long as it moves `done` on, or may.
  absl::Status Persist(absl::FunctionRef<absl::Status()> call, absl::FunctionRef<uint64_t()> done);
  absl::Status CheckExtends(const v1::Checkpoint& checkpoint);
  absl::Status CallLog(Progress& progress);
  absl::Status TakeLog(const v1::BackupLedgerResponse& response);
  absl::Status CallSecrets(uint64_t size, uint64_t& done, Progress& progress);
  absl::Status TakeSecrets(const v1::BackupSecretsResponse& response, uint64_t size,
                           uint64_t& done);
  absl::Status Aim(const v1::Checkpoint& checkpoint);
  absl::Status Refused(const absl::Status& status);
  std::unique_ptr<grpc::ClientContext> LongCall() const {
    auto context = connection_.Call(/*endless=*/true);
    context->set_deadline(std::chrono::system_clock::now() + kCallTime);
    return context;
  }

  Connection& connection_;
  const std::string ledger_;
  const Pin pin_;
  const BackupOptions& options_;
  RetryPolicy retry_;
  std::mt19937_64 random_{std::random_device{}()};
  std::unique_ptr<BackupWriter> writer_;
  std::unique_ptr<SecretsMirror> mirror_;
  std::string shown_;  // the server's newest head
  std::string slots_;  // of the segment that is coming in
  uint64_t segments_replaced_ = 0;
};

// Another history, or none that can be proven: kept, for it is signed.
absl::Status Backup::Refused(const absl::Status& status) {
  if (status.ok() || !IsUnproven(status)) return status;
  const std::string path = absl::StrCat(options_.dir, "/refused-checkpoint");
  const absl::Status kept = WriteFileAtomically({.path = path, .temporary = path + ".tmp"}, shown_);
  return NotProven(absl::DataLossError(
      absl::StrCat(status.message(), kept.ok() ? "\n  the server's head is kept in " : "",
                   kept.ok() ? path : "")));
}

absl::Status Backup::Aim(const v1::Checkpoint& checkpoint) {
  shown_ = checkpoint.note();
  v1::GetLedgerRequest request;
  request.set_name(ledger_);
  v1::GetLedgerResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection_.ledgers().GetLedger(connection_.Call().get(), request, &response)));
  std::vector<LoggedKeyChange> changes;
  for (const v1::KeyChange& change : response.ledger().key_changes()) {
    changes.push_back({change.index(), change.leaf(), {}});
  }
  return Refused(writer_->Aim(shown_, changes));
}

// Before anything is fetched: a long transfer from a server that forked would be for nothing.
absl::Status Backup::CheckExtends(const v1::Checkpoint& checkpoint) {
  RETURN_IF_ERROR(Aim(checkpoint));
  const auto& head = writer_->head();
  if (!head.has_value() || head->checkpoint.size == writer_->target()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const SignedCheckpoint shown, connection_.Open(checkpoint));
  v1::GetConsistencyProofRequest request;
  request.set_ledger(ledger_);
  request.set_old_size(head->checkpoint.size);
  request.set_new_size(shown.checkpoint.size);
  v1::GetConsistencyProofResponse response;
  RETURN_IF_ERROR(FromRpc(
      connection_.ledgers().GetConsistencyProof(connection_.Call().get(), request, &response)));
  ASSIGN_OR_RETURN(const std::vector<Hash> hashes, ProofHashes(response.proof().hashes()));
  const absl::Status extends =
      VerifyConsistency(head->checkpoint.size, head->checkpoint.root, shown.checkpoint.size,
                        shown.checkpoint.root, hashes);
  if (extends.ok()) return extends;
  return Refused(
      absl::DataLossError(absl::StrCat("fork: the server's head of size ", shown.checkpoint.size,
                                       " is not proven to extend the backup's of size ",
                                       head->checkpoint.size, " (", extends.message(), ")")));
}

absl::Status Backup::TakeLog(const v1::BackupLedgerResponse& response) {
  if (response.has_checkpoint()) RETURN_IF_ERROR(Aim(response.checkpoint()));
  RETURN_IF_ERROR(writer_->AddStreams(
      std::vector<std::string>(response.streams().begin(), response.streams().end())));
  for (const v1::BackupEntry& entry : response.entries()) {
    RETURN_IF_ERROR(writer_->AddEntry({entry.leaf(), entry.payload(), entry.identity()}));
  }
  return absl::OkStatus();
}

absl::Status Backup::CallLog(Progress& progress) {
  v1::BackupLedgerRequest request;
  request.set_ledger(ledger_);
  request.set_start_index(writer_->next());
  request.set_start_stream(writer_->next_stream());
  const auto context = LongCall();
  const auto reader = connection_.admin().BackupLedger(context.get(), request);
  v1::BackupLedgerResponse response;
  while (reader->Read(&response)) {
    const absl::Status taken = Unproven(TakeLog(response));
    if (!taken.ok()) {
      context->TryCancel();
      static_cast<void>(reader->Finish());
      return taken;
    }
    progress.Update(writer_->next(), writer_->target());
  }
  return FromRpc(reader->Finish());
}

absl::Status Backup::Persist(absl::FunctionRef<absl::Status()> call,
                             absl::FunctionRef<uint64_t()> done) {
  for (int idle = 1;; ++idle) {
    const uint64_t before = done();
    const absl::Status status = call();
    if (status.ok() || !IsRetryable(status)) return status;
    if (done() > before) idle = 1;
    if (idle >= kMaxIdleAttempts) return status;
    Sleep(retry_, RetryDelay(retry_, idle, status, random_));
  }
}

absl::Status Backup::FetchLog() {
  v1::GetCheckpointRequest request;
  request.set_ledger(ledger_);
  v1::GetCheckpointResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection_.ledgers().GetCheckpoint(connection_.Call().get(), request, &response)));
  RETURN_IF_ERROR(CheckExtends(response.checkpoint()));
  Progress progress("entries", options_.progress);
  RETURN_IF_ERROR(Persist([&] { return CallLog(progress); }, [&] { return writer_->next(); }));
  return Refused(writer_->Finish());
}

absl::Status Backup::TakeSecrets(const v1::BackupSecretsResponse& response, uint64_t size,
                                 uint64_t& done) {
  const uint64_t end = std::min(done + kSeedSlotsPerSegment, size);
  if (done >= size || response.first_index() != done + slots_.size() / kSeedSlotBytes) {
    return NotProven(absl::DataLossError("secrets came out of order"));
  }
  if (response.slots().empty()) {  // the same as here
    done = end;
    return absl::OkStatus();
  }
  slots_ += response.slots();
  const uint64_t wanted = (end - done) * kSeedSlotBytes;
  if (slots_.size() < wanted) return absl::OkStatus();
  if (slots_.size() > wanted) {
    return NotProven(absl::DataLossError("more secrets came than the segment has"));
  }
  RETURN_IF_ERROR(mirror_->Replace(done, slots_));
  slots_.clear();
  done = end;
  ++segments_replaced_;
  return absl::OkStatus();
}

absl::Status Backup::CallSecrets(uint64_t size, uint64_t& done, Progress& progress) {
  v1::BackupSecretsRequest request;
  request.set_ledger(ledger_);
  request.set_size(size);
  ASSIGN_OR_RETURN(const std::vector<Hash> known, mirror_->Digests());
  for (const Hash& digest : known) {
    if (request.known_segments_size() == kMaxKnownSegments) break;
    request.add_known_segments(digest.view().data(), Hash::kSize);
  }
  slots_.clear();
  done = 0;
  const auto context = LongCall();
  const auto reader = connection_.admin().BackupSecrets(context.get(), request);
  v1::BackupSecretsResponse response;
  while (reader->Read(&response)) {
    const absl::Status taken = TakeSecrets(response, size, done);
    if (!taken.ok()) {
      context->TryCancel();
      static_cast<void>(reader->Finish());
      return taken;
    }
    progress.Update(done, size);
  }
  RETURN_IF_ERROR(FromRpc(reader->Finish()));
  return done == size ? absl::OkStatus()
                      : NotProven(absl::DataLossError("the secrets ended too early"));
}

absl::Status Backup::FetchSecrets(uint64_t size) {
  ASSIGN_OR_RETURN(mirror_, SecretsMirror::Open(options_.secrets_dir, pin_.origin));
  Progress progress("secrets", options_.progress);
  uint64_t done = 0;
  return Persist([&] { return CallSecrets(size, done, progress); },
                 [&] { return segments_replaced_; });
}

absl::Status Backup::Run(bool json) {
  auto writer = BackupWriter::Open(options_.dir, pin_.key);
  RETURN_IF_ERROR(Unproven(writer.status()));
  writer_ = *std::move(writer);
  const uint64_t had = writer_->head().has_value() ? writer_->head()->checkpoint.size : 0;
  RETURN_IF_ERROR(FetchLog());
  const uint64_t size = writer_->next();
  // The log first: the secrets of all its entries are then in what follows.
  if (!options_.secrets_dir.empty()) RETURN_IF_ERROR(FetchSecrets(size));
  FolderSink files(options_.dir);
  ASSIGN_OR_RETURN(const uint64_t timestamps, ExportTimestamps(connection_, ledger_, size, files));
  if (json) {
    PrintJson({{"dir", options_.dir},
               {"size", size},
               {"new", size - had},
               {"bytes", writer_->bytes_written()},
               {"secret_segments", segments_replaced_},
               {"timestamps", timestamps}});
  } else {
    PrintRow({options_.dir, absl::StrCat(size), absl::StrCat(size - had)});
  }
  return absl::OkStatus();
}

absl::Status RunBackup(const Options& global, const BackupOptions& options) {
  ASSIGN_OR_RETURN(Pin pin, RequiredPin(global));
  if (!options.secrets_dir.empty()) {
    RETURN_IF_ERROR(CheckApart(options.dir, options.secrets_dir));
  }
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(std::string ledger, connection->LedgerName());
  return Backup(*connection, std::move(ledger), std::move(pin), options).Run(global.json);
}

}  // namespace

void AddBackupCommand(CLI::App& app, Run& run) {
  auto options = std::make_shared<BackupOptions>();
  CLI::App* command = app.add_subcommand(
      "backup",
      "Copy the ledger into a folder, as it is stored, while it serves; the same folder again adds "
      "what is new.\n"
      "What is copied is proven to lead from the last backup's head to a newer one, both signed "
      "by --pin-key,\n"
      "before it counts: a server that lost entries or shows another history is refused. The "
      "secrets that open\n"
      "the payloads go to another folder, kept equal to the key store so that erasures reach it. "
      "Prints folder,\n"
      "entries, new entries. For administrators.\n\n"
      "Example:\n"
      "  auditctl backup --ledger clinic --pin-key clinic.vkey --to /backup/clinic --seeds "
      "/vault/clinic");
  command->add_option("--to", options->dir, "the folder; made when it is not there")->required();
  command->add_option("--seeds", options->secrets_dir,
                      "the secrets' folder, apart from the other; without it they are not copied");
  command->add_flag("--progress", options->progress, "report progress even when not on a terminal");
  command->callback([options, &run] {
    run.action = [options, &run] { return RunBackup(run.options, *options); };
  });
}

}  // namespace auditledger::ctl
