// auditledger-witness: cosigns the checkpoints of logs it follows, over HTTP or from files.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/tlog_proof.h"
#include "merkle/witness.h"
#include "tools/exit_codes.h"
#include "tools/witness.h"
#include "tools/witness_server.h"

namespace auditledger {
namespace {

constexpr char kAbout[] =
    "A C2SP witness: cosigns a log's checkpoint only if it extends the last one it cosigned of "
    "that\n"
    "log. Whoever accepts only checkpoints that enough witnesses cosigned is shown the same "
    "history\n"
    "as everybody else.";

constexpr char kFooter[] =
    "\nThe state folder is the witness's memory: never restore it from a backup and never start "
    "the\n"
    "key without it. Lost state means a new witness: keygen, and have policies name the new "
    "key.\n\n"
    "Exit codes: 0 done, 1 the checkpoint was refused, 2 cannot tell (a proof is missing, a file\n"
    "cannot be read, the address cannot be bound, storage failed), 4 refused here (key or state\n"
    "open to others, in use or not each other's), 64 wrong usage.\n\n"
    "Examples:\n"
    "  auditledger-witness keygen --name witness.example/w1 --key w1.key --state w1\n"
    "  auditledger-witness serve --key w1.key --state w1 --logs logs.txt --listen 127.0.0.1:7700\n"
    "  auditledger-witness cosign --key w1.key --state w1 --log VKEY checkpoint.txt";

struct Flags {
  std::string name;
  std::string key;
  std::string state;
  std::string logs;
  std::string listen = "127.0.0.1:7700";
  std::string ready_file;
  WitnessServerOptions server;
  std::vector<std::string> log_keys;
  std::string origin;
  std::string file = "-";
  std::string proof;
  bool whole_note = false;
};

int Fail(const absl::Status& status) {
  std::cerr << "auditledger-witness: " << status.message() << "\n";
  if (absl::IsInvalidArgument(status)) return kExitUsage;
  const bool refused = absl::IsFailedPrecondition(status) || absl::IsAlreadyExists(status);
  return refused ? kExitRefused : kExitUnreachable;
}

// What the disk holds is not known any more: only a fresh start, which reads it, may go on.
void EndProcess(const absl::Status& why) {
  std::cerr << "auditledger-witness: storage failed, ending: " << why.message() << std::endl;
  std::_Exit(kExitUnreachable);
}

absl::StatusOr<std::string> ReadInput(const std::string& path, size_t max_bytes) {
  if (path != "-") return ReadWholeFile(path, max_bytes);
  std::string text(max_bytes + 1, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::cin.gcount()));
  if (text.size() > max_bytes) return absl::OutOfRangeError("standard input is too long");
  return text;
}

absl::StatusOr<std::unique_ptr<Witness>> OpenWitness(const Flags& flags,
                                                     std::vector<WitnessedLog> logs) {
  WitnessOptions options;
  options.key_file = flags.key;
  options.state_dir = flags.state;
  options.logs = std::move(logs);
  options.storage_failed = EndProcess;
  return Witness::Open(std::move(options));
}

int Keygen(const Flags& flags) {
  const absl::StatusOr<NoteVerifier> key =
      CreateWitness({flags.name, flags.key, flags.state}, Random::System());
  if (!key.ok()) return Fail(key.status());
  std::cout << key->ToVkey() << "\n";
  return kExitOk;
}

int PrintVkey(const Flags& flags) {
  const absl::StatusOr<WitnessKey> key = LoadWitnessKey(flags.key);
  if (!key.ok()) return Fail(key.status());
  std::cout << key->verifier.ToVkey() << "\n";
  return kExitOk;
}

// "host:port", the host in brackets where it has colons itself.
absl::Status SplitAddress(const std::string& address, WitnessServerOptions& server) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &server.port) || server.port < 0 ||
      server.port > 65535) {
    return absl::InvalidArgumentError("--listen is not host:port");
  }
  server.host = address.substr(0, colon);
  if (server.host.front() == '[' && server.host.back() == ']') {
    server.host = server.host.substr(1, server.host.size() - 2);
  }
  return absl::OkStatus();
}

absl::Status Serve(const Flags& flags) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(flags.logs, kMaxWitnessLogsBytes));
  ASSIGN_OR_RETURN(std::vector<WitnessedLog> logs, ParseWitnessedLogs(text));
  WitnessServerOptions options = flags.server;
  RETURN_IF_ERROR(SplitAddress(flags.listen, options));
  if (!options.prefix.empty() && (options.prefix[0] != '/' || options.prefix.back() == '/')) {
    return absl::InvalidArgumentError("--prefix does not begin with '/', or ends with it");
  }
  options.log = &std::cerr;
  // Before any thread is made, so that all of them leave the signals to sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const size_t count = logs.size();
  ASSIGN_OR_RETURN(const std::unique_ptr<Witness> witness, OpenWitness(flags, std::move(logs)));
  ASSIGN_OR_RETURN(const std::unique_ptr<WitnessServer> server,
                   WitnessServer::Start(options, *witness));
  std::cerr << "auditledger-witness: " << witness->verifier().ToVkey() << " follows " << count
            << " logs at " << server->address() << options.prefix << std::endl;
  if (!flags.ready_file.empty()) {
    RETURN_IF_ERROR(ReplaceFile(flags.ready_file, server->address() + "\n"));
  }
  int received = 0;
  sigwait(&signals, &received);
  server->Stop();
  return absl::OkStatus();
}

// The request a client would send for this head: the size is the witness's own, the proof the one
// that was brought with it.
absl::StatusOr<CheckpointUpdate> RequestFor(const Flags& flags, uint64_t known_size) {
  ASSIGN_OR_RETURN(const std::string text, ReadInput(flags.file, kMaxAddCheckpointBytes));
  CheckpointUpdate update;
  if (absl::StartsWith(text, "old ")) {
    ASSIGN_OR_RETURN(update, ParseCheckpointUpdate(text));
  } else {
    update.old_size = known_size;
    update.checkpoint = text;
  }
  if (flags.proof.empty()) return update;
  ASSIGN_OR_RETURN(const std::string proof, ReadWholeFile(flags.proof, kMaxAddCheckpointBytes));
  ASSIGN_OR_RETURN(const CheckpointUpdate from, ParseCheckpointUpdate(proof));
  update.old_size = from.old_size;
  update.proof = from.proof;
  return update;
}

absl::StatusOr<std::vector<WitnessedLog>> LogOf(const Flags& flags) {
  std::string lines;
  for (const std::string& vkey : flags.log_keys) {
    absl::StrAppend(&lines, vkey, " ", flags.origin, "\n");
  }
  ASSIGN_OR_RETURN(std::vector<WitnessedLog> logs, ParseWitnessedLogs(lines));
  if (logs.size() != 1) return absl::InvalidArgumentError("--log names several logs");
  return logs;
}

absl::StatusOr<int> Cosign(const Flags& flags) {
  ASSIGN_OR_RETURN(std::vector<WitnessedLog> logs, LogOf(flags));
  const std::string origin_hash = Sha256({logs.front().origin}).ToHex();
  ASSIGN_OR_RETURN(const std::unique_ptr<Witness> witness, OpenWitness(flags, std::move(logs)));
  const uint64_t known_size = witness->Sizes().begin()->second;
  absl::StatusOr<CheckpointUpdate> update = RequestFor(flags, known_size);
  if (absl::IsInvalidArgument(update.status())) {
    std::cerr << "auditledger-witness: refused: " << update.status().message() << "\n";
    return kExitNotProven;
  }
  RETURN_IF_ERROR(update.status());
  const WitnessAnswer answer = witness->AddCheckpoint(FormatCheckpointUpdate(*update));
  if (answer.status == static_cast<int>(WitnessStatus::kCosigned)) {
    std::cout << (flags.whole_note ? *witness->LastCheckpoint(origin_hash) : answer.body);
    return kExitOk;
  }
  const bool lacks_proof = update->proof.empty() && known_size > 0 && answer.size > known_size;
  if (answer.status == static_cast<int>(WitnessStatus::kConflict) || lacks_proof) {
    std::cerr << "auditledger-witness: the last head cosigned has size " << known_size
              << ": bring a proof from there (auditctl prove-consistency " << known_size << " "
              << answer.size << "), with --proof\n";
    return kExitUnreachable;
  }
  std::cerr << "auditledger-witness: refused (" << answer.status << "): " << answer.body;
  return answer.status >= 500 ? kExitUnreachable : kExitNotProven;
}

void AddKeyOptions(CLI::App& command, Flags& flags, bool with_state) {
  command.add_option("--key", flags.key, "the key file, 0600")->required();
  if (!with_state) return;
  command.add_option("--state", flags.state, "the state folder, 0700")->required();
}

void AddServe(CLI::App& app, Flags& flags) {
  CLI::App& serve = *app.add_subcommand("serve", "answer add-checkpoint requests over HTTP");
  AddKeyOptions(serve, flags, true);
  serve.add_option("--logs", flags.logs, "file of the logs to follow: \"vkey [origin]\" a line")
      ->required();
  serve.add_option("--listen", flags.listen, "host:port; port 0 for any")->capture_default_str();
  serve.add_option("--prefix", flags.server.prefix, "of all paths, as \"/w1\"");
  CLI::Option* certificate =
      serve.add_option("--tls-cert", flags.server.certificate, "PEM file: serve HTTPS");
  serve.add_option("--tls-key", flags.server.key, "PEM file")->needs(certificate);
  certificate->needs(serve.get_option("--tls-key"));
  serve.add_option("--ready-file,--ready_file", flags.ready_file,
                   "written with host:port when it listens");
}

void AddCosign(CLI::App& app, Flags& flags) {
  CLI::App& cosign = *app.add_subcommand(
      "cosign", "cosign a checkpoint brought as a file, by the same rules, without a network");
  AddKeyOptions(cosign, flags, true);
  cosign.add_option("--log", flags.log_keys, "the log's vkey; again for each key it may sign with")
      ->required()
      ->allow_extra_args(false);
  cosign.add_option("--origin", flags.origin, "the log's origin, where it is not the key's name");
  cosign
      .add_option("CHECKPOINT", flags.file,
                  "signed checkpoint, or an add-checkpoint request; - for standard input")
      ->capture_default_str();
  cosign.add_option("--proof", flags.proof,
                    "add-checkpoint request whose proof leads from the last head cosigned");
  cosign.add_flag("--note", flags.whole_note, "print the cosigned checkpoint, not the line alone");
}

int Run(int argc, char** argv) {
  Flags flags;
  CLI::App app{kAbout};
  app.footer(kFooter);
  app.set_version_flag("--version", "auditledger-witness " AUDITLEDGER_VERSION);
  app.require_subcommand(1);
  CLI::App& keygen = *app.add_subcommand("keygen", "make a key and its state; prints the vkey");
  AddKeyOptions(keygen, flags, true);
  keygen.add_option("--name", flags.name, "the key's name, as \"witness.example/w1\"")->required();
  CLI::App& vkey = *app.add_subcommand("vkey", "print the public key, for policies");
  AddKeyOptions(vkey, flags, false);
  AddServe(app, flags);
  AddCosign(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (app.got_subcommand("keygen")) return Keygen(flags);
  if (app.got_subcommand("vkey")) return PrintVkey(flags);
  if (app.got_subcommand("serve")) {
    const absl::Status served = Serve(flags);
    return served.ok() ? kExitOk : Fail(served);
  }
  const absl::StatusOr<int> cosigned = Cosign(flags);
  return cosigned.ok() ? *cosigned : Fail(cosigned.status());
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) { return auditledger::Run(argc, argv); }
