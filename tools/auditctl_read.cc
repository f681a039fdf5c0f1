#include <iostream>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_receipt.h"
#include "tools/fhir_r4.h"
#include "tools/json_event.h"
#include "tools/strict_json.h"

namespace auditledger::ctl {
namespace {

struct ReadOptions {
  uint64_t index = 0;
  std::string format = "json";
  uint64_t from = 0;
  uint64_t to = 0;
  uint64_t limit = 0;
  bool from_given = false;
  bool full = false;
};

std::string PayloadText(v1::PayloadState state) {
  switch (state) {
    case v1::PAYLOAD_STATE_NONE:
      return "none";
    case v1::PAYLOAD_STATE_PRESENT:
      return "present";
    case v1::PAYLOAD_STATE_NOT_REQUESTED:
      return "not-requested";
    case v1::PAYLOAD_STATE_ERASED:
      return "erased";
    case v1::PAYLOAD_STATE_WITHHELD:
      return "withheld";
    default:
      return "unknown";
  }
}

// "erased by entry 90": the server's word, which `auditledger-verify` checks against the log.
std::string PayloadWords(const v1::Entry& entry) {
  const std::string state = PayloadText(entry.payload_state());
  return entry.erased_by() == 0 ? state : absl::StrCat(state, " by entry ", entry.erased_by());
}

// Everything a machine may want of an entry; the event in protobuf's JSON mapping where it is
// there.
absl::StatusOr<nlohmann::ordered_json> EntryJson(const v1::Entry& entry) {
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(entry.leaf()));
  nlohmann::ordered_json out = {{"index", entry.index()},
                                {"kind", EntryKindName(leaf.kind)},
                                {"recorded_at", TimeText(leaf.recorded_at_us)},
                                {"leaf_hash", LeafHash(entry.leaf()).ToBase64()},
                                {"leaf", absl::Base64Escape(entry.leaf())},
                                {"payload", PayloadText(entry.payload_state())}};
  if (entry.erased_by() != 0) out["erased_by"] = entry.erased_by();
  if (leaf.event_time_us != 0) out["event_time"] = TimeText(leaf.event_time_us);
  if (!entry.has_opening()) return out;
  ASSIGN_OR_RETURN(const EntryHeader header, ParseHeader(entry.opening().header()));
  out["principal"] = header.principal;
  out["stream_id"] = header.stream_id;
  out["event_id"] = header.event_id;
  out["stream_sequence"] = header.stream_sequence;
  out["flags"] = FlagNames(header.flags);
  if (entry.opening().event().empty()) return out;
  v1::AuditEvent event;
  if (!event.ParseFromString(entry.opening().event())) {
    return absl::DataLossError("the entry's event does not parse");
  }
  ASSIGN_OR_RETURN(const std::string text, JsonFromAuditEvent(event, /*indented=*/false));
  out["event"] = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  return out;
}

absl::Status PrintEvent(const std::string& bytes, const std::string& format) {
  if (format == "raw") {
    std::cout << bytes;
    return absl::OkStatus();
  }
  v1::AuditEvent event;
  if (!event.ParseFromString(bytes)) return absl::DataLossError("the event does not parse");
  if (format == "fhir-r4") {
    ASSIGN_OR_RETURN(const nlohmann::json fhir, FhirR4FromAuditEvent(event));
    std::cout << FormatJson(fhir, 2) << "\n";
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string text, JsonFromAuditEvent(event, /*indented=*/true));
  std::cout << text << "\n";
  return absl::OkStatus();
}

absl::Status Get(const Options& global, const ReadOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(const std::string ledger, connection->LedgerName());
  v1::GetEntryRequest request;
  request.set_name(absl::StrCat(ledger, "/entries/", options.index));
  request.set_view(v1::ENTRY_VIEW_FULL);
  v1::GetEntryResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection->ledgers().GetEntry(connection->Call().get(), request, &response)));
  const v1::Entry& entry = response.entry();
  ProvenEntry proven{entry.index(), entry.leaf(), std::nullopt, response.inclusion(),
                     response.checkpoint()};
  if (entry.has_opening()) proven.opening = entry.opening();
  if (entry.index() != options.index) {
    return NotProven(absl::DataLossError("the answer is another entry"));
  }
  RETURN_IF_ERROR(CheckEntry(*connection, proven, entry.opening().event()));
  if (options.format == "json") {
    ASSIGN_OR_RETURN(nlohmann::ordered_json value, EntryJson(entry));
    value["verified"] = connection->pinned();
    std::cout << value.dump(2) << "\n";
    return absl::OkStatus();
  }
  if (entry.opening().event().empty()) {
    return absl::NotFoundError(absl::StrCat(
        "entry ", entry.index(), " has no event to show: payload ", PayloadWords(entry)));
  }
  return PrintEvent(entry.opening().event(), options.format);
}

absl::Status List(const Options& global, const ReadOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  v1::ListEntriesRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), connection->LedgerName());
  request.set_view(options.full ? v1::ENTRY_VIEW_FULL : v1::ENTRY_VIEW_LEAF);
  request.set_start_index(options.from);
  request.set_end_index(options.to);
  uint64_t printed = 0;
  do {
    v1::ListEntriesResponse response;
    RETURN_IF_ERROR(
        FromRpc(connection->ledgers().ListEntries(connection->Call().get(), request, &response)));
    for (const v1::Entry& entry : response.entries()) {
      if (options.limit != 0 && printed == options.limit) return absl::OkStatus();
      RETURN_IF_ERROR(PrintEntryRow(entry, global.json));
      ++printed;
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> NewestSize(Connection& connection, const std::string& ledger) {
  v1::GetCheckpointRequest request;
  request.set_ledger(ledger);
  v1::GetCheckpointResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection.ledgers().GetCheckpoint(connection.Call().get(), request, &response)));
  ASSIGN_OR_RETURN(const SignedCheckpoint head, connection.Open(response.checkpoint()));
  return head.checkpoint.size;
}

absl::Status Tail(const Options& global, const ReadOptions& options) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(const std::string ledger, connection->LedgerName());
  uint64_t next = options.from;
  if (!options.from_given) {
    ASSIGN_OR_RETURN(next, NewestSize(*connection, ledger));
  }
  v1::TailEntriesRequest request;
  request.set_ledger(ledger);
  request.set_start_index(next);
  request.set_view(options.full ? v1::ENTRY_VIEW_FULL : v1::ENTRY_VIEW_LEAF);
  const auto context = connection->Call(/*endless=*/true);
  const auto stream = connection->ledgers().TailEntries(context.get(), request);
  v1::TailEntriesResponse response;
  uint64_t printed = 0;
  while (stream->Read(&response)) {
    for (const v1::Entry& entry : response.entries()) {
      RETURN_IF_ERROR(PrintEntryRow(entry, global.json));
      next = entry.index() + 1;
      if (++printed == options.limit) {
        context->TryCancel();
        return absl::OkStatus();
      }
    }
    std::cout.flush();
  }
  const absl::Status status = FromRpc(stream->Finish());
  if (!status.ok()) std::cerr << "auditctl: go on with --from " << next << "\n";
  return status;
}

void AddRange(CLI::App& command, ReadOptions& options) {
  command.add_option("--limit", options.limit, "stop after so many (0: none)");
  command.add_flag("--full", options.full,
                   "with the payload: sender, stream, event id; with --json the event as well");
}

}  // namespace

absl::Status PrintEntryRow(const v1::Entry& entry, bool json) {
  if (json) {
    ASSIGN_OR_RETURN(const nlohmann::ordered_json value, EntryJson(entry));
    PrintJson(value);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(entry.leaf()));
  std::vector<std::string> cells = {absl::StrCat(entry.index()), TimeText(leaf.recorded_at_us),
                                    EntryKindName(leaf.kind), PayloadWords(entry)};
  if (entry.has_opening()) {
    ASSIGN_OR_RETURN(const EntryHeader header, ParseHeader(entry.opening().header()));
    cells.insert(cells.end(), {header.principal, header.stream_id, header.event_id,
                               absl::StrJoin(FlagNames(header.flags), ",")});
  }
  PrintRow(cells);
  return absl::OkStatus();
}

void AddReadCommands(CLI::App& app, Run& run) {
  auto options = std::make_shared<ReadOptions>();
  CLI::App* get = app.add_subcommand(
      "get",
      "Print one entry. Its proof is checked, with --pin-key against the pinned key.\n\n"
      "Examples:\n  auditctl get 12\n  auditctl get 12 --format fhir-r4 > AuditEvent.json");
  get->add_option("index", options->index, "index of the entry")->required();
  get->add_option("--format", options->format,
                  "json (entry and event), event-json, fhir-r4, raw (the event's bytes)")
      ->check(CLI::IsMember({"json", "event-json", "fhir-r4", "raw"}))
      ->capture_default_str();
  get->callback(
      [options, &run] { run.action = [options, &run] { return Get(run.options, *options); }; });

  CLI::App* list = app.add_subcommand("list",
                                      "Print entries in order: index, time recorded, kind, "
                                      "payload. Proofs are not checked here: `get` does\n"
                                      "for one entry, `export` and auditledger-verify for all.\n\n"
                                      "Example:\n  auditctl list --from 100 --to 200 --full");
  list->add_option("--from", options->from, "first index");
  list->add_option("--to", options->to, "index to stop before (0: the end)");
  AddRange(*list, *options);
  list->callback(
      [options, &run] { run.action = [options, &run] { return List(run.options, *options); }; });

  CLI::App* tail = app.add_subcommand("tail",
                                      "Print entries as they are recorded, until interrupted.\n\n"
                                      "Example:\n  auditctl tail --from 0 --json");
  CLI::Option* from =
      tail->add_option("--from", options->from, "first index (default: only new entries)");
  AddRange(*tail, *options);
  tail->callback([options, from, &run] {
    options->from_given = from->count() > 0;
    run.action = [options, &run] { return Tail(run.options, *options); };
  });
}

}  // namespace auditledger::ctl
