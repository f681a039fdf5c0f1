// auditctl erase, approve-erasure, hold, lift-hold.
#include <algorithm>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "merkle/erasure_entries.h"
#include "merkle/status_macros.h"
#include "tools/auditctl.h"
#include "tools/auditctl_receipt.h"
#include "verifier/file_io.h"

namespace auditledger::ctl {
namespace {

struct EraseOptions {
  std::vector<std::string> indices;
  std::string subject;
  std::string reason;
  std::string why;
  std::string receipts_dir;
  uint64_t entry = 0;  // the request, or the hold
  bool all = false;
  bool yes = false;
  bool progress = false;
};

// "7" or "7-19".
absl::StatusOr<EntryRange> ParseRange(const std::string& text) {
  const std::vector<std::string> ends = absl::StrSplit(text, '-');
  EntryRange range;
  const bool parses = ends.size() <= 2 && absl::SimpleAtoi(ends.front(), &range.first) &&
                      absl::SimpleAtoi(ends.back(), &range.last) && range.first <= range.last;
  if (parses) return range;
  return absl::InvalidArgumentError(absl::StrCat(text, ": neither N nor FIRST-LAST"));
}

// In any order, given twice or touching: as the ledger wants them.
absl::StatusOr<EntryRanges> ParseRanges(const std::vector<std::string>& texts) {
  EntryRanges given;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(given.emplace_back(), ParseRange(text));
  }
  std::sort(given.begin(), given.end(),
            [](const EntryRange& a, const EntryRange& b) { return a.first < b.first; });
  EntryRanges out;
  for (const EntryRange& range : given) {
    if (!out.empty() && (range.first <= out.back().last || range.first - 1 == out.back().last)) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

absl::StatusOr<v1::Identifier> ParseSubject(const std::string& text) {
  const size_t bar = text.find('|');
  if (bar == std::string::npos) {
    return absl::InvalidArgumentError(
        "--subject SYSTEM|ID, such as 'urn:oid:1.2.3|4711', or '|Patient/4711' for a reference");
  }
  v1::Identifier subject;
  subject.set_system(text.substr(0, bar));
  subject.set_value(text.substr(bar + 1));
  return subject;
}

template <typename Message>
void PutRanges(const EntryRanges& ranges, Message& message) {
  for (const EntryRange& range : ranges) {
    v1::EntryRange* const added = message.add_ranges();
    added->set_first(range.first);
    added->set_last(range.last);
  }
}

class Eraser {
 public:
  Eraser(const EraseOptions& options, Connection& connection, std::string ledger)
      : options_(options), connection_(connection), ledger_(std::move(ledger)) {}

  absl::Status Run() {
    if (options_.yes) {
      if (options_.reason.empty() || options_.why.empty()) {
        return absl::InvalidArgumentError("--reason and --why are recorded: give both");
      }
      ASSIGN_OR_RETURN(reason_, ParseErasureReasonName(options_.reason));
    }
    if (options_.subject.empty() == options_.indices.empty()) {
      return absl::InvalidArgumentError("give either --index or --subject");
    }
    if (!options_.subject.empty()) return OfSubject();
    ASSIGN_OR_RETURN(const EntryRanges ranges, ParseRanges(options_.indices));
    return Take(ranges);
  }

 private:
  // As much at once as one erasure may name, so that memory is bounded.
  absl::Status OfSubject() {
    v1::FindSubjectRequest request;
    request.set_ledger(ledger_);
    ASSIGN_OR_RETURN(*request.mutable_subject(), ParseSubject(options_.subject));
    Progress progress("entries looked at", options_.progress);
    EntryRanges found;
    while (true) {
      v1::FindSubjectResponse response;
      RETURN_IF_ERROR(FromRpc(
          connection_.erasures().FindSubject(connection_.Call().get(), request, &response)));
      for (const v1::EntryRange& range : response.ranges()) {
        if (!found.empty() && found.back().last + 1 == range.first()) {
          found.back().last = range.last();
          continue;
        }
        if (found.size() == kMaxErasureRanges) {
          RETURN_IF_ERROR(Take(found));
          found.clear();
        }
        found.push_back({range.first(), range.last()});
      }
      progress.Update(response.next_index(), response.size());
      if (response.next_index() >= response.size()) break;
      if (response.next_index() <= request.start_index()) {
        return NotProven(absl::DataLossError("the server's search does not go on"));
      }
      request.set_start_index(response.next_index());
    }
    if (!found.empty() || taken_ > 0) return found.empty() ? absl::OkStatus() : Take(found);
    std::cerr << "auditctl: no entry of theirs that is not erased\n";
    return absl::OkStatus();
  }

  absl::Status Take(const EntryRanges& ranges) {
    ++taken_;
    if (!options_.yes) {
      Show("would erase", 0, ranges);
      std::cerr << "auditctl: nothing was changed; the same with --yes asks for it\n";
      return absl::OkStatus();
    }
    v1::RequestErasureRequest request;
    request.set_ledger(ledger_);
    PutRanges(ranges, request);
    request.set_reason(static_cast<v1::ErasureReason>(reason_));
    request.set_why(options_.why);
    v1::RequestErasureResponse response;
    RETURN_IF_ERROR(FromRpc(
        connection_.erasures().RequestErasure(connection_.Call().get(), request, &response)));
    RETURN_IF_ERROR(Keep(response.receipt(), response.event()));
    Show("requested", response.receipt().index(), ranges);
    return Approve(response.receipt().index(), ranges);
  }

  // Where one person suffices; else it is left to another.
  absl::Status Approve(uint64_t request_index, const EntryRanges& ranges) {
    v1::ApproveErasureRequest request;
    request.set_ledger(ledger_);
    request.set_request_index(request_index);
    request.set_why(options_.why);
    v1::ApproveErasureResponse response;
    const grpc::Status status =
        connection_.erasures().ApproveErasure(connection_.Call().get(), request, &response);
    const absl::Status refused = FromRpc(status);
    if (ServerReason(refused) == "SECOND_PERSON_NEEDED") {
      std::cerr << "auditctl: another person approves it: auditctl approve-erasure "
                << request_index << "\n";
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(refused);
    RETURN_IF_ERROR(Keep(response.receipt(), response.event()));
    Show("erased", response.receipt().index(), ranges);
    return absl::OkStatus();
  }

 public:
  absl::Status ApproveOther() {
    v1::ApproveErasureRequest request;
    request.set_ledger(ledger_);
    request.set_request_index(options_.entry);
    request.set_why(options_.why);
    v1::ApproveErasureResponse response;
    RETURN_IF_ERROR(FromRpc(
        connection_.erasures().ApproveErasure(connection_.Call().get(), request, &response)));
    RETURN_IF_ERROR(Keep(response.receipt(), response.event()));
    EntryRanges ranges;
    for (const v1::EntryRange& range : response.ranges()) {
      ranges.push_back({range.first(), range.last()});
    }
    Show("erased", response.receipt().index(), ranges);
    return absl::OkStatus();
  }

  absl::Status Hold() {
    if (options_.all != options_.indices.empty()) {
      return absl::InvalidArgumentError("give either --index or --all");
    }
    v1::PlaceLegalHoldRequest request;
    request.set_ledger(ledger_);
    request.set_why(options_.why);
    ASSIGN_OR_RETURN(const EntryRanges ranges, ParseRanges(options_.indices));
    PutRanges(ranges, request);
    v1::PlaceLegalHoldResponse response;
    RETURN_IF_ERROR(FromRpc(
        connection_.erasures().PlaceLegalHold(connection_.Call().get(), request, &response)));
    RETURN_IF_ERROR(Keep(response.receipt(), response.event()));
    Show("held", response.receipt().index(), ranges);
    return absl::OkStatus();
  }

  absl::Status Lift() {
    v1::LiftLegalHoldRequest request;
    request.set_ledger(ledger_);
    request.set_hold_index(options_.entry);
    request.set_why(options_.why);
    v1::LiftLegalHoldResponse response;
    RETURN_IF_ERROR(FromRpc(
        connection_.erasures().LiftLegalHold(connection_.Call().get(), request, &response)));
    RETURN_IF_ERROR(Keep(response.receipt(), response.event()));
    if (connection_.options().json) {
      PrintJson(
          {{"state", "lifted"}, {"entry", response.receipt().index()}, {"hold", options_.entry}});
    } else {
      PrintRow({"lifted", absl::StrCat(response.receipt().index()),
                absl::StrCat("hold ", options_.entry)});
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Keep(const v1::Receipt& receipt, const std::string& event) const {
    const ProvenEntry entry = OfReceipt(receipt);
    RETURN_IF_ERROR(CheckEntry(connection_, entry, event));
    if (options_.receipts_dir.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(MakeFolders(options_.receipts_dir));
    return WriteReceiptFiles(options_.receipts_dir, entry, event);
  }

  // `entry`: the one that says so; 0: none does.
  void Show(const std::string& state, uint64_t entry, const EntryRanges& ranges) const {
    const std::string all = ranges.empty() ? "all" : RangesText(ranges);
    if (connection_.options().json) {
      nlohmann::ordered_json out = {{"state", state}};
      if (entry != 0) out["entry"] = entry;
      out["count"] = CountEntries(ranges);
      out["entries"] = all;
      return PrintJson(out);
    }
    PrintRow({state, entry == 0 ? "-" : absl::StrCat(entry),
              absl::StrCat(CountEntries(ranges), " entries"), all});
  }

  const EraseOptions& options_;
  Connection& connection_;
  const std::string ledger_;
  ErasureReason reason_ = ErasureReason::kOther;
  uint64_t taken_ = 0;
};

using Step = absl::Status (Eraser::*)();

void SetAction(CLI::App& command, const std::shared_ptr<EraseOptions>& options, Run& run,
               Step step) {
  command.add_option("--receipts", options->receipts_dir,
                     "folder for INDEX.tlog-proof and INDEX.event.pb of the entries made");
  command.callback([options, &run, step] {
    run.action = [options, &run, step]() -> absl::Status {
      ASSIGN_OR_RETURN(const auto connection, Connection::Open(run.options));
      ASSIGN_OR_RETURN(std::string ledger, connection->LedgerName());
      Eraser eraser(*options, *connection, std::move(ledger));
      return (eraser.*step)();
    };
  });
}

}  // namespace

void AddEraseCommands(CLI::App& app, Run& run) {
  auto options = std::make_shared<EraseOptions>();
  CLI::App* erase = app.add_subcommand(
      "erase",
      "Ask that the content of entries be destroyed: by index, or all of one patient. Prints what "
      "it would erase;\nwith --yes it makes the request an entry, which another person approves "
      "(or this one, where the server's\nconfiguration says that one suffices). Their leaves and "
      "all proofs stand.\n\n"
      "Examples:\n  auditctl erase --subject 'urn:oid:1.2.3|4711'\n"
      "  auditctl erase --index 17 --index 20-25 --reason subject-request --why 'case 12' --yes");
  erase->add_option("--index", options->indices, "N or FIRST-LAST, any number");
  erase->add_option("--subject", options->subject,
                    "SYSTEM|ID of a patient, as the events have it; '|REFERENCE' for a reference");
  erase->add_option("--reason", options->reason,
                    "subject-request, retention-over, recorded-in-error, legal-order or other");
  erase->add_option("--why", options->why,
                    "in words, for whoever audits it; it stays, so it names no patient");
  erase->add_flag("--yes", options->yes, "do it");
  erase->add_flag("--progress", options->progress, "report progress even when not on a terminal");
  SetAction(*erase, options, run, &Eraser::Run);

  auto approval = std::make_shared<EraseOptions>();
  CLI::App* approve = app.add_subcommand(
      "approve-erasure",
      "Approve what somebody else asked for, by the entry that `erase` printed. Done when the "
      "content is gone from\nthe server's disks; of many entries that takes longer than a call, "
      "so give it a --timeout.\n\nExample:\n  auditctl approve-erasure 40 --why 'checked, case "
      "12'");
  approve->add_option("request", approval->entry, "index of the request's entry")->required();
  approve->add_option("--why", approval->why, "in words");
  SetAction(*approve, approval, run, &Eraser::ApproveOther);

  auto held = std::make_shared<EraseOptions>();
  CLI::App* hold = app.add_subcommand(
      "hold",
      "Place a legal hold: nothing of these entries is erased until it is lifted.\n\n"
      "Examples:\n  auditctl hold --index 100-200 --why 'court order 5/26'\n"
      "  auditctl hold --all --why 'investigation'");
  hold->add_option("--index", held->indices, "N or FIRST-LAST, any number");
  hold->add_flag("--all", held->all, "the whole log, later entries too");
  hold->add_option("--why", held->why, "in words")->required();
  SetAction(*hold, held, run, &Eraser::Hold);

  auto lifted = std::make_shared<EraseOptions>();
  CLI::App* lift = app.add_subcommand("lift-hold",
                                      "Lift a legal hold, by the entry that `hold` printed.\n\n"
                                      "Example:\n  auditctl lift-hold 41 --why 'closed'");
  lift->add_option("hold", lifted->entry, "index of the entry that placed it")->required();
  lift->add_option("--why", lifted->why, "in words")->required();
  SetAction(*lift, lifted, run, &Eraser::Lift);
}

}  // namespace auditledger::ctl
