// auditctl: the client of auditledgerd.
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "tools/auditctl.h"
#include "tools/exit_codes.h"

namespace {

constexpr char kAbout[] =
    "Talks to an audit ledger (auditledgerd): records events, reads them, proves them, exports and "
    "backs up the log.\n"
    "Lines are tab-separated; --json prints an object a line. Options may also stand in the "
    "environment:\n"
    "AUDITCTL_SERVER, _LEDGER, _CA, _CERT, _KEY_FILE, _TOKEN_FILE, _PIN_KEY, "
    "_TIMEOUT.";

constexpr char kFooter[] =
    "\nExit codes: 0 done, 1 a proof or signature does not verify, 2 no answer, 4 refused, 64 "
    "wrong usage\n"
    "or input that cannot be read.\n\n"
    "Example:\n"
    "  auditctl dev-certs certs/\n"
    "  export AUDITCTL_SERVER=localhost:7443 AUDITCTL_CA=certs/ca.pem \\\n"
    "         AUDITCTL_CERT=certs/client.pem AUDITCTL_KEY_FILE=certs/client.key "
    "AUDITCTL_LEDGER=clinic\n"
    "  auditctl create-ledger clinic --origin audit.example.org/clinic\n"
    "  auditctl append day.jsonl --receipts receipts/";

void AddGlobals(CLI::App& app, auditledger::ctl::Options& options) {
  // A script's defaults can be overridden by what is typed after them.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--server", options.server, "host:port, or unix:/path")
      ->envname("AUDITCTL_SERVER")
      ->capture_default_str();
  app.add_option("--ledger", options.ledger, "id of the ledger")->envname("AUDITCTL_LEDGER");
  app.add_option("--ca", options.ca, "certificate authority of the server (PEM)")
      ->envname("AUDITCTL_CA");
  app.add_option("--cert", options.cert, "our certificate (PEM)")->envname("AUDITCTL_CERT");
  app.add_option("--key-file", options.key_file, "its private key (PEM)")
      ->envname("AUDITCTL_KEY_FILE");
  app.add_option("--token-file", options.token_file,
                 "an access token to send with each call; read again when it changes")
      ->envname("AUDITCTL_TOKEN_FILE");
  app.add_option("--pin-key", options.pin_key,
                 "the ledger's vkey, or a file that holds it: everything is verified against it")
      ->envname("AUDITCTL_PIN_KEY");
  app.add_option("--timeout", options.timeout_s, "seconds to wait for each call")
      ->envname("AUDITCTL_TIMEOUT")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--json", options.json, "print JSON, one object a line");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

}  // namespace

int main(int argc, char** argv) {
  umask(0077);  // receipts, exports and backups are their owner's alone
  auditledger::ctl::Run run;
  run.options.version = AUDITLEDGER_VERSION;
  CLI::App app{kAbout};
  app.footer(kFooter);
  app.set_version_flag("--version", "auditctl " AUDITLEDGER_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // global options may follow the command
  AddGlobals(app, run.options);
  auditledger::ctl::AddAdminCommands(app, run);
  auditledger::ctl::AddAppendCommand(app, run);
  auditledger::ctl::AddEmitCommand(app, run);
  auditledger::ctl::AddReadCommands(app, run);
  auditledger::ctl::AddProveCommands(app, run);
  auditledger::ctl::AddExportCommand(app, run);
  auditledger::ctl::AddBundleCommand(app, run);
  auditledger::ctl::AddHandOverCommand(app, run);
  auditledger::ctl::AddCoseCommand(app, run);
  auditledger::ctl::AddBackupCommand(app, run);
  auditledger::ctl::AddRestoreCommands(app, run);
  auditledger::ctl::AddKeyCommands(app, run);
  auditledger::ctl::AddSealCommands(app, run);
  auditledger::ctl::AddEraseCommands(app, run);
  auditledger::ctl::AddPatientCommands(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? auditledger::kExitOk : auditledger::kExitUsage;
  }
  const absl::Status status = run.action();
  if (!status.ok()) std::cerr << "auditctl: " << status.message() << "\n";
  std::cout.flush();
  return auditledger::ctl::ExitCodeOf(status);
}
