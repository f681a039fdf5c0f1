#include "tools/fsck_repair.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/key_history.h"
#include "ledger/posix_file.h"
#include "ledger/repair.h"
#include "merkle/key_chain.h"
#include "merkle/status_macros.h"
#include "merkle/tile.h"
#include "tools/exit_codes.h"
#include "tools/monitor_source.h"
#include "verifier/pins.h"

namespace auditledger {
namespace {

constexpr char kRepairFooter[] = R"(
What is right is what the signer signed: state/ID (or --signer) has its last head, and whatever is
kept or taken must lead to it. Mirrors give leaves; payloads, identity records and secrets come from
a backup only, and are proven with the keys. The damaged log stays beside the new one, as
data/ID/log.damaged-N. The next start of the server records the repair as an entry.

Exit codes: 0 whole now, 1 something is damaged still (what, is listed) or the copies do not lead to
the signed head (then nothing was changed), 2 a copy cannot be read, 4 refused: in use, keys that
are another's, or a copy with signed heads which the signer's state contradicts; 64 wrong usage.

Examples:
  auditledger-fsck repair --root /var/lib/auditledger --ledger clinic --pin-key clinic.vkey \
    --from https://tiles.example.org/clinic
  auditledger-fsck repair --root /var/lib/auditledger --ledger clinic --pin-key clinic.vkey \
    --from /var/lib/monitor/clinic/mirror --backup /backup/clinic --backup-seeds /vault/clinic)";

// A mirror as the repair asks for it. What it says is proven there.
class MirrorLeaves : public LeafSource {
 public:
  MirrorLeaves(std::unique_ptr<LogSource> source, uint64_t size)
      : source_(std::move(source)), tiles_(*source_), size_(size) {}
  absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t index, uint64_t width) override {
    const uint64_t begin = index * kTileWidth;
    if (begin >= size_) return absl::NotFoundError("the mirror ends before");
    // The file of that width and no other is there.
    ASSIGN_OR_RETURN(std::vector<std::string> leaves,
                     tiles_.ReadEntries(index, std::min(kTileWidth, size_ - begin)));
    leaves.resize(std::min<uint64_t>(leaves.size(), width));
    return leaves;
  }

 private:
  const std::unique_ptr<LogSource> source_;
  SourceTiles tiles_;
  const uint64_t size_;
};

int Fail(int code, absl::string_view what) {
  std::cerr << "auditledger-fsck: " << what << "\n";
  return code;
}

struct Mirrors {
  std::vector<std::unique_ptr<MirrorLeaves>> leaves;
  std::vector<RepairOptions::Mirror> named;
};

// Heads of keys that were rotated count too, where the changes lie beside the ledger's keys.
absl::StatusOr<Mirrors> OpenMirrors(const RepairFlags& flags, const NoteVerifier& key,
                                    const std::string& key_dir) {
  auto chain = KeyChain::BuildFromLeaves(key, ReadKeyChangesFile(key_dir, key.name()));
  if (!chain.ok()) chain = KeyChain::Build(key, {});
  RETURN_IF_ERROR(chain.status());
  Mirrors out;
  HttpLimits http;
  http.ca_file = flags.ca;
  for (const std::string& place : flags.from) {
    ASSIGN_OR_RETURN(std::unique_ptr<LogSource> source, OpenSource(place, http));
    const absl::StatusOr<std::string> note = source->Read("checkpoint", kMaxNoteBytes);
    if (!note.ok()) {
      return absl::UnavailableError(absl::StrCat(place, ": ", note.status().message()));
    }
    absl::StatusOr<SignedCheckpoint> head = OpenCheckpoint(*note, key.name(), *chain);
    if (!head.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat(place, " does not show this log: ", head.status().message()));
    }
    out.leaves.push_back(std::make_unique<MirrorLeaves>(std::move(source), head->checkpoint.size));
    out.named.push_back({place, head->checkpoint, out.leaves.back().get()});
  }
  return out;
}

int ExitCodeOf(const absl::Status& status) {
  if (absl::IsFailedPrecondition(status)) return kExitRefused;
  if (absl::IsDataLoss(status)) return kExitNotProven;
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitUnreachable;
}

nlohmann::ordered_json ToJson(const IndexRanges& indices) {
  nlohmann::ordered_json ranges = nlohmann::ordered_json::array();
  for (const auto& [first, last] : indices.ranges()) ranges.push_back({first, last});
  return {{"count", indices.count()}, {"ranges", ranges}, {"more", indices.is_cut()}};
}

void PrintJson(const RepairReport& report) {
  nlohmann::ordered_json still = nlohmann::ordered_json::array();
  for (const Finding& finding : report.after.findings) {
    still.push_back({{"part", FindingPartName(finding.part)}, {"what", finding.what}});
  }
  const nlohmann::ordered_json out = {{"size", report.after.head.size},
                                      {"root", report.after.head.root.ToHex()},
                                      {"resumed", report.resumed},
                                      {"log_changed", report.log_changed},
                                      {"leaves", ToJson(report.leaves)},
                                      {"payloads", ToJson(report.payloads)},
                                      {"identities", ToJson(report.identities)},
                                      {"secrets", ToJson(report.secrets)},
                                      {"secrets_given_up", report.secrets_given_up},
                                      {"streams", report.streams},
                                      {"left_out", report.left_out},
                                      {"logged", report.logged},
                                      {"damaged_log", report.damaged_log},
                                      {"findings", report.after.findings_total},
                                      {"rebuildable", report.after.findings_rebuildable},
                                      {"still_damaged", still}};
  std::cout << out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void PrintText(const RepairReport& report) {
  for (const Finding& finding : report.after.findings) {
    std::cout << FindingPartName(finding.part) << "\t" << finding.what << "\n";
  }
  if (report.resumed) std::cout << "an earlier repair, cut short, was finished\n";
  if (report.logged.empty()) {
    std::cout << (report.after.findings_total == report.after.findings_rebuildable
                      ? "nothing to repair\n"
                      : "nothing given can repair this: payloads, identities and secrets need "
                        "--backup, --backup-seeds and the keys\n");
  } else {
    std::cout << report.logged << "\n";
  }
  for (const std::string& file : report.secrets_given_up) {
    std::cout << file << " could not be read whole and was left as it is\n";
  }
  if (!report.damaged_log.empty()) {
    std::cout << "the log as it was is kept in " << report.damaged_log << "\n";
  }
}

}  // namespace

CLI::App* AddRepairCommand(CLI::App& app, RepairFlags& flags) {
  CLI::App* repair = app.add_subcommand(
      "repair", "repairs the ledger from mirrors and a backup; see repair --help");
  repair->fallthrough();
  repair->footer(kRepairFooter);
  repair->add_option("--from", flags.from, "a mirror: http(s) URL or folder of tiles; may repeat")
      ->allow_extra_args(false);
  repair->add_option("--pin-key", flags.pin_key, "the log's vkey, or a file of it")->required();
  repair->add_option("--ca", flags.ca, "certificates to trust for https");
  repair->add_option("--backup", flags.backup, "a backup's folder (auditctl backup); needs keys");
  repair->add_option("--backup-seeds", flags.backup_seeds, "the backup's folder of secrets");
  repair->add_option("--signer", flags.signer,
                     "folder of signer.state, where a signer process has it; else --state");
  return repair;
}

int RunRepair(const RepairFlags& flags, const FsckOptions& fsck, bool json) {
  const absl::StatusOr<NoteVerifier> key = LoadKey(flags.pin_key);
  if (!key.ok()) return Fail(kExitUsage, absl::StrCat("--pin-key: ", key.status().message()));
  absl::StatusOr<Mirrors> mirrors = OpenMirrors(flags, *key, fsck.paths.key_dir);
  if (!mirrors.ok()) return Fail(ExitCodeOf(mirrors.status()), mirrors.status().message());
  RepairOptions options{*key, fsck.paths};
  options.signer_dir = flags.signer;
  options.mirrors = std::move(mirrors->named);
  options.backup = {flags.backup, flags.backup_seeds};
  options.limits = fsck.limits;
  options.progress = fsck.progress;
  const absl::StatusOr<RepairReport> report = RepairLedger(options);
  if (!report.ok()) return Fail(ExitCodeOf(report.status()), report.status().message());
  json ? PrintJson(*report) : PrintText(*report);
  std::cout.flush();
  return report->after.findings_total == report->after.findings_rebuildable ? kExitOk
                                                                            : kExitNotProven;
}

}  // namespace auditledger
