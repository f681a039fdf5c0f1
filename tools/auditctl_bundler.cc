#include "tools/auditctl_bundler.h"

#include <unistd.h>

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "merkle/answer_check.h"
#include "merkle/key_change_list.h"
#include "merkle/status_macros.h"
#include "tools/auditctl_custody.h"
#include "tools/auditctl_receipt.h"
#include "tools/bundle_texts.h"
#include "verifier/bundle_custody.h"
#include "verifier/bundle_page.h"
#include "verifier/bundle_proofs.h"
#include "verifier/bundle_verify.h"
#include "verifier/entry_check.h"
#include "verifier/file_io.h"
#include "verifier/mapped_file.h"

namespace auditledger::ctl {
namespace {

constexpr int kBundlePageEntries = 1000;

}  // namespace

Bundler::Bundler(const BundleRequest& request, const BundleTarget& target, Connection& connection,
                 std::string ledger)
    : request_(request),
      target_(target),
      connection_(connection),
      ledger_(std::move(ledger)),
      progress_("entries", request.progress),
      redaction_(request.policy, request.subjects) {
  parts_.query = request.query;
  parts_.manifest = request.about;
}

absl::StatusOr<BundleMade> Bundler::Run() {
  RETURN_IF_ERROR(ReadHead());
  ASSIGN_OR_RETURN(writer_, target_.memory() == nullptr ? BundleWriter::Create(target_.path())
                                                        : BundleWriter::Into(*target_.memory()));
  RETURN_IF_ERROR(ReadEntries());
  RETURN_IF_ERROR(ReadProofs());
  RETURN_IF_ERROR(ReadCoverage());
  Describe();
  ASSIGN_OR_RETURN(const Hash manifest, writer_->Finish(parts_));
  return Record(manifest);
}

absl::Status Bundler::ReadHead() {
  v1::GetLedgerRequest ledger_request;
  ledger_request.set_name(ledger_);
  v1::GetLedgerResponse shown;
  RETURN_IF_ERROR(
      FromRpc(connection_.ledgers().GetLedger(connection_.Call().get(), ledger_request, &shown)));
  parts_.manifest.origin = shown.ledger().origin();
  parts_.manifest.vkey = shown.ledger().vkey();
  ASSIGN_OR_RETURN(const v1::Checkpoint checkpoint, HeadToBeUnder(shown.ledger()));
  ASSIGN_OR_RETURN(const SignedCheckpoint head, connection_.Open(checkpoint));
  head_ = head.checkpoint;
  parts_.head = head.note;
  parts_.size = head_.size;
  ASSIGN_OR_RETURN(KeyChangeList list, KeyChanges(shown.ledger()));
  if (!list.changes.empty()) parts_.key_changes = FormatKeyChangeList(list);
  return absl::OkStatus();
}

absl::StatusOr<v1::Checkpoint> Bundler::HeadToBeUnder(const v1::Ledger& shown) {
  v1::Checkpoint out;
  if (request_.answer) {
    out.set_note(request_.answer->checkpoint);
    return out;
  }
  v1::GetCheckpointRequest request;
  request.set_ledger(ledger_);
  request.set_witnessed(shown.has_witnessing());
  v1::GetCheckpointResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection_.ledgers().GetCheckpoint(connection_.Call().get(), request, &response)));
  return response.checkpoint();
}

absl::StatusOr<KeyChangeList> Bundler::KeyChanges(const v1::Ledger& shown) {
  KeyChangeList list{shown.origin(), head_.size, {}};
  ASSIGN_OR_RETURN(list.changes, connection_.KeyChangesAt(ledger_, shown, head_.size));
  return list;
}

absl::StatusOr<v1::Entry> Bundler::GetLeaf(uint64_t index) {
  v1::GetEntryRequest request;
  request.set_name(absl::StrCat(ledger_, "/entries/", index));
  request.set_view(v1::ENTRY_VIEW_LEAF);
  v1::GetEntryResponse response;
  RETURN_IF_ERROR(
      FromRpc(connection_.ledgers().GetEntry(connection_.Call().get(), request, &response)));
  return response.entry();
}

absl::StatusOr<uint64_t> Bundler::FirstRecordedFrom(uint64_t from_us) {
  uint64_t low = 0;
  uint64_t high = head_.size;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    ASSIGN_OR_RETURN(const v1::Entry entry, GetLeaf(middle));
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(entry.leaf()));
    if (leaf.recorded_at_us < from_us) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

absl::Status Bundler::FindBounds() {
  const BundleQuery& query = parts_.query;
  begin_ = 0;
  end_ = head_.size;
  if (query.kind == BundleQuery::Kind::kRange) {
    begin_ = query.begin;
    end_ = query.end;
    if (end_ > head_.size) {
      return absl::OutOfRangeError(absl::StrCat("--range: the log has ", head_.size, " entries"));
    }
  }
  if (query.from_us != 0) {
    ASSIGN_OR_RETURN(begin_, FirstRecordedFrom(query.from_us));
    if (begin_ > 0) --begin_;
  }
  if (query.to_us != 0) {
    ASSIGN_OR_RETURN(end_, FirstRecordedFrom(query.to_us));
    if (end_ < head_.size) ++end_;
  }
  parts_.examined = end_ - begin_;
  return absl::OkStatus();
}

absl::Status Bundler::ReadEntries() {
  if (request_.answer) return ReadAnswered();
  RETURN_IF_ERROR(FindBounds());
  // Payloads of what is not asked for are not read.
  RETURN_IF_ERROR(
      List(begin_, end_, v1::ENTRY_VIEW_LEAF, [&](const v1::Entry& entry) { return Look(entry); }));
  return Flush();
}

// The entries that the answer found, beside the genesis, which names the index key; and where it
// stops before the head, the leaves behind.
absl::Status Bundler::ReadAnswered() {
  const CompleteAnswer& answer = *request_.answer;
  const absl::StatusOr<AnswerProven> proven =
      VerifyCompleteAnswer(answer, head_, answer.query, std::nullopt);
  if (!proven.ok()) return NotProven(proven.status());
  ASSIGN_OR_RETURN(const std::string bytes, EncodeCompleteAnswer(answer));
  parts_.completeness = EncodeAnswerRecords(bytes);
  begin_ = 0;
  end_ = proven->entries.size();
  parts_.examined = end_ + head_.size - proven->complete_size;
  ASSIGN_OR_RETURN(const v1::Entry genesis, GetLeaf(0));
  RETURN_IF_ERROR(AddContext(genesis));
  uint64_t done = 0;
  for (const AnswerLeaf& entry : proven->entries) {
    RETURN_IF_ERROR(Ask(entry.index));
    progress_.Update(++done, end_);
  }
  end_ = head_.size;
  RETURN_IF_ERROR(List(proven->complete_size, head_.size, v1::ENTRY_VIEW_LEAF,
                       [&](const v1::Entry& entry) { return Look(entry); }));
  return Flush();
}

absl::Status Bundler::Ask(uint64_t index) {
  const bool goes_on = asked_begin_ != asked_end_ && index == asked_end_ &&
                       asked_end_ - asked_begin_ < kBundlePageEntries;
  if (!goes_on) {
    RETURN_IF_ERROR(Flush());
    asked_begin_ = index;
  }
  asked_end_ = index + 1;
  return absl::OkStatus();
}

absl::Status Bundler::List(uint64_t begin, uint64_t end, v1::EntryView view,
                           absl::FunctionRef<absl::Status(const v1::Entry&)> each) {
  if (begin == end) return absl::OkStatus();
  v1::ListEntriesRequest request;
  request.set_parent(ledger_);
  request.set_page_size(kBundlePageEntries);
  request.set_view(view);
  request.set_start_index(begin);
  request.set_end_index(end);
  uint64_t next = begin;
  do {
    v1::ListEntriesResponse response;
    RETURN_IF_ERROR(
        FromRpc(connection_.ledgers().ListEntries(connection_.Call().get(), request, &response)));
    for (const v1::Entry& entry : response.entries()) {
      if (entry.index() != next++) {
        return NotProven(absl::DataLossError("entries came in another order than asked for"));
      }
      RETURN_IF_ERROR(each(entry));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return next == end ? absl::OkStatus()
                     : NotProven(absl::DataLossError("entries that were asked for did not come"));
}

absl::Status Bundler::Look(const v1::Entry& entry) {
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(entry.leaf()));
  progress_.Update(entry.index() + 1 - begin_, end_ - begin_);
  if (parts_.query.Matches(entry.index(), leaf)) return Ask(entry.index());
  RETURN_IF_ERROR(Flush());
  if (request_.sparse && parts_.query.kind == BundleQuery::Kind::kTag) return absl::OkStatus();
  return AddContext(entry);
}

absl::Status Bundler::Flush() {
  const uint64_t begin = std::exchange(asked_begin_, 0);
  const uint64_t end = std::exchange(asked_end_, 0);
  RETURN_IF_ERROR(List(begin, end, v1::ENTRY_VIEW_FULL,
                       [&](const v1::Entry& entry) { return AddAsked(entry); }));
  return absl::OkStatus();
}

absl::Status Bundler::AddContext(const v1::Entry& entry) {
  BundleEntry out;
  out.role = BundleEntry::Role::kContext;
  out.index = entry.index();
  out.leaf_bytes = entry.leaf();
  ASSIGN_OR_RETURN(out.leaf, ParseLeaf(entry.leaf()));
  if (HasPayload(out.leaf.kind)) {
    out.content = BundleEntry::Content::kWithheld;
    out.rule = kRuleNotAskedFor;
  }
  return AddInOrder(out);
}

absl::Status Bundler::AddAsked(const v1::Entry& entry) {
  BundleEntry out;
  out.index = entry.index();
  out.leaf_bytes = entry.leaf();
  ASSIGN_OR_RETURN(out.leaf, ParseLeaf(entry.leaf()));
  if (!HasPayload(out.leaf.kind)) return AddInOrder(out);
  if (!entry.has_opening() || entry.opening().event().empty()) {
    out.content = BundleEntry::Content::kGone;
    if (entry.erased_by() > 0) explains_.insert(entry.erased_by());
    return AddInOrder(out);
  }
  const OpeningView opening = {entry.opening().seed(), entry.opening().header(),
                               entry.opening().event()};
  ASSIGN_OR_RETURN(const std::vector<UnitView> units, CutUnitViews(opening.event));
  const std::vector<uint8_t> rules = redaction_.RulesOf(units);
  size_t next = 0;
  RETURN_IF_ERROR(OpenInto(opening, {kShown, [&](const UnitView&) { return rules[next++]; }}, out));
  return AddInOrder(out);
}

absl::Status Bundler::AddInOrder(const BundleEntry& entry) {
  RETURN_IF_ERROR(AddExplanations(entry.index));
  explains_.erase(entry.index);
  return writer_->Add(entry);
}

absl::Status Bundler::AddExplanations(uint64_t before) {
  while (!explains_.empty() && *explains_.begin() < before) {
    const uint64_t index = *explains_.begin();
    explains_.erase(explains_.begin());
    if (index >= head_.size) continue;
    ASSIGN_OR_RETURN(const v1::Entry entry, GetLeaf(index));
    RETURN_IF_ERROR(AddContext(entry));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Hash>> Bundler::ProofOf(uint64_t index) {
  v1::GetInclusionProofRequest request;
  request.set_ledger(ledger_);
  request.set_leaf_index(index);
  request.set_tree_size(head_.size);
  v1::GetInclusionProofResponse response;
  RETURN_IF_ERROR(FromRpc(
      connection_.ledgers().GetInclusionProof(connection_.Call().get(), request, &response)));
  return ProofHashes(response.proof().hashes());
}

absl::Status Bundler::ReadProofs() {
  RETURN_IF_ERROR(AddExplanations(head_.size));
  for (const LeafRange& run : writer_->Runs()) {
    InclusionRun& out = parts_.inclusion.emplace_back();
    out.begin = run.begin;
    out.end = run.end;
    if (run.begin == 0 && run.end == head_.size) continue;  // the leaves themselves prove it
    ASSIGN_OR_RETURN(const std::vector<Hash> first, ProofOf(run.begin));
    std::vector<Hash> last = first;
    if (run.end - run.begin > 1) {
      ASSIGN_OR_RETURN(last, ProofOf(run.end - 1));
    }
    ASSIGN_OR_RETURN(out.proof, RangeProofOfEnds(run, head_.size, first, last));
  }
  for (const std::string& path : request_.earlier) RETURN_IF_ERROR(AddEarlier(path));
  return absl::OkStatus();
}

absl::Status Bundler::AddEarlier(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string note, ReadFileLimited(path, kMaxNoteBytes));
  v1::Checkpoint checkpoint;
  checkpoint.set_note(note);
  ASSIGN_OR_RETURN(const SignedCheckpoint earlier, connection_.Open(checkpoint));
  v1::GetConsistencyProofRequest request;
  request.set_ledger(ledger_);
  request.set_old_size(earlier.checkpoint.size);
  request.set_new_size(head_.size);
  v1::GetConsistencyProofResponse response;
  RETURN_IF_ERROR(FromRpc(
      connection_.ledgers().GetConsistencyProof(connection_.Call().get(), request, &response)));
  ASSIGN_OR_RETURN(const std::vector<Hash> proof, ProofHashes(response.proof().hashes()));
  parts_.consistency.push_back(EncodeEarlierHead(note, proof));
  return absl::OkStatus();
}

absl::Status Bundler::ReadCoverage() {
  v1::ListStreamsRequest request;
  request.set_parent(ledger_);
  do {
    v1::ListStreamsResponse response;
    RETURN_IF_ERROR(
        FromRpc(connection_.ledgers().ListStreams(connection_.Call().get(), request, &response)));
    for (const v1::Stream& stream : response.streams()) {
      StreamCoverage& out = parts_.coverage.emplace_back();
      out.principal = stream.principal();
      out.stream = stream.stream_id();
      out.received = stream.received_count();
      out.last = stream.last_sequence();
      out.more = stream.gaps_truncated();
      for (const v1::SequenceRange& gap : stream.gaps()) {
        out.gaps.emplace_back(gap.first(), gap.last());
      }
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

void Bundler::Describe() {
  BundleManifest& about = parts_.manifest;
  about.package = RandomUuid();
  about.exporter = "auditctl";
  about.tool = "auditctl";
  about.tool_version = connection_.options().version;
  about.created_at = TimeText(static_cast<uint64_t>(absl::ToUnixMicros(absl::Now())));
  parts_.glossary = BundleGlossary();
  parts_.certificate = CertificateDraft(about, head_, writer_->entries());
}

absl::StatusOr<BundleMade> Bundler::Record(const Hash& manifest) {
  CustodyStep step;
  step.code = std::string(kCustodyExport);
  step.package = parts_.manifest.package;
  step.case_id = request_.about.case_id;
  step.manifest = manifest;
  step.who = request_.about.requester;
  step.other = request_.about.approver;
  step.purpose = request_.about.purpose;
  const absl::StatusOr<uint64_t> index =
      RecordCustody(connection_, ledger_, target_.working_path(), head_.size, step);
  if (index.ok()) return BundleMade{step.package, head_.size, writer_->entries(), *index};
  if (target_.memory() == nullptr) ::unlink(target_.path().c_str());
  return absl::Status(
      index.status().code(),
      absl::StrCat(index.status().message(),
                   "\n  the ledger did not record that this bundle was made, so it "
                   "is not: the caller needs the role emitter too (stream custody)"));
}

absl::Status CheckBundle(const Connection& connection, const std::string& working_path,
                         const std::string& path, const std::string& page) {
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(working_path));
  std::string vkey;
  if (connection.pinned()) {
    vkey = connection.pin_key().ToVkey();
    BundleInput input;
    input.bytes = file.bytes();
    ASSIGN_OR_RETURN(const Pin pin, MakePin(connection.pin_key().name(), vkey));
    const BundleReport report = VerifyBundle(input, pin);
    std::cerr << BundleText(report);
    if (report.ExitCode() == 1) {
      return NotProven(absl::DataLossError(absl::StrCat(path, " does not verify")));
    }
  }
  if (page.empty()) return absl::OkStatus();
  return WriteFileAtomically({.path = page, .temporary = page + ".tmp", .mode = 0600},
                             BundlePage(file.bytes(), vkey));
}

}  // namespace auditledger::ctl
