#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_timestamps.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

constexpr char kRefusedFile[] = "refused-checkpoint";
constexpr int kPageEntries = 1000;  // the service's limit; pages also end at 1 MiB

struct ExportOptions {
  std::string dir;
  bool leaves_only = false;
  bool progress = false;
};

std::optional<Opening> OpeningOf(const v1::Entry& entry) {
  if (!entry.has_opening() || entry.opening().event().empty()) return std::nullopt;
  return Opening{entry.opening().seed(), entry.opening().header(), entry.opening().event()};
}

absl::Status WriteKey(Connection& connection, const std::string& ledger, const std::string& dir) {
  v1::GetLedgerRequest request;
  request.set_name(ledger);
  v1::GetLedgerResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection.ledgers().GetLedger(connection.Call().get(), request, &response)));
  const std::string path = absl::StrCat(dir, "/", kVkeyFile);
  return WriteFileAtomically({.path = path, .temporary = path + ".tmp"},
                             response.ledger().vkey() + "\n");
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

// The whole export is against the head of the first page, whatever is appended meanwhile.
absl::Status Export(const Options& global, const ExportOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::ListEntriesRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), connection->LedgerName());
  ASSIGN_OR_RETURN(const auto out, ExportWriter::Open(options.dir));
  const uint64_t had = out->size();
  RETURN_IF_ERROR(CheckNotShorter(*connection, request.parent(), options.dir, *out));
  request.set_page_size(kPageEntries);
  request.set_view(options.leaves_only ? v1::ENTRY_VIEW_LEAF : v1::ENTRY_VIEW_FULL);
  request.set_start_index(had);
  Progress progress("entries", options.progress);
  std::optional<SignedCheckpoint> head;
  do {
    v1::ListEntriesResponse response;
    RETURN_IF_ERROR(
        FromRpc(connection->ledgers().ListEntries(connection->Call().get(), request, &response)));
    if (!head) {
      ASSIGN_OR_RETURN(head, connection->Open(response.checkpoint()));
    }
    for (const v1::Entry& entry : response.entries()) {
      if (entry.index() != out->size()) {
        return NotProven(absl::DataLossError(
            absl::StrCat("entry ", entry.index(), " came where ", out->size(), " was due")));
      }
      RETURN_IF_ERROR(out->Append(entry.leaf(), OpeningOf(entry)));
    }
    progress.Update(out->size(), head->checkpoint.size);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  if (had > 0 && out->Root() != head->checkpoint.root) {
    return RefuseHead(*connection, options.dir, *head,
                      absl::StrCat("the entries in ", options.dir,
                                   " and those that came now do not lead to the server's head: it "
                                   "is of another history, or entries are damaged"));
  }
  RETURN_IF_ERROR(NotProven(out->Finish(head->note)));
  RETURN_IF_ERROR(WriteKey(*connection, request.parent(), options.dir));
  ASSIGN_OR_RETURN(const uint64_t timestamps,
                   ExportTimestamps(*connection, request.parent(), out->size(),
                                    absl::StrCat(options.dir, "/timestamps")));
  if (global.json) {
    PrintJson({{"dir", options.dir},
               {"size", out->size()},
               {"new", out->size() - had},
               {"timestamps", timestamps}});
  } else {
    PrintRow({options.dir, absl::StrCat(out->size()), absl::StrCat(out->size() - had)});
  }
  return absl::OkStatus();
}

}  // namespace

void AddExportCommand(CLI::App& app, Run& run) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand(
      "export",
      "Write the log as a folder that anyone can verify offline: a C2SP tile directory with the "
      "payloads\n"
      "beside it, its timestamps in `timestamps`. Prints folder, entries, new entries. The same "
      "folder again adds what is new. "
      "With\n"
      "--pin-key a signed head that contradicts the folder is kept there as refused-checkpoint.\n\n"
      "Examples:\n"
      "  auditctl export out/ && auditledger-verify log out/ --pins pins.txt\n"
      "  auditctl export mirror/ --leaves-only     (no personal data; a place for a monitor)");
  command->add_option("dir", options->dir, "the folder; made when it is not there")->required();
  command->add_flag("--leaves-only", options->leaves_only, "without the payloads");
  command->add_flag("--progress", options->progress, "report progress even when not on a terminal");
  command->callback(
      [options, &run] { run.action = [options, &run] { return Export(run.options, *options); }; });
}

}  // namespace auditledger::ctl
