#include <fstream>
#include <iostream>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "api/client/receipt_check.h"
#include "api/client/retry.h"
#include "api/client/rpc_error.h"
#include "api/client/shared_proof.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_receipt.h"
#include "tools/event_reader.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

// Half of what the service takes in one batch, so that a batch of large events fits as well.
constexpr size_t kMaxBatchBytes = 2 << 20;
constexpr size_t kMaxBatchEvents = 1000;  // the service's limit
// The one refusal after which the batch stands in the log.
constexpr char kWitnessesUnavailable[] = "WITNESSES_UNAVAILABLE";

struct AppendOptions {
  std::vector<std::string> files;
  std::string format = "auto";
  std::string stream;
  uint64_t number_from = 0;
  std::string receipts_dir;
  size_t batch = 250;
  std::string ack = "durable";
  bool progress = false;
};

class Appender {
 public:
  Appender(const AppendOptions& options, Connection& connection, std::string ledger)
      : options_(options),
        connection_(connection),
        ledger_(std::move(ledger)),
        number_(options.number_from),
        progress_("events", options.progress) {}

  absl::Status AddAll(std::istream& input, const std::string& name) {
    ASSIGN_OR_RETURN(const EventFormat format, ParseEventFormat(options_.format));
    EventReader reader(input, name, format);
    while (true) {
      auto next = reader.Next();
      if (!next.ok()) return Unsent(next.status());
      std::optional<v1::AuditEvent> event = *std::move(next);
      if (!event) return absl::OkStatus();
      const size_t bytes = event->ByteSizeLong();
      if (!lines_.empty() && (lines_.size() >= options_.batch || bytes_ + bytes > kMaxBatchBytes)) {
        RETURN_IF_ERROR(Flush());
      }
      Fill(*event);
      bytes_ += bytes;
      lines_.push_back(absl::StrCat(name, ":", reader.line()));
      v1::AppendEventRequest& request = *batch_.add_requests();
      *request.mutable_event() = *std::move(event);
      request.set_include_opening(!options_.receipts_dir.empty() || connection_.pinned());
    }
  }

  absl::Status Flush() {
    if (lines_.empty()) return absl::OkStatus();
    batch_.set_ledger(ledger_);
    if (options_.ack == "witnessed") batch_.set_ack(v1::ACK_LEVEL_WITNESSED);
    batch_.set_share_proof(true);
    v1::BatchAppendEventsResponse response;
    RETURN_IF_ERROR(Send(response));
    const auto receipts = WholeReceipts(std::move(response), lines_.size());
    if (!receipts.ok()) return NotProven(receipts.status());
    for (size_t i = 0; i < receipts->size(); ++i) {
      RETURN_IF_ERROR(Take(batch_.requests(static_cast<int>(i)).event(), (*receipts)[i]));
    }
    progress_.Update(count_, 0);
    batch_.Clear();
    lines_.clear();
    bytes_ = 0;
    return absl::OkStatus();
  }

  void Summarise() const {
    if (connection_.options().json) return;
    std::cerr << count_ << " events: " << count_ - repeated_ << " new, " << repeated_
              << " recorded before" << (connection_.pinned() ? ", every receipt verified" : "")
              << "\n";
  }

 private:
  // What a mapped event does not carry itself. Both follow from the input alone, so that the same
  // input gives the same events.
  void Fill(v1::AuditEvent& event) {
    v1::Source& source = *event.mutable_source();
    if (source.stream_id().empty()) source.set_stream_id(options_.stream);
    if (options_.number_from > 0 && source.stream_sequence() == 0) {
      source.set_stream_sequence(number_++);
    }
  }

  absl::Status Unsent(const absl::Status& status) const {
    if (lines_.empty()) return status;
    return absl::Status(status.code(), absl::StrCat(status.message(), "\n  nothing from ",
                                                    lines_.front(), " on was recorded"));
  }

  absl::Status Send(v1::BatchAppendEventsResponse& response) {
    for (int attempt = 1;; ++attempt) {
      const auto context = connection_.Call();
      const grpc::Status status =
          connection_.ledgers().BatchAppendEvents(context.get(), batch_, &response);
      if (status.ok()) return absl::OkStatus();
      const absl::Status error = FromGrpc(status);
      if (!IsRetryable(error) || attempt == retry_.max_attempts) {
        return ErrorReason(error) == kWitnessesUnavailable ? FromRpc(status)
                                                           : Located(FromRpc(status));
      }
      Sleep(retry_, RetryDelay(retry_, attempt, error, random_));
    }
  }

  // "requests[3].event.agent" in the server's words becomes "day.jsonl:17 event.agent".
  absl::Status Located(const absl::Status& status) const {
    std::string text(status.message());
    for (size_t i = lines_.size(); i-- > 0;) {
      text = absl::StrReplaceAll(text, {{absl::StrCat("requests[", i, "]."), lines_[i] + " "}});
    }
    absl::StrAppend(&text, "\n  none of ", lines_.front(), " to ", lines_.back(),
                    " was recorded; all before them were. The same input again goes on from there");
    absl::Status out(status.code(), text);
    status.ForEachPayload(
        [&](absl::string_view url, const absl::Cord& payload) { out.SetPayload(url, payload); });
    return out;
  }

  absl::Status Take(const v1::AuditEvent& event, const v1::Receipt& receipt) {
    const ProvenEntry entry = OfReceipt(receipt);
    std::string bytes = event.SerializeAsString();
    if (receipt.has_opening()) {
      ASSIGN_OR_RETURN(bytes, SealedEventOf(receipt.opening(), bytes));
    }
    if (connection_.pinned() || !options_.receipts_dir.empty()) {
      RETURN_IF_ERROR(CheckAppended(connection_, entry, bytes));
    }
    if (!options_.receipts_dir.empty()) {
      RETURN_IF_ERROR(WriteReceiptFiles(options_.receipts_dir, entry, bytes));
    }
    ++count_;
    repeated_ += receipt.repeated_event() ? 1 : 0;
    Print(event, receipt);
    return absl::OkStatus();
  }

  void Print(const v1::AuditEvent& event, const v1::Receipt& receipt) const {
    if (connection_.options().json) {
      nlohmann::ordered_json flags = nlohmann::ordered_json::array();
      for (const std::string& flag : receipt.flags()) flags.push_back(flag);
      PrintJson({{"index", receipt.index()},
                 {"event_id", event.event_id()},
                 {"repeated", receipt.repeated_event()},
                 {"witnessed", receipt.witnessed()},
                 {"flags", flags}});
      return;
    }
    PrintRow({absl::StrCat(receipt.index()), event.event_id(),
              receipt.repeated_event() ? "repeated" : "new", absl::StrJoin(receipt.flags(), ",")});
  }

  const AppendOptions& options_;
  Connection& connection_;
  const std::string ledger_;
  uint64_t number_;
  const RetryPolicy retry_;
  std::mt19937_64 random_{std::random_device{}()};  // spreads retries
  Progress progress_;
  v1::BatchAppendEventsRequest batch_;
  std::vector<std::string> lines_;  // where each event of the batch came from
  size_t bytes_ = 0;
  uint64_t count_ = 0;
  uint64_t repeated_ = 0;
};

absl::Status Append(const AppendOptions& options, const Options& global) {
  ASSIGN_OR_RETURN(const auto connection, Connection::Open(global));
  ASSIGN_OR_RETURN(const std::string ledger, connection->LedgerName());
  if (!options.receipts_dir.empty()) RETURN_IF_ERROR(MakeFolders(options.receipts_dir));
  Appender appender(options, *connection, ledger);
  for (const std::string& file : options.files) {
    if (file == "-") {
      RETURN_IF_ERROR(appender.AddAll(std::cin, "stdin"));
      continue;
    }
    std::ifstream input(file, std::ios::binary);
    if (!input) return absl::InvalidArgumentError(absl::StrCat("cannot read ", file));
    RETURN_IF_ERROR(appender.AddAll(input, file));
  }
  RETURN_IF_ERROR(appender.Flush());
  appender.Summarise();
  return absl::OkStatus();
}

}  // namespace

void AddAppendCommand(CLI::App& app, Run& run) {
  auto options = std::make_shared<AppendOptions>();
  CLI::App* command = app.add_subcommand(
      "append",
      "Record events and print a line for each: index, event id, new or repeated, flags.\n\n"
      "Events are sent in batches, each recorded whole or not at all. An event that is already "
      "recorded is\n"
      "answered with its first receipt, so after an interruption the same command goes on where it "
      "was.\n\n"
      "Examples:\n"
      "  auditctl append day.jsonl --receipts receipts/\n"
      "  auditctl append --stream imports AuditEvent-*.json\n"
      "  auditledger-generate | auditctl append -");
  command->add_option("files", options->files, "files; - is standard input")->required();
  command->add_option("--format", options->format, "auto, event-json, jsonl or fhir-r4")
      ->capture_default_str();
  command->add_option("--stream", options->stream,
                      "stream id of events that name none, such as those from FHIR");
  command->add_option("--number-from", options->number_from,
                      "number events that carry no sequence, from this on (0: leave them)");
  command->add_option(
      "--receipts", options->receipts_dir,
      "folder for INDEX.tlog-proof and INDEX.event.pb, which auditledger-verify reads");
  command
      ->add_option("--ack", options->ack,
                   "durable, or witnessed: receipts under a head that the quorum of the ledger's "
                   "witness policy cosigned")
      ->check(CLI::IsMember({"durable", "witnessed"}))
      ->capture_default_str();
  command->add_option("--batch", options->batch, "events in one batch")
      ->check(CLI::Range(size_t{1}, kMaxBatchEvents))
      ->capture_default_str();
  command->add_flag("--progress", options->progress, "report progress even when not on a terminal");
  command->callback(
      [options, &run] { run.action = [options, &run] { return Append(*options, run.options); }; });
}

}  // namespace auditledger::ctl
