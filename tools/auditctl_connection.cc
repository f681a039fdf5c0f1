#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/client/channel.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_receipt.h"

namespace auditledger::ctl {

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const Options& options) {
  if (absl::StartsWith(options.server, "unix:")) {
    return UnixChannel(options.server, options.token_file);
  }
  const bool certificate = !options.cert.empty() && !options.key_file.empty();
  const bool neither = options.cert.empty() && options.key_file.empty();
  const bool token_alone = neither && !options.token_file.empty();
  if (options.ca.empty() || (!certificate && !token_alone)) {
    return absl::InvalidArgumentError(
        "--ca is needed, and --cert with --key-file, or --token-file, or all (or AUDITCTL_CA, "
        "_CERT, _KEY_FILE, _TOKEN_FILE); `auditctl dev-certs` makes some for development");
  }
  return TlsChannel(
      {options.server, options.ca, options.cert, options.key_file, options.token_file});
}

absl::StatusOr<Pin> LoadPinOfItself(const std::string& key) {
  const auto load = [&]() -> absl::StatusOr<Pin> {
    ASSIGN_OR_RETURN(const NoteVerifier verifier, LoadKey(key));
    return MakePin(verifier.name(), verifier.ToVkey());
  };
  auto pin = load();
  if (pin.ok()) return pin;
  return absl::InvalidArgumentError(absl::StrCat("--pin-key: ", pin.status().message()));
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const Options& options) {
  auto out = std::unique_ptr<Connection>(new Connection(options));
  if (!options.pin_key.empty()) {
    ASSIGN_OR_RETURN(out->pin_, LoadPinOfItself(options.pin_key));
  }
  ASSIGN_OR_RETURN(const auto channel, OpenChannel(options));
  out->ledgers_ = v1::LedgerService::NewStub(channel);
  out->admin_ = v1::AdminService::NewStub(channel);
  out->proofs_ = v1::ProofService::NewStub(channel);
  out->erasures_ = v1::ErasureService::NewStub(channel);
  out->patients_ = v1::PatientService::NewStub(channel);
  return out;
}

absl::StatusOr<std::string> LedgerNameOf(const Options& options) {
  if (options.ledger.empty()) {
    return absl::InvalidArgumentError(
        "--ledger is missing (or AUDITCTL_LEDGER); `auditctl ledgers` lists them");
  }
  if (absl::StartsWith(options.ledger, "ledgers/")) return options.ledger;
  return absl::StrCat("ledgers/", options.ledger);
}

std::unique_ptr<grpc::ClientContext> Connection::Call(bool endless) const {
  auto context = std::make_unique<grpc::ClientContext>();
  if (!endless) {
    context->set_deadline(
        std::chrono::system_clock::now() +
        std::chrono::milliseconds(static_cast<int64_t>(options_.timeout_s * 1000)));
  }
  return context;
}

absl::StatusOr<std::vector<LoggedKeyChange>> Connection::KeyChangesAt(const std::string& ledger,
                                                                      const v1::Ledger& shown,
                                                                      uint64_t size) const {
  std::vector<LoggedKeyChange> out;
  for (const v1::KeyChange& change : shown.key_changes()) {
    if (change.index() >= size || out.size() > kMaxKeyChanges) break;
    v1::GetInclusionProofRequest request;
    request.set_ledger(ledger);
    request.set_leaf_index(change.index());
    request.set_tree_size(size);
    v1::GetInclusionProofResponse response;
    RETURN_IF_ERROR(FromRpc(ledgers_->GetInclusionProof(Call().get(), request, &response)));
    ASSIGN_OR_RETURN(std::vector<Hash> proof, ProofHashes(response.proof().hashes()));
    out.push_back({change.index(), change.leaf(), std::move(proof)});
  }
  return out;
}

absl::StatusOr<SignedCheckpoint> Connection::OpenRotated(const v1::Checkpoint& checkpoint) const {
  ASSIGN_OR_RETURN(const std::string ledger, LedgerName());
  ASSIGN_OR_RETURN(const Note note, ParseNote(checkpoint.note()));
  ASSIGN_OR_RETURN(const Checkpoint head, ParseCheckpoint(note.text));
  v1::GetLedgerRequest request;
  request.set_name(ledger);
  v1::GetLedgerResponse response;
  RETURN_IF_ERROR(FromRpc(ledgers_->GetLedger(Call().get(), request, &response)));
  ASSIGN_OR_RETURN(const std::vector<LoggedKeyChange> changes,
                   KeyChangesAt(ledger, response.ledger(), head.size));
  if (changes.empty()) return absl::NotFoundError("its key was not changed");
  return OpenCheckpointWithChanges(checkpoint.note(), pin_->key, changes);
}

absl::StatusOr<SignedCheckpoint> Connection::Open(const v1::Checkpoint& checkpoint) const {
  if (pin_) {
    auto opened = OpenCheckpoint(checkpoint.note(), pin_->origin, pin_->key);
    if (opened.ok()) return opened;
    auto rotated = OpenRotated(checkpoint);
    if (rotated.ok()) return rotated;
    return NotProven(absl::IsNotFound(rotated.status()) ? opened.status() : rotated.status());
  }
  auto note = ParseNote(checkpoint.note());
  if (!note.ok()) return NotProven(note.status());
  auto parsed = ParseCheckpoint(note->text);
  if (!parsed.ok()) return NotProven(parsed.status());
  return SignedCheckpoint{*std::move(parsed), checkpoint.note()};
}

}  // namespace auditledger::ctl
