// What the commands of auditctl share: options, connection, errors, output.
//
// A command family is one file auditctl_X.cc with one function AddXCommands, which declares its
// subcommands and, when one of them was typed, leaves what it does in `run.action`.
//
// Thread-safety: one thread.
#ifndef AUDITLEDGER_TOOLS_AUDITCTL_H_
#define AUDITLEDGER_TOOLS_AUDITCTL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/admin_service.grpc.pb.h"
#include "auditledger/v1/erasure_service.grpc.pb.h"
#include "auditledger/v1/ledger_service.grpc.pb.h"
#include "auditledger/v1/patient_service.grpc.pb.h"
#include "auditledger/v1/proof_service.grpc.pb.h"
#include "merkle/checkpoint.h"
#include "merkle/key_chain.h"
#include "verifier/pins.h"

namespace auditledger::ctl {

struct Options {
  std::string version;                    // of this program
  std::string server = "localhost:7443";  // host:port or unix:/path
  std::string ledger;
  std::string ca;
  std::string cert;
  std::string key_file;
  std::string token_file;
  std::string pin_key;  // vkey, or a file that holds one
  bool json = false;
  double timeout_s = 10;
};

struct Run {
  Options options;
  std::function<absl::Status()> action;
};

void AddAdminCommands(CLI::App& app,
                      Run& run);  // dev-certs, create-ledger, ledgers, streams, status
void AddAppendCommand(CLI::App& app, Run& run);    // append
void AddEmitCommand(CLI::App& app, Run& run);      // emit
void AddReadCommands(CLI::App& app, Run& run);     // get, list, tail
void AddProveCommands(CLI::App& app, Run& run);    // checkpoint, prove, prove-consistency
void AddExportCommand(CLI::App& app, Run& run);    // export
void AddBundleCommand(CLI::App& app, Run& run);    // bundle
void AddHandOverCommand(CLI::App& app, Run& run);  // hand-over
void AddCoseCommand(CLI::App& app, Run& run);      // receipt-cose
void AddBackupCommand(CLI::App& app, Run& run);    // backup
void AddEraseCommands(CLI::App& app, Run& run);    // erase, approve-erasure, hold, lift-hold
// key-changes, rotate-key, rotate-wrapping-key, freeze, retire
void AddKeyCommands(CLI::App& app, Run& run);
void AddSealCommands(CLI::App& app, Run& run);  // new-master-key, seal-keys: offline
// patient-key, patient-capability, patient-entries
void AddPatientCommands(CLI::App& app, Run& run);
void AddRestoreCommands(CLI::App& app, Run& run);  // backup-verify, restore: offline

// A vkey, or a file that holds one; its name is the origin.
absl::StatusOr<Pin> LoadPinOfItself(const std::string& key);

// To --server, with the certificates and tokens given.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const Options& options);
// "ledgers/ID". InvalidArgument when --ledger is not given.
absl::StatusOr<std::string> LedgerNameOf(const Options& options);

class Connection {
 public:
  // Reads the certificate files and the pinned key; connects at the first call.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const Options& options);

  v1::LedgerService::StubInterface& ledgers() { return *ledgers_; }
  v1::AdminService::StubInterface& admin() { return *admin_; }
  v1::ProofService::StubInterface& proofs() { return *proofs_; }
  v1::ErasureService::StubInterface& erasures() { return *erasures_; }
  v1::PatientService::StubInterface& patients() { return *patients_; }
  absl::StatusOr<std::string> LedgerName() const { return LedgerNameOf(options_); }
  // For one call, with the deadline; a stream that does not end has none.
  std::unique_ptr<grpc::ClientContext> Call(bool endless = false) const;
  // An answer's checkpoint: opened with the pinned key, else only parsed. Where the log's key was
  // rotated the server is asked for the changes, which are proven under that checkpoint.
  absl::StatusOr<SignedCheckpoint> Open(const v1::Checkpoint& checkpoint) const;
  // The changes of the log's key under its head of `size`, with their proofs, unchecked.
  absl::StatusOr<std::vector<LoggedKeyChange>> KeyChangesAt(const std::string& ledger,
                                                            const v1::Ledger& shown,
                                                            uint64_t size) const;
  bool pinned() const { return pin_.has_value(); }
  const NoteVerifier& pin_key() const { return pin_->key; }  // REQUIRES: pinned()
  const Options& options() const { return options_; }

 private:
  absl::StatusOr<SignedCheckpoint> OpenRotated(const v1::Checkpoint& checkpoint) const;
  explicit Connection(Options options) : options_(std::move(options)) {}
  const Options options_;
  std::optional<Pin> pin_;
  std::unique_ptr<v1::LedgerService::StubInterface> ledgers_;
  std::unique_ptr<v1::AdminService::StubInterface> admin_;
  std::unique_ptr<v1::ProofService::StubInterface> proofs_;
  std::unique_ptr<v1::ErasureService::StubInterface> erasures_;
  std::unique_ptr<v1::PatientService::StubInterface> patients_;
};

// ---- errors ----

// The server's refusal in words: code, reason, field violations one a line, and how to mend it.
absl::Status FromRpc(const grpc::Status& status);
// The machine-readable reason of a server's refusal; "" of other errors.
std::string ServerReason(const absl::Status& status);
// Marks a proof or signature that does not verify.
absl::Status NotProven(const absl::Status& status);
// kExitRefused, kExitUnreachable, kExitNotProven or kExitUsage (exit_codes.h).
int ExitCodeOf(const absl::Status& status);

// ---- output ----

// Cells in a row, a tab between, control characters of theirs replaced: one row stays one line.
void PrintRow(const std::vector<std::string>& cells);
void PrintJson(const nlohmann::ordered_json& value);
// An entry as a row or a line of JSON: what `list` prints.
absl::Status PrintEntryRow(const v1::Entry& entry, bool json);
// "2025-03-03T10:00:00.123456Z"
std::string TimeText(uint64_t unix_us);

// One line on standard error, rewritten in place on a terminal, and only there unless asked for.
class Progress {
 public:
  Progress(std::string what, bool always);
  ~Progress();
  void Update(uint64_t done, uint64_t total);  // total 0: not known

 private:
  const std::string what_;
  const bool terminal_;
  const bool on_;
  int64_t last_ms_ = 0;
  uint64_t shown_ = 0;
};

}  // namespace auditledger::ctl

#endif  // AUDITLEDGER_TOOLS_AUDITCTL_H_
