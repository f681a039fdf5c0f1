#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_sealing.h"
#include "tools/auditctl_timestamps.h"
#include "verifier/export_dir.h"
#include "verifier/export_sealer.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

constexpr char kRefusedFile[] = "refused-checkpoint";
constexpr int kPageEntries = 1000;  // the service's limit; pages also end at 1 MiB

struct ExportOptions {
  std::string path;
  std::vector<std::string> to;
  bool leaves_only = false;
  bool in_clear = false;
  bool progress = false;
};

// Payloads leave in the clear only where somebody said so in words.
absl::Status CheckChoice(const ExportOptions& options) {
  const int chosen =
      (options.to.empty() ? 0 : 1) + (options.leaves_only ? 1 : 0) + (options.in_clear ? 1 : 0);
  if (chosen == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "export: say by one of these what may be read of it:\n"
      "  --to CERT.pem   one file that only the recipient reads; again for each recipient\n"
      "  --leaves-only   a folder without payloads: no personal data in the clear\n"
      "  --in-clear      a folder with payloads that whoever gets it can read");
}

// Where the export goes: a folder, where an earlier one is gone on with, or one sealed file.
struct Target {
  std::unique_ptr<ExportSealer> sealer;  // none: a folder
  std::unique_ptr<FolderSink> folder;
  std::unique_ptr<ExportWriter> writer;

  ExportSink& files() { return sealer ? static_cast<ExportSink&>(*sealer) : *folder; }
};

absl::StatusOr<Target> OpenTarget(const ExportOptions& options, const Recipients& recipients) {
  Target target;
  if (recipients.size() == 0) {
    target.folder = std::make_unique<FolderSink>(options.path);
    ASSIGN_OR_RETURN(target.writer, ExportWriter::Open(options.path));
    return target;
  }
  if (std::filesystem::is_directory(options.path)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.path, ": is a folder; with --to name the file to write"));
  }
  ASSIGN_OR_RETURN(target.sealer, ExportSealer::Create(options.path, recipients));
  target.writer = ExportWriter::Into(*target.sealer);
  return target;
}

std::optional<Opening> OpeningOf(const v1::Entry& entry) {
  if (!entry.has_opening() || entry.opening().event().empty()) return std::nullopt;
  return Opening{entry.opening().seed(), entry.opening().header(), entry.opening().event()};
}

absl::Status WriteKey(Connection& connection, const std::string& ledger, ExportSink& files) {
  v1::GetLedgerRequest request;
  request.set_name(ledger);
  v1::GetLedgerResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection.ledgers().GetLedger(connection.Call().get(), request, &response)));
  return files.Put(std::string(kVkeyFile), response.ledger().vkey() + "\n");
}

// A head under which the folder's entries do not stand is evidence, if the pinned key signed it.
absl::Status RefuseHead(const Connection& connection, const std::string& dir,
                        const SignedCheckpoint& head, absl::string_view why) {
  if (!connection.pinned()) return NotProven(absl::FailedPreconditionError(why));
  const std::string path = absl::StrCat(absl::StripSuffix(dir, "/"), "/", kRefusedFile);
  RETURN_IF_ERROR(WriteFileAtomically({.path = path, .temporary = path + ".tmp"}, head.note));
  return NotProven(absl::FailedPreconditionError(
      absl::StrCat(why, ". The signed head that contradicts it is kept as ", path,
                   ": give it to a monitor (--shown)")));
}

// Before anything is listed: a log that is shorter than the folder has no page to begin with.
absl::Status CheckNotShorter(Connection& connection, const std::string& ledger,
                             const std::string& dir, const ExportWriter& out) {
  if (out.size() == 0) return absl::OkStatus();
  v1::GetCheckpointRequest request;
  request.set_ledger(ledger);
  v1::GetCheckpointResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection.ledgers().GetCheckpoint(connection.Call().get(), request, &response)));
  ASSIGN_OR_RETURN(const SignedCheckpoint head, connection.Open(response.checkpoint()));
  if (head.checkpoint.size < out.size()) {
    return RefuseHead(connection, dir, head,
                      absl::StrCat("rollback: the server shows ", head.checkpoint.size,
                                   " entries, ", dir, " has ", out.size()));
  }
  if (head.checkpoint.size == out.size() && head.checkpoint.root != out.Root()) {
    return RefuseHead(connection, dir, head,
                      absl::StrCat("fork: the server's head of size ", head.checkpoint.size,
                                   " has another root than ", dir));
  }
  return absl::OkStatus();
}

// The entries that `out` has not, and the head of the first page: the whole export is against that
// one, whatever is appended meanwhile.
absl::StatusOr<SignedCheckpoint> WriteEntries(Connection& connection,
                                              v1::ListEntriesRequest request, Progress& progress,
                                              ExportWriter& out) {
  request.set_page_size(kPageEntries);
  request.set_start_index(out.size());
  std::optional<SignedCheckpoint> head;
  do {
    v1::ListEntriesResponse response;
    RETURN_IF_ERROR(
        FromRpc(connection.ledgers().ListEntries(connection.Call().get(), request, &response)));
    if (!head) {
      ASSIGN_OR_RETURN(head, connection.Open(response.checkpoint()));
    }
    for (const v1::Entry& entry : response.entries()) {
      if (entry.index() != out.size()) {
        return NotProven(absl::DataLossError(
            absl::StrCat("entry ", entry.index(), " came where ", out.size(), " was due")));
      }
      RETURN_IF_ERROR(out.Append(entry.leaf(), OpeningOf(entry)));
    }
    progress.Update(out.size(), head->checkpoint.size);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return *std::move(head);
}

// A head that is not of these entries is unproven; a disk or a file that is full says so.
absl::Status FinishUnder(const SignedCheckpoint& head, ExportWriter& out) {
  const absl::Status finished = out.Finish(head.note);
  const bool full = absl::IsUnavailable(finished) || absl::IsOutOfRange(finished);
  return full ? finished : NotProven(finished);
}

absl::Status Export(const Options& global, const ExportOptions& options) {
  RETURN_IF_ERROR(CheckChoice(options));
  ASSIGN_OR_RETURN(const Recipients recipients, LoadRecipients("--to", options.to));
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::ListEntriesRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), connection->LedgerName());
  request.set_view(options.leaves_only ? v1::ENTRY_VIEW_LEAF : v1::ENTRY_VIEW_FULL);
  ASSIGN_OR_RETURN(Target target, OpenTarget(options, recipients));
  ExportWriter& out = *target.writer;
  const uint64_t had = out.size();
  RETURN_IF_ERROR(CheckNotShorter(*connection, request.parent(), options.path, out));
  Progress progress("entries", options.progress);
  ASSIGN_OR_RETURN(const SignedCheckpoint head, WriteEntries(*connection, request, progress, out));
  if (had > 0 && out.Root() != head.checkpoint.root) {
    return RefuseHead(*connection, options.path, head,
                      absl::StrCat("the entries in ", options.path,
                                   " and those that came now do not lead to the server's head: it "
                                   "is of another history, or entries are damaged"));
  }
  RETURN_IF_ERROR(WriteKey(*connection, request.parent(), target.files()));
  RETURN_IF_ERROR(FinishUnder(head, out));
  ASSIGN_OR_RETURN(const uint64_t timestamps,
                   ExportTimestamps(*connection, request.parent(), out.size(), target.files()));
  if (target.sealer) RETURN_IF_ERROR(target.sealer->Finish());
  if (global.json) {
    PrintJson({{target.sealer ? "file" : "dir", options.path},
               {"size", out.size()},
               {"new", out.size() - had},
               {"timestamps", timestamps},
               {"recipients", recipients.size()}});
  } else {
    PrintRow({options.path, absl::StrCat(out.size()), absl::StrCat(out.size() - had)});
  }
  return absl::OkStatus();
}

}  // namespace

void AddExportCommand(CLI::App& app, Run& run) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand(
      "export",
      "Write the log for whoever verifies it offline: a C2SP tile directory with the payloads "
      "beside it and\n"
      "its timestamps in `timestamps`. With --to as one sealed file (CMS, AES-256-GCM) instead. "
      "Prints folder or\n"
      "file, entries, new entries. The same folder again adds what is new, a file is made anew. "
      "With --pin-key\n"
      "a signed head that contradicts the folder is kept there as refused-checkpoint.\n\n"
      "Examples:\n"
      "  auditctl export clinic.sealed --to auditor.pem --to court.pem\n"
      "    auditledger-verify open-export clinic.sealed --recipient-key auditor.key --out out/\n"
      "  auditctl export out/ --in-clear && auditledger-verify log out/ --pins pins.txt\n"
      "  auditctl export mirror/ --leaves-only     (no personal data; a place for a monitor)");
  command->add_option("path", options->path, "the folder, made when it is not there, or the file")
      ->required();
  command
      ->add_option("--to", options->to,
                   "the certificate (PEM, RSA or EC) of one who shall read it; may be given again")
      ->allow_extra_args(false);
  command->add_flag("--leaves-only", options->leaves_only, "a folder without the payloads");
  command->add_flag("--in-clear", options->in_clear, "a folder with payloads in the clear");
  command->add_flag("--progress", options->progress, "report progress even when not on a terminal");
  command->callback(
      [options, &run] { run.action = [options, &run] { return Export(run.options, *options); }; });
}

}  // namespace auditledger::ctl
