// auditledger-signer: holds signing keys and the memory of what was signed with them, apart from
// the ledger (ledger/signer_server.h, signer_folder.h).
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "ledger/private_memory.h"
#include "ledger/random.h"
#include "ledger/signer_folder.h"
#include "ledger/signer_server.h"
#include "ledger/socket_signer.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"
#include "tools/exit_codes.h"

namespace auditledger {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kAbout[] =
    "Signs the heads of ledgers in a process, user and folder of its own. Signs only what "
    "provably\n"
    "extends the last head it signed, and remembers that before the signature leaves: whoever has\n"
    "the ledger's machine user, data and daemon cannot have a rolled back or forked log signed.";

constexpr char kFooter[] =
    "\nExit codes: 0 done, 2 no answer or cannot be read, 4 refused, 64 usage, 70 a sync of the\n"
    "state failed (start it again), 71 cannot listen.\n\n"
    "Example:\n"
    "  auditledger-signer init --dir /var/lib/auditledger-signer --origin "
    "audit.example.org/clinic\n"
    "  auditledger-signer serve --dir /var/lib/auditledger-signer \\\n"
    "    --socket /run/auditledger-signer/socket --allow_user auditledger\n"
    "  auditledgerd --signer unix:/run/auditledger-signer/socket ...\n";

constexpr int kExitListen = 71;  // as auditledgerd's
constexpr std::chrono::milliseconds kStatusPatience{2000};

struct Flags {
  std::string dir;
  std::string origin;
  std::string socket;
  std::string head;
  std::string ready_file;
  Pkcs11Spec token;
  std::vector<std::string> users;
  bool unused_key = false;
  std::string old_key;
  bool json = false;
};

int Fail(const absl::Status& status, int code = 0) {
  std::cerr << "auditledger-signer: " << status.message() << "\n";
  if (code != 0) return code;
  if (absl::IsInvalidArgument(status)) return kExitUsage;
  const bool refused = absl::IsFailedPrecondition(status) || absl::IsAlreadyExists(status) ||
                       absl::IsPermissionDenied(status);
  return refused ? kExitRefused : kExitUnreachable;
}

std::string ToLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<uid_t> UserOf(const std::string& name) {
  uint32_t number = 0;
  if (absl::SimpleAtoi(name, &number)) return number;
  const passwd* found = ::getpwnam(name.c_str());
  if (found != nullptr) return found->pw_uid;
  return absl::InvalidArgumentError(absl::StrCat("--allow_user: there is no user ", name));
}

absl::StatusOr<Head> ParseHead(const std::string& text) {
  const size_t colon = text.find(':');
  const auto size = ParseDecimal("--head size", text.substr(0, colon));
  if (colon == std::string::npos || !size.ok() || *size == 0) {
    return absl::InvalidArgumentError("--head: must be SIZE:ROOTHEX, of a log with entries");
  }
  ASSIGN_OR_RETURN(const Hash root, Hash::FromHex(text.substr(colon + 1)));
  return Head{*size, root, 0};
}

absl::StatusOr<NoteVerifier> MakeOrigin(const Flags& flags) {
  if (flags.token.module.empty()) {
    return CreateSignerOrigin(flags.dir, flags.origin, Random::System());
  }
  std::optional<Head> last_signed;
  if (flags.unused_key) last_signed = Head();
  if (!flags.head.empty()) {
    ASSIGN_OR_RETURN(last_signed, ParseHead(flags.head));
  }
  return CreatePkcs11Origin(flags.dir, flags.origin, flags.token, last_signed);
}

int Init(const Flags& flags) {
  const auto key = MakeOrigin(flags);
  if (!key.ok()) return Fail(key.status());
  if (flags.json) {
    std::cout << ToLine({{"origin", flags.origin},
                         {"vkey", key->ToVkey()},
                         {"path", SignerOriginPath(flags.dir, flags.origin)}})
              << "\n";
  } else {
    std::cout << key->ToVkey() << "\n";
  }
  return kExitOk;
}

int Rotate(const Flags& flags) {
  if (flags.old_key != "keep" && flags.old_key != "destroy") {
    return Fail(absl::InvalidArgumentError("--old-key: keep or destroy"));
  }
  std::optional<Pkcs11Spec> token;
  if (!flags.token.module.empty()) token = flags.token;
  const auto next = RotateSignerKey(flags.dir, flags.origin,
                                    flags.old_key == "keep" ? OldKey::kKeep : OldKey::kDestroy,
                                    token, Random::System());
  if (!next.ok()) return Fail(next.status());
  if (flags.json) {
    std::cout << ToLine({{"origin", flags.origin}, {"next_vkey", next->ToVkey()}}) << "\n";
  } else {
    std::cout << next->ToVkey() << "\n";
  }
  std::cerr << "prepared: the next start of the ledger logs the change, and from it on this key "
               "signs\n";
  return kExitOk;
}

int Adopt(const Flags& flags) {
  const auto head = ParseHead(flags.head);
  if (!head.ok()) return Fail(head.status());
  const absl::Status adopted = AdoptSignerHead(flags.dir, flags.origin, head->size, head->root);
  if (!adopted.ok()) return Fail(adopted);
  std::cerr << "adopted; the ledger records it when it starts\n";
  return kExitOk;
}

int Pubkey(const Flags& flags) {
  const auto found = ListSignerOrigins(flags.dir);
  if (!found.ok()) return Fail(found.status());
  for (const SignerOriginStatus& status : *found) {
    if (status.origin != flags.origin || status.vkey.empty()) continue;
    std::cout << status.vkey << "\n";
    return kExitOk;
  }
  return Fail(absl::NotFoundError(absl::StrCat("there is no key of ", flags.origin)));
}

void PrintStatus(const SignerOriginStatus& status, bool json) {
  if (!json) {
    std::cout << status.origin << "\t";
    if (status.last.has_value()) {
      std::cout << status.last->size << "\t" << status.last->root.ToHex() << "\t";
    } else {
      std::cout << "nothing signed\t\t";
    }
    std::cout << (status.problem.ok() ? "ok" : std::string(status.problem.message())) << "\n";
    return;
  }
  Json line = {{"origin", status.origin}, {"vkey", status.vkey}, {"path", status.path}};
  if (status.last.has_value()) {
    line["size"] = status.last->size;
    line["root"] = status.last->root.ToHex();
    line["time_us"] = status.last->time_us;
  }
  line["ok"] = status.problem.ok();
  if (!status.problem.ok()) line["problem"] = std::string(status.problem.message());
  std::cout << ToLine(line) << "\n";
}

// Of the process, as a ledger sees it.
absl::StatusOr<SignerOriginStatus> AskProcess(const Flags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Signer> signer,
                   OpenSocketSigner({flags.socket, flags.origin, kStatusPatience}));
  SignerOriginStatus out;
  out.path = flags.socket;
  out.origin = flags.origin;
  out.vkey = signer->verifier().ToVkey();
  ASSIGN_OR_RETURN(out.last, signer->LastSigned());
  return out;
}

int Status(const Flags& flags) {
  if (!flags.socket.empty()) {
    const auto answer = AskProcess(flags);
    if (!answer.ok()) return Fail(answer.status());
    PrintStatus(*answer, flags.json);
    return kExitOk;
  }
  const auto found = ListSignerOrigins(flags.dir);
  if (!found.ok()) return Fail(found.status());
  int code = kExitOk;
  for (const SignerOriginStatus& status : *found) {
    PrintStatus(status, flags.json);
    if (!status.problem.ok()) code = kExitRefused;
  }
  return code;
}

// `signals` are blocked.
int Serve(const Flags& flags, const sigset_t& signals) {
  SignerServerOptions options;
  options.dir = flags.dir;
  options.socket_path = flags.socket;
  for (const std::string& name : flags.users) {
    const auto user = UserOf(name);
    if (!user.ok()) return Fail(user.status());
    options.allowed_users.push_back(*user);
  }
  std::mutex mutex;
  options.log = [&mutex](absl::string_view line) {
    const std::lock_guard<std::mutex> lock(mutex);
    std::cerr << "auditledger-signer: " << line << std::endl;
  };
  auto server = SignerServer::Start(options);
  if (!server.ok()) {
    return Fail(server.status(), absl::IsAlreadyExists(server.status()) ? kExitListen : 0);
  }
  options.log(absl::StrCat("listening on ", flags.socket));
  if (!flags.ready_file.empty()) {
    const absl::Status written =
        ReplaceFile(flags.ready_file, absl::StrCat("socket ", flags.socket, "\n"));
    if (!written.ok()) return Fail(written);
  }
  int number = 0;
  sigwait(&signals, &number);
  (*server)->Stop();
  options.log("stopped");
  return kExitOk;
}

CLI::App* AddCommand(CLI::App& app, Flags& flags, const char* name, const char* about) {
  CLI::App* command = app.add_subcommand(name, about);
  command->add_option("--dir", flags.dir, "the signer's own folder, 0700");
  return command;
}

void AddToken(CLI::App& init, Flags& flags) {
  Pkcs11Spec& token = flags.token;
  CLI::Option* module =
      init.add_option("--pkcs11_module", token.module,
                      "absolute path of a token's library: the key is made and stays there");
  CLI::Option* others[] = {
      init.add_option("--pkcs11_token", token.token, "the token's label"),
      init.add_option("--pkcs11_key", token.key, "the key's label"),
      init.add_option("--pin_file", token.pin_file, "absolute path of a file with the PIN, 0600")};
  for (CLI::Option* other : others) {
    module->needs(other);
    other->needs(module);
  }
}

// Of a key that is in the token already.
void AddKnownKey(CLI::App& init, Flags& flags) {
  CLI::Option* module = init.get_option("--pkcs11_module");
  CLI::Option* unused = init.add_flag(
      "--unused_key", flags.unused_key,
      "take the key that is in the token; its owner answers for it that it never signed");
  unused->needs(module);
  init.add_option(
          "--head", flags.head,
          "take the key that is in the token, which signed SIZE:ROOTHEX last, as a witness, "
          "mirror or receipt has it")
      ->needs(module)
      ->excludes(unused);
}

int Run(int argc, char** argv, const sigset_t& signals) {
  Flags flags;
  CLI::App app{kAbout, "auditledger-signer"};
  app.footer(kFooter);
  app.set_version_flag("--version", "auditledger-signer " AUDITLEDGER_VERSION);
  app.require_subcommand(1);
  CLI::App* serve = AddCommand(app, flags, "serve", "sign, until SIGTERM");
  serve->get_option("--dir")->required();
  serve->add_option("--socket", flags.socket, "absolute path of the Unix socket")->required();
  serve->add_option("--allow_user", flags.users,
                    "user, besides its own and root, who is served: the daemon's; may repeat");
  serve->add_option("--ready_file", flags.ready_file, "written once it listens");
  CLI::App* init =
      AddCommand(app, flags, "init", "make key and state of an origin; prints its vkey");
  AddToken(*init, flags);
  AddKnownKey(*init, flags);
  CLI::App* rotate = AddCommand(
      app, flags, "rotate",
      "prepare a new key of an origin; prints its vkey. The ledger's next start makes it sign");
  AddToken(*rotate, flags);
  rotate
      ->add_option("--old-key", flags.old_key,
                   "the old private key once the new one signs: keep or destroy")
      ->required();
  CLI::App* status = AddCommand(
      app, flags, "status", "what was signed last, of all of --dir or of one origin at --socket");
  status->add_option("--socket", flags.socket, "ask the process instead; with --origin")
      ->excludes("--dir");
  CLI::App* pubkey = AddCommand(app, flags, "pubkey", "print an origin's vkey");
  CLI::App* adopt = AddCommand(
      app, flags, "adopt", "make a lost state anew, from a head known from outside this machine");
  adopt->add_option("--head", flags.head, "SIZE:ROOTHEX, of a witness, mirror or receipt")
      ->required();
  for (CLI::App* command : {init, rotate, pubkey, adopt}) {
    command->get_option("--dir")->required();
    command->add_option("--origin", flags.origin, "the ledger's")->required();
  }
  status->add_option("--origin", flags.origin, "the ledger's");
  for (CLI::App* command : {init, rotate, status})
    command->add_flag("--json", flags.json, "one object a line");
  try {  // CLI11 reports through exceptions
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (*init) return Init(flags);
  if (*rotate) return Rotate(flags);
  if (*adopt) return Adopt(flags);
  if (*pubkey) return Pubkey(flags);
  if (*serve) return Serve(flags, signals);
  if (flags.dir.empty() == flags.socket.empty() || flags.socket.empty() != flags.origin.empty()) {
    return Fail(absl::InvalidArgumentError("status: give --dir, or --socket with --origin"));
  }
  return Status(flags);
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  umask(0077);
  signal(SIGPIPE, SIG_IGN);
  const absl::Status kept = auditledger::KeepMemoryPrivate();
  if (!kept.ok()) return auditledger::Fail(kept);
  std::set_new_handler(std::abort);  // no memory ends the process, as a power cut would
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);  // before any thread starts: all inherit it
  return auditledger::Run(argc, argv, signals);
}
