#include "verifier/cli/options.h"

#include <CLI/CLI.hpp>

#include "verifier/log_audit.h"

namespace auditledger {
namespace {

constexpr char kAbout[] =
    "Checks an audit ledger's receipts, heads, answers, exported logs and evidence offline, "
    "trusting "
    "nothing\n"
    "of the server: you pin the log's origin and key, every byte is checked against them.";

constexpr char kFooter[] = R"(
Examples:
  auditledger-verify receipt r.tlog-proof --event r.event.pb --origin O --key log.vkey
  auditledger-verify receipt r.tlog-proof --event r.event.pb --policy policy.txt
  auditledger-verify checkpoint checkpoint --origin O --key log.vkey
  auditledger-verify consistency old.checkpoint new.checkpoint --proof update --pins pins
  auditledger-verify log /media/export --index-key index.key --origin O --key log.vkey
  auditledger-verify entry /media/export 42 --origin O --key log.vkey
  auditledger-verify evidence fork-0123456789abcdef.evidence --origin O --key log.vkey
  auditledger-verify log /media/export --tsa-ca tsa-ca.pem --origin O --key log.vkey
  auditledger-verify answer march.answer --index-key index.key --subject patient urn:mrn 4711
      --happened 2026-03-01T00:00:00Z 2026-04-01T00:00:00Z --origin O --key log.vkey
  auditledger-verify open-export clinic.sealed --recipient-key auditor.key --out export
  auditledger-verify bundle answer.sealed --recipient-key court.key --origin O --key log.vkey
  auditledger-verify cose e.cose --leaf e.leaf --origin O --key log.vkey
  auditledger-verify trust list

Exit codes:
  0  verified, and witnessed as the --policy asks
  1  refused: evidence of tampering, or a wrong signature or proof
  2  cannot tell: something is missing, unreadable, or of an unknown version
  3  verified, unwitnessed: no --policy was given (or one that asks for nobody)
  64 the command line is wrong
open-export verifies no log, and says with 0 that it opened; run `log` on the folder, or `bundle` on
the file.

The last verified head of each origin is kept in the trust store
($XDG_STATE_HOME/auditledger/trust or ~/.local/state/auditledger/trust). A head that is smaller, or
contradicts it, is refused; of a fork its folder evidence/ keeps a file that anyone can judge:
`evidence` exits with 1 where misbehaviour is proven, with 2 where it is not. A receipt whose head
nothing links to the store (--proof, --log) cannot be told from one that a stolen key signed;
--no-trust-store checks a receipt alone.)";

void AddCommon(CLI::App& app, Options& options) {
  app.add_option("--origin", options.origin, "The log's origin, as you know it");
  app.add_option("--key", options.key, "The log's vkey, or a file that holds it");
  app.add_option("--pins", options.pins, "A file of lines \"origin vkey\", instead of --key");
  app.add_option("--policy", options.policy,
                 "C2SP tlog-policy: who must have cosigned each head. Pins the log as well, where "
                 "it lists one and --key and --pins are absent");
  app.add_flag("--allow-weak-policy", options.allow_weak_policy,
               "Accept a policy that survives no dishonest witness (f < 1)");
  app.add_option("--trust-store", options.trust_store, "Folder of the heads last seen");
  app.add_flag("--no-trust-store", options.no_trust_store,
               "Neither ask nor change the trust store: check what is given alone");
  app.add_flag("--json", options.json, "Print the verdict as one JSON object");
  app.add_flag("--quiet", options.quiet, "Print nothing but errors of usage; see the exit code");
}

CLI::App* Command(CLI::App& app, Options& options, const char* name, const char* about) {
  CLI::App* command = app.add_subcommand(name, about)->fallthrough();
  command->callback([&options, name] { options.command = name; });
  return command;
}

void AddKeyChanges(CLI::App& command, Options& options) {
  command.add_option("--key-changes", options.key_changes,
                     "What `auditctl key-changes` wrote for this head: the log's key was rotated");
}

void AddProofs(CLI::App& command, Options& options) {
  command
      .add_option("--proof", options.proofs,
                  "What `auditctl prove-consistency` wrote: links the head, older or newer, to the "
                  "last one seen. May be given again: several may form a chain")
      ->allow_extra_args(false);
  command.add_option("--log", options.log_dir,
                     "An export whose tiles link the two heads; it shows changes of the key too");
  AddKeyChanges(command, options);
}

void AddTimes(CLI::App& command, Options& options) {
  command.add_option("--tsa-ca", options.tsa_ca,
                     "Certificates (PEM) of the timestamping authorities you believe: show when "
                     "entries came into the log");
  command.add_option("--tsa-policy", options.tsa_policies, "Only tokens of this policy (OID)")
      ->allow_extra_args(false);
  command.add_option("--timestamps", options.timestamps,
                     "Folder of timestamps; default: `timestamps` in the export");
}

void AddChecks(CLI::App& app, Options& options) {
  CLI::App* receipt = Command(app, options, "receipt", "Is this event in the log?");
  receipt->add_option("FILE", options.file, "A tlog-proof file")->required();
  receipt->add_option("--event", options.event, "The event: .json (protobuf JSON) or its encoding");
  receipt->add_option("--index-key", options.index_key, "Index key file: check the tags too");
  AddProofs(*receipt, options);
  AddTimes(*receipt, options);

  CLI::App* checkpoint = Command(app, options, "checkpoint", "Is this head the log's, and next?");
  checkpoint->add_option("FILE", options.file, "A signed note, or an add-checkpoint body")
      ->required();
  checkpoint->add_option("--from", options.from, "An earlier head that it must extend");
  AddProofs(*checkpoint, options);

  CLI::App* consistency = Command(app, options, "consistency", "Does one head extend another?");
  consistency->add_option("OLD", options.file, "The older signed note")->required();
  consistency->add_option("NEW", options.new_file, "The newer signed note")->required();
  consistency->add_option("--proof", options.proofs, "What `auditctl prove-consistency` wrote")
      ->allow_extra_args(false);
  AddKeyChanges(*consistency, options);

  CLI::App* log = Command(app, options, "log", "Is this exported log whole and unchanged?");
  log->add_option("DIR", options.file, "An export (C2SP tlog-tiles folder)")->required();
  log->add_option("--index-key", options.index_key, "Index key file: check the tags too");
  CLI::Option* predecessor =
      log->add_option("--predecessor", options.predecessor,
                      "An export of the log that this one succeeds: is its end the one named?");
  CLI::Option* predecessor_key = log->add_option("--predecessor-key", options.predecessor_key,
                                                 "The predecessor's vkey, or a file that holds it");
  predecessor->needs(predecessor_key);
  predecessor_key->needs(predecessor);
  log->add_option("--threads", options.threads, "Default: as many as the machine has")
      ->check(CLI::Range(1u, kMaxAuditThreads));
  AddTimes(*log, options);

  CLI::App* evidence = Command(app, options, "evidence", "Does this file prove misbehaviour?");
  evidence->add_option("FILE", options.file, "What a monitor or this program wrote as evidence")
      ->required();
  AddKeyChanges(*evidence, options);

  CLI::App* entry = Command(app, options, "entry", "Print one entry of an export, checked");
  entry->add_option("DIR", options.file, "An export (C2SP tlog-tiles folder)")->required();
  entry->add_option("INDEX", options.index, "Counted from 0")->required();
  AddTimes(*entry, options);

  CLI::App* bundle = Command(app, options, "bundle",
                             "Is this evidence bundle what the log recorded? Claim by claim");
  bundle->add_option("FILE", options.file, "An evidence bundle (`auditctl bundle`)")->required();
  bundle->add_option("--index-key", options.index_key, "Index key file: check the tags too");
  bundle->add_option("--recipient-key", options.recipient_key,
                     "The private key (PEM) of a certificate that it was sealed for: it is opened "
                     "in memory alone");
  bundle->add_option("--page", options.page,
                     "Write it as a page to read, which checks itself in a browser, with the key "
                     "that is pinned here");

  CLI::App* cose = Command(app, options, "cose", "Is this entry in the log, by a COSE receipt?");
  cose->add_option("FILE", options.file, "A COSE receipt (RFC 9942)")->required();
  cose->add_option("--leaf", options.leaf,
                   "The entry's leaf, as `auditctl receipt-cose` writes it");
  cose->add_option("--checkpoint", options.checkpoint,
                   "The signed head of its size: proves index and size, which are not signed");
  cose->add_option("--receipt", options.receipt,
                   "A tlog-proof of the entry, which carries its leaf");
  cose->add_option("--event", options.event,
                   "The event; needs a --receipt with an opening (seed and header)");
}

void AddAnswer(CLI::App& app, Options& options) {
  CLI::App* answer = Command(app, options, "answer", "Are these all entries about somebody?");
  answer->add_option("FILE", options.file, "A complete answer, as its maker wrote it")->required();
  answer->add_option("--tag", options.tag, "Whom you asked about: 64 hex digits");
  answer->add_option("--index-key", options.index_key, "Index key file: makes the tag");
  answer
      ->add_option("--subject", options.subject,
                   "KIND SYSTEM ID of whom you asked about: patient, agent or override; \"\" for "
                   "no system")
      ->expected(3);
  answer
      ->add_option("--recorded", options.recorded,
                   "FROM TO: what was recorded in that time (RFC 3339; TO excluded; - for no "
                   "bound). Without a window: all of the log")
      ->expected(2);
  answer
      ->add_option("--happened", options.happened,
                   "FROM TO: what happened in that time, however late it was recorded")
      ->expected(2);
  AddProofs(*answer, options);
}

void AddOpenExport(CLI::App& app, Options& options) {
  CLI::App* open = Command(app, options, "open-export",
                           "Open what `auditctl export --to` or `bundle --to` sealed");
  open->add_option("FILE", options.file, "The sealed export or bundle")->required();
  open->add_option("--recipient-key", options.recipient_key,
                   "The private key (PEM) of a certificate that it was sealed for")
      ->required();
  open->add_option("--out", options.out,
                   "The folder to make, or of a bundle the file; there when all of it is")
      ->required();
}

void AddTrust(CLI::App& app, Options& options) {
  CLI::App* trust = app.add_subcommand("trust", "The heads last seen")->fallthrough();
  trust->require_subcommand(1);
  for (const auto& [name, about] :
       {std::pair("list", "All logs the store knows"), std::pair("show", "The last head of one"),
        std::pair("forget", "Forget one, knowingly: earlier heads then count as never seen")}) {
    CLI::App* command = trust->add_subcommand(name, about)->fallthrough();
    const std::string full = std::string("trust ") + name;
    command->callback([&options, full] { options.command = full; });
  }
}

}  // namespace

int ParseCommandLine(int argc, char** argv, Options& options) {
  CLI::App app(kAbout, "auditledger-verify");
  app.footer(kFooter);
  app.set_version_flag("--version", "auditledger-verify " AUDITLEDGER_VERSION);
  app.require_subcommand(1);
  AddCommon(app, options);
  AddChecks(app, options);
  AddAnswer(app, options);
  AddOpenExport(app, options);
  AddTrust(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  return -1;
}

}  // namespace auditledger
