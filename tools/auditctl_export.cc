#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

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

// The whole export is against the head of the first page, whatever is appended meanwhile.
absl::Status Export(const Options& global, const ExportOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::ListEntriesRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), connection->LedgerName());
  ASSIGN_OR_RETURN(const auto out, ExportWriter::Open(options.dir));
  const uint64_t had = out->size();
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
  // Refuses a head that these very leaves do not lead to.
  RETURN_IF_ERROR(NotProven(out->Finish(head->note)));
  RETURN_IF_ERROR(WriteKey(*connection, request.parent(), options.dir));
  if (global.json) {
    PrintJson({{"dir", options.dir}, {"size", out->size()}, {"new", out->size() - had}});
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
      "beside it. Prints folder, entries, new entries. The same folder again adds what is new.\n\n"
      "Examples:\n"
      "  auditctl export out/ && auditledger-verify log out/ --pins pins.txt\n"
      "  auditctl export mirror/ --leaves-only     (no personal data)");
  command->add_option("dir", options->dir, "the folder; made when it is not there")->required();
  command->add_flag("--leaves-only", options->leaves_only, "without the payloads");
  command->add_flag("--progress", options->progress, "report progress even when not on a terminal");
  command->callback(
      [options, &run] { run.action = [options, &run] { return Export(run.options, *options); }; });
}

}  // namespace auditledger::ctl
