// auditledger-fsck: re-derives a stopped or copied ledger from its files (ledger/fsck.h).
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "ledger/fsck.h"
#include "ledger/master_key_source.h"
#include "tools/exit_codes.h"
#include "tools/fsck_repair.h"

namespace {

using auditledger::Finding;
using auditledger::FsckOptions;
using auditledger::FsckReport;

constexpr char kAbout[] =
    "Re-derives a stopped or copied ledger from its files and says exactly what differs: every "
    "leaf, tile,\n"
    "head, identity and stream record; the identity index; with keys and seeds every payload; with "
    "the\n"
    "signer's state the head it signed. Nothing is changed, unless by `repair`. A ledger that is "
    "being\n"
    "served is refused.";

constexpr char kFooter[] =
    "\nA finding is one line, PART<tab>WHAT, or one JSON object; a summary ends the output. "
    "Progress "
    "goes to\n"
    "standard error. What a finding says holds no personal data.\n\n"
    "Exit codes: 0 whole, 1 something differs, 2 cannot tell (no ledger there, or it cannot be "
    "read),\n"
    "4 refused (in use, or keys that are another's or open to others), 64 wrong usage.\n\n"
    "Example:\n"
    "  auditledger-fsck --root /var/lib/auditledger --ledger clinic\n"
    "  auditledger-fsck --data /backup/data/clinic --json\n"
    "  auditledger-fsck repair --help";

struct Flags {
  std::string root;
  std::string ledger;
  std::string master_key;
  bool json = false;
  bool quiet = false;
};

void AddOptions(CLI::App& app, Flags& flags, FsckOptions& options) {
  app.add_option("--root", flags.root, "folder of data, state, keys and seeds, as auditledgerd's");
  app.add_option("--ledger", flags.ledger, "id of the ledger below --root");
  app.add_option("--data", options.paths.data_dir, "the ledger's own folder, data/<id>");
  app.add_option("--state", options.paths.state_dir, "what its signer signed, state/<id>");
  app.add_option("--keys", options.paths.key_dir, "its keys, keys/<id>; with --seeds");
  app.add_option("--seeds", options.paths.seed_dir, "its secrets, seeds/<id>; with --keys");
  app.add_option("--master_key", flags.master_key,
                 "where the key is that its keys are sealed under, as auditledgerd's");
  app.add_option("--origin", options.origin, "what it must be; else what data/<id> says");
  app.add_flag("--no-payloads", options.skip_payloads, "do not read payloads at all");
  app.add_option("--max-findings", options.max_findings, "print so many; all are counted")
      ->capture_default_str();
  app.add_flag("--json", flags.json, "one JSON object a line");
  app.add_flag("--quiet", flags.quiet, "no progress");
}

// What is below --root, unless it was given by itself. False: wrong usage.
bool FillPaths(const Flags& flags, FsckOptions& options) {
  if (flags.root.empty() != flags.ledger.empty()) return false;
  const auto fill = [&](std::string& path, const char* name) {
    if (path.empty() && !flags.root.empty()) path = flags.root + "/" + name + "/" + flags.ledger;
  };
  fill(options.paths.data_dir, "data");
  fill(options.paths.state_dir, "state");
  fill(options.paths.key_dir, "keys");
  fill(options.paths.seed_dir, "seeds");
  return !options.paths.data_dir.empty() &&
         options.paths.key_dir.empty() == options.paths.seed_dir.empty();
}

// A line every two seconds.
class Progress {
 public:
  void operator()(uint64_t done, uint64_t size) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::seconds(2)) return;
    last_ = now;
    std::cerr << "auditledger-fsck: " << done << " of " << size << " entries\n";
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

const char* ResultOf(const FsckReport& report) {
  if (report.findings_total == 0) return "whole";
  return report.findings_total == report.findings_rebuildable ? "rebuildable" : "damaged";
}

void PrintJson(const FsckReport& report) {
  for (const Finding& finding : report.findings) {
    nlohmann::ordered_json line = {{"part", auditledger::FindingPartName(finding.part)}};
    if (finding.entry.has_value()) line["entry"] = *finding.entry;
    line["rebuildable"] = auditledger::IsRebuildable(finding.part);
    line["what"] = finding.what;
    std::cout << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  }
  nlohmann::ordered_json end = {{"result", ResultOf(report)},
                                {"origin", report.origin},
                                {"size", report.head.size},
                                {"root", report.head.root.ToHex()},
                                {"entries", report.entries},
                                {"identities", report.identities},
                                {"index_heads", report.index_heads},
                                {"payloads_checked", report.opened_payloads},
                                {"payloads_opened", report.payloads_opened},
                                {"payloads_erased", report.payloads_erased},
                                {"findings", report.findings_total},
                                {"rebuildable", report.findings_rebuildable}};
  if (report.signed_head.has_value()) end["signed_size"] = report.signed_head->size;
  std::cout << end.dump() << "\n";
}

void PrintText(const FsckReport& report) {
  for (const Finding& finding : report.findings) {
    std::cout << auditledger::FindingPartName(finding.part) << "\t" << finding.what << "\n";
  }
  if (report.findings_total > report.findings.size()) {
    std::cout << "and " << report.findings_total - report.findings.size() << " more\n";
  }
  std::cout << report.origin << ": " << ResultOf(report) << ", size " << report.head.size
            << ", root " << report.head.root.ToHex() << ", " << report.entries << " leaves, "
            << report.identities << " identities, " << report.index_heads << " index heads, ";
  if (report.opened_payloads) {
    std::cout << report.payloads_opened << " payloads opened, " << report.payloads_erased
              << " erased; ";
  } else {
    std::cout << "payloads not opened; ";
  }
  std::cout << report.findings_total << " findings";
  if (report.findings_rebuildable > 0) {
    std::cout << ", " << report.findings_rebuildable << " of them made anew by the next start";
  }
  if (!report.signed_head.has_value()) std::cout << "; not compared with what was signed";
  std::cout << "\n";
}

int ExitCodeOf(const absl::Status& status) {
  if (absl::IsFailedPrecondition(status)) return auditledger::kExitRefused;
  return absl::IsInvalidArgument(status) ? auditledger::kExitUsage : auditledger::kExitUnreachable;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  FsckOptions options;
  auditledger::RepairFlags repair_flags;
  CLI::App app{kAbout};
  app.footer(kFooter);
  app.set_version_flag("--version", "auditledger-fsck " AUDITLEDGER_VERSION);
  AddOptions(app, flags, options);
  const CLI::App* repair = auditledger::AddRepairCommand(app, repair_flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? auditledger::kExitOk : auditledger::kExitUsage;
  }
  if (!FillPaths(flags, options)) {
    std::cerr << "auditledger-fsck: give --root with --ledger, or --data; --keys with --seeds\n";
    return auditledger::kExitUsage;
  }
  auto master = auditledger::LoadMasterKeyIfGiven(flags.master_key);
  if (!master.ok()) {
    std::cerr << "auditledger-fsck: " << master.status().message() << "\n";
    return ExitCodeOf(master.status());
  }
  options.paths.master_key = *std::move(master);
  if (!flags.quiet) options.progress = Progress();
  if (repair->parsed()) {
    return auditledger::RunRepair(repair_flags, options, flags.json);
  }
  const absl::StatusOr<FsckReport> report = auditledger::Fsck(options);
  if (!report.ok()) {
    std::cerr << "auditledger-fsck: " << report.status().message() << "\n";
    return ExitCodeOf(report.status());
  }
  flags.json ? PrintJson(*report) : PrintText(*report);
  std::cout.flush();
  return report->findings_total == 0 ? auditledger::kExitOk : auditledger::kExitNotProven;
}
