#include "tools/monitor_log.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "merkle/cosignature.h"
#include "merkle/key_chain.h"
#include "merkle/key_change_list.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "tools/monitor_state.h"

namespace auditledger {
namespace {

constexpr char kEvidenceFolder[] = "/evidence";

void Add(RoundReport& report, Severity severity, absl::string_view kind, const std::string& place,
         absl::string_view what, const std::string& evidence = "") {
  report.findings.push_back({severity, std::string(kind), place, std::string(what), evidence});
}

// A stranger's head: of him it says something, of the log only if it is signed.
absl::string_view KindOfBadHead(const absl::Status& status) {
  return absl::IsInvalidArgument(status) ? "bad_head" : "not_this_log";
}

bool IsFreeze(const Leaf& leaf) {
  return leaf.kind == EntryKind::kFreeze && ParseFreeze(leaf.body).ok();
}

}  // namespace

absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kLate:
      return "late";
    case Severity::kCannotTell:
      return "cannot_tell";
    case Severity::kMisbehaviour:
      return "misbehaviour";
  }
  return "?";
}

absl::StatusOr<std::unique_ptr<LogMonitor>> LogMonitor::Open(MonitoredLog log,
                                                             const std::string& dir,
                                                             MonitorLimits limits) {
  RETURN_IF_ERROR(MakeDirectory(dir, 0755));
  RETURN_IF_ERROR(MakeDirectory(dir + kEvidenceFolder, 0755));
  ASSIGN_OR_RETURN(Mirror mirror, Mirror::Open({dir + "/mirror", log.key.name(), log.key}));
  std::unique_ptr<LogMonitor> out(
      new LogMonitor(std::move(log), dir, std::move(limits), std::move(mirror)));
  for (const std::string& place : out->log_.places) {
    ASSIGN_OR_RETURN(auto source, OpenSource(place, out->limits_.http));
    out->sources_.emplace_back(place, std::move(source));
  }
  RETURN_IF_ERROR(out->LoadState());
  return out;
}

absl::Status LogMonitor::LoadState() {
  ASSIGN_OR_RETURN(const MonitorState state, ReadMonitorState(dir_ + "/state"));
  last_size_ = state.last_size;
  cosigned_ = state.cosigned;
  cosigned_us_ = state.cosigned_us;
  for (uint64_t back = 1; back <= std::min(mirror_.size(), kTileWidth); ++back) {
    ASSIGN_OR_RETURN(const std::string bytes, mirror_.Leaf(mirror_.size() - back));
    const absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
    if (!leaf.ok()) continue;
    last_recorded_us_ = leaf->recorded_at_us;
    last_parsed_ = mirror_.size() - back;
    if (back == 1 && IsFreeze(*leaf)) frozen_ = mirror_.size() - 1;
    break;
  }
  return absl::OkStatus();
}

absl::Status LogMonitor::SaveState() const {
  return WriteMonitorState(dir_ + "/state", {last_size_, cosigned_, cosigned_us_});
}

absl::StatusOr<RoundReport> LogMonitor::Round(uint64_t now_us,
                                              const std::vector<ShownText>& shown) {
  RoundReport report;
  report.log = log_.name;
  now_us_ = now_us;
  // The state may be of a version that believed any time, or of a clock that was ahead.
  cosigned_us_ = std::min(cosigned_us_, now_us + limits_.max_ahead_us);
  const uint64_t before = mirror_.size();
  std::vector<Shown> heads = FetchHeads(report);
  std::stable_sort(heads.begin(), heads.end(), [](const Shown& a, const Shown& b) {
    return a.head.checkpoint.size < b.head.checkpoint.size;
  });
  for (size_t i = 0; i < heads.size(); ++i) {
    // Two of one size speak for themselves, whether or not anybody shows their leaves.
    const Checkpoint& head = heads[i].head.checkpoint;
    if (i > 0 && heads[i - 1].head.checkpoint.size == head.size &&
        heads[i - 1].head.checkpoint.root != head.root) {
      RETURN_IF_ERROR(Convict(heads[i].place,
                              {.kind = Evidence::Kind::kFork,
                               .first = heads[i - 1].head.note,
                               .second = heads[i].head.note},
                              report)
                          .status());
    }
    RETURN_IF_ERROR(Take(heads[i], report));
  }
  for (const ShownText& one : shown) RETURN_IF_ERROR(CheckShown(one.place, one.text, report));
  RETURN_IF_ERROR(RecheckKeptHeads(report));
  RETURN_IF_ERROR(CheckAge(report));
  RETURN_IF_ERROR(SaveState());
  report.size = mirror_.size();
  if (mirror_.head()) report.root = mirror_.head()->checkpoint.root.ToHex();
  report.new_entries = mirror_.size() - before;
  RETURN_IF_ERROR(CountEvidence(report));
  return report;
}

std::vector<LogMonitor::Shown> LogMonitor::FetchHeads(RoundReport& report) {
  std::vector<Shown> heads;
  for (const auto& [place, source] : sources_) {
    const absl::StatusOr<std::string> note = source->Read("checkpoint", kMaxNoteBytes);
    if (!note.ok()) {
      Add(report, Severity::kCannotTell, "unreachable", place, note.status().message());
      continue;
    }
    absl::StatusOr<SignedCheckpoint> head = OpenHead(*note, source.get());
    if (!head.ok()) {
      Add(report, Severity::kCannotTell, KindOfBadHead(head.status()), place,
          head.status().message());
      continue;
    }
    heads.push_back({place, source.get(), *std::move(head)});
  }
  return heads;
}

absl::StatusOr<SignedCheckpoint> LogMonitor::OpenHead(absl::string_view note, LogSource* source) {
  const std::string& origin = log_.key.name();
  std::vector<LoggedKeyChange> changes = mirror_.folder().key_changes();
  ASSIGN_OR_RETURN(const KeyChain chain, KeyChain::BuildFromLeaves(log_.key, changes));
  auto head = OpenCheckpoint(note, origin, chain);
  if (head.ok() || source == nullptr) return head;
  const auto text = source->Read("key-changes", kMaxKeyChangeListBytes);
  const auto told = text.ok() ? ParseKeyChangeList(*text) : text.status();
  if (!told.ok() || told->origin != origin) return head;
  for (const LoggedKeyChange& change : told->changes) {
    if (change.index >= mirror_.folder().size()) changes.push_back(change);
  }
  const auto longer = KeyChain::BuildFromLeaves(log_.key, changes);
  if (!longer.ok()) return head;
  return OpenCheckpoint(note, origin, *longer);
}

absl::Status LogMonitor::Take(const Shown& shown, RoundReport& report) {
  const Checkpoint& head = shown.head.checkpoint;
  const bool cosigned = NoteBackwards(shown, report);
  RETURN_IF_ERROR(head.size <= mirror_.size()
                      ? CompareWithMirror(shown.place, shown.head, report).status()
                      : Extend(shown, report));
  if (cosigned) RETURN_IF_ERROR(NoteCosigned(shown, report));
  // Only of what is true is it news that a place shows less than before.
  if (head.size == 0 || head.size > mirror_.size()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Hash root, mirror_.RootAt(head.size));
  uint64_t& last = last_size_[shown.place];
  if (root == head.root) last = std::max(last, head.size);
  return absl::OkStatus();
}

// A place that shows less than it did, and what its head's cosignatures say of the time.
bool LogMonitor::NoteBackwards(const Shown& shown, RoundReport& report) {
  const uint64_t size = shown.head.checkpoint.size;
  const uint64_t last = last_size_[shown.place];
  if (size < last) {
    // An old copy, or a log that went back: no signature dates a head.
    Add(report, Severity::kCannotTell, "went_back", shown.place,
        absl::StrCat("shows a head of size ", size, " after one of size ", last));
  }
  const auto cosignatures = VerifyCosignatures(shown.head.note, log_.witnesses);
  if (!cosignatures.ok()) {
    Add(report, Severity::kCannotTell, "bad_cosignature", shown.place,
        cosignatures.status().message());
    return false;
  }
  for (const Cosignature& cosignature : *cosignatures) {
    const uint64_t latest_s = (now_us_ + limits_.max_ahead_us) / 1'000'000;
    if (cosignature.timestamp > latest_s) {  // or the log would never be stale again
      Add(report, Severity::kLate, "clock", shown.place,
          absl::StrCat("witness ", log_.witnesses[cosignature.key].name(),
                       " dates its cosignature ", cosignature.timestamp - now_us_ / 1'000'000,
                       " s ahead of our clock; it is no sign of life"));
      continue;
    }
    cosigned_us_ = std::max(cosigned_us_, cosignature.timestamp * 1'000'000);
  }
  return !cosignatures->empty();
}

// Where witnesses date the heads, proof that one went back. What the mirror's own keys do not open
// is not remembered: by what a place tells of keys, nobody would ever get past it again.
absl::Status LogMonitor::NoteCosigned(const Shown& shown, RoundReport& report) {
  if (!OpenHead(shown.head.note, nullptr).ok()) return absl::OkStatus();
  const absl::StatusOr<SignedCheckpoint> known = OpenHead(cosigned_, nullptr);
  if (!known.ok()) {  // none yet, or of a version that remembered anything
    cosigned_ = shown.head.note;
    return absl::OkStatus();
  }
  const Evidence rollback{
      .kind = Evidence::Kind::kRollback, .first = cosigned_, .second = shown.head.note};
  ASSIGN_OR_RETURN(const EvidencePins pins, Pins());
  if (CheckEvidence(rollback, pins).ok()) return Convict(shown.place, rollback, report).status();
  if (shown.head.checkpoint.size >= known->checkpoint.size) cosigned_ = shown.head.note;
  return absl::OkStatus();
}

absl::StatusOr<std::string> LogMonitor::CompareWithMirror(const std::string& place,
                                                          const SignedCheckpoint& head,
                                                          RoundReport& report) {
  const Checkpoint& shown = head.checkpoint;
  if (shown.size == 0) {
    Add(report, Severity::kCannotTell, "bad_head", place, "the head covers no entry");
    return std::string();
  }
  ASSIGN_OR_RETURN(const Hash root, mirror_.RootAt(shown.size));
  if (root == shown.root) return std::string();
  if (shown.size == mirror_.size()) {
    return Convict(
        place, {.kind = Evidence::Kind::kFork, .first = mirror_.head()->note, .second = head.note},
        report);
  }
  Evidence evidence{.kind = Evidence::Kind::kHistory,
                    .first = head.note,
                    .second = mirror_.head()->note,
                    .prefix = root};
  ASSIGN_OR_RETURN(evidence.proof, mirror_.Consistency(shown.size));
  return Convict(place, evidence, report);
}

absl::Status LogMonitor::Extend(const Shown& shown, RoundReport& report) {
  const Checkpoint& head = shown.head.checkpoint;
  const uint64_t before = mirror_.size();
  if (head.size - before > limits_.max_new_entries) {
    Add(report, Severity::kCannotTell, "too_far", shown.place,
        absl::StrCat("the head is ", head.size - before, " entries ahead, at most ",
                     limits_.max_new_entries, " are fetched"));
    return AskTiles(shown, report).status();
  }
  const auto before_fetch = std::tuple(last_recorded_us_, last_parsed_, frozen_);
  std::vector<LeafFault> faults;
  const absl::Status fetched = FetchLeaves(shown, faults);
  if (fetched.ok() && mirror_.folder().Root() == head.root) {
    const absl::Status keys = Pins().status();
    if (!keys.ok()) {  // nothing behind such an entry can be opened any more
      Add(report, Severity::kCannotTell, "bad_key_change", shown.place, keys.message());
      std::tie(last_recorded_us_, last_parsed_, frozen_) = before_fetch;
      return mirror_.Drop();
    }
    if (!faults.empty()) {
      // Evidence first: whoever dies after Publish does not look at these leaves again.
      RETURN_IF_ERROR(mirror_.folder().WritePartials());
      RETURN_IF_ERROR(ReportLeafFaults(shown, faults, report));
    }
    const absl::Status published = mirror_.folder().Publish(shown.head.note);
    if (!absl::IsFailedPrecondition(published)) return published;
    // The leaves do not have the change of the key that the place told of.
    Add(report, Severity::kCannotTell, "not_this_log", shown.place, published.message());
    std::tie(last_recorded_us_, last_parsed_, frozen_) = before_fetch;
    return mirror_.Drop();
  }
  std::tie(last_recorded_us_, last_parsed_, frozen_) = before_fetch;
  RETURN_IF_ERROR(mirror_.Drop());
  if (absl::IsUnavailable(fetched) || absl::IsNotFound(fetched) || absl::IsDataLoss(fetched) ||
      absl::IsResourceExhausted(fetched)) {
    // It signed a head and does not show what is under it.
    Add(report, Severity::kCannotTell, "withheld", shown.place,
        absl::StrCat("does not show the entries under its head of size ", head.size, ": ",
                     fetched.message()));
  } else {
    RETURN_IF_ERROR(fetched);
  }
  return Diagnose(shown, fetched.ok(), report);
}

absl::Status LogMonitor::FetchLeaves(const Shown& shown, std::vector<LeafFault>& faults) {
  const uint64_t size = shown.head.checkpoint.size;
  SourceTiles tiles(*shown.source);
  for (uint64_t bundle = mirror_.size() / kTileWidth; bundle * kTileWidth < size; ++bundle) {
    if (limits_.stop != nullptr && *limits_.stop) return absl::CancelledError("told to end");
    const uint64_t width = std::min(kTileWidth, size - bundle * kTileWidth);
    absl::StatusOr<std::vector<std::string>> read = tiles.ReadEntries(bundle, width);
    if (!read.ok()) {
      return absl::Status(
          read.status().code(),
          absl::StrCat("entries ", bundle * kTileWidth, " to ", bundle * kTileWidth + width - 1,
                       " and those behind: ", read.status().message()));
    }
    std::vector<std::string> leaves = *std::move(read);
    for (uint64_t i = 0; i < leaves.size(); ++i) {
      const uint64_t index = bundle * kTileWidth + i;
      if (index < mirror_.folder().size()) continue;
      CheckLeaf(index, leaves[i], faults);
      RETURN_IF_ERROR(mirror_.folder().Append(std::move(leaves[i])));
    }
  }
  return absl::OkStatus();
}

void LogMonitor::CheckLeaf(uint64_t index, absl::string_view bytes,
                           std::vector<LeafFault>& faults) {
  const bool room = faults.size() < limits_.max_evidence_files;
  // The first behind it convicts; those that follow are no other accusation.
  if (room && frozen_ && index == *frozen_ + 1) faults.push_back({index, *frozen_, true});
  const absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
  if (!leaf.ok() || (last_parsed_ && leaf->recorded_at_us <= last_recorded_us_)) {
    if (room) faults.push_back({index, last_parsed_.value_or(0)});
  }
  if (!leaf.ok()) return;
  last_recorded_us_ = leaf->recorded_at_us;
  last_parsed_ = index;
  if (!frozen_ && IsFreeze(*leaf)) frozen_ = index;
}

// Where it parses, its time and that of the last entry before it that parses are the evidence.
absl::StatusOr<Evidence> LogMonitor::EvidenceOfFault(const Shown& shown, const LeafFault& fault,
                                                     bool parses) {
  Evidence evidence{.kind = Evidence::Kind::kLeaf, .first = shown.head.note};
  if (parses && !fault.behind_freeze && fault.earlier + 1 < fault.index) {
    evidence.kind = Evidence::Kind::kOrder;
    evidence.index = fault.earlier;
    evidence.second_index = fault.index;
    for (const uint64_t index : {fault.earlier, fault.index}) {
      ASSIGN_OR_RETURN(std::string leaf, mirror_.Leaf(index));
      evidence.leaves.push_back(std::move(leaf));
    }
    ASSIGN_OR_RETURN(evidence.proof, mirror_.InclusionInAll(fault.earlier));
    ASSIGN_OR_RETURN(evidence.second_proof, mirror_.InclusionInAll(fault.index));
    return evidence;
  }
  evidence.index = parses || fault.behind_freeze ? fault.earlier : fault.index;
  const uint64_t end = fault.behind_freeze ? fault.earlier + 1 : fault.index + 1;
  for (uint64_t i = evidence.index; i < end; ++i) {
    ASSIGN_OR_RETURN(std::string leaf, mirror_.Leaf(i));
    evidence.leaves.push_back(std::move(leaf));
  }
  ASSIGN_OR_RETURN(evidence.proof, mirror_.Range({evidence.index, end}));
  return evidence;
}

// The log signed them: that is proof by itself.
absl::Status LogMonitor::ReportLeafFaults(const Shown& shown, const std::vector<LeafFault>& faults,
                                          RoundReport& report) {
  for (const LeafFault& fault : faults) {
    ASSIGN_OR_RETURN(const std::string bytes, mirror_.Leaf(fault.index));
    const bool parses = ParseLeaf(bytes).ok();
    if (!parses && !fault.behind_freeze &&
        (bytes.empty() || static_cast<uint8_t>(bytes[0]) != kLeafVersion)) {
      // No evidence: a later version of the ledger may write it in good faith.
      Add(report, Severity::kCannotTell, "unknown_leaf", shown.place,
          absl::StrCat("entry ", fault.index, " is of a version this monitor does not read"));
      continue;
    }
    ASSIGN_OR_RETURN(const Evidence evidence, EvidenceOfFault(shown, fault, parses));
    RETURN_IF_ERROR(Convict(shown.place, evidence, report).status());
  }
  return absl::OkStatus();
}

absl::Status LogMonitor::CheckAge(RoundReport& report) {
  const uint64_t newest = std::max(last_recorded_us_, cosigned_us_);
  if (newest == 0) return absl::OkStatus();  // nothing was ever shown: said already
  report.age_us = now_us_ > newest ? now_us_ - newest : 0;
  if (limits_.max_age_us > 0 && report.age_us > limits_.max_age_us) {
    Add(report, Severity::kLate, "stale", "",
        absl::StrCat("nothing new for ", report.age_us / 1'000'000, " s, at most ",
                     limits_.max_age_us / 1'000'000, " s are expected"));
  }
  if (last_recorded_us_ > now_us_ + limits_.max_ahead_us) {
    Add(report, Severity::kLate, "clock", "",
        absl::StrCat("the newest entry is dated ", (last_recorded_us_ - now_us_) / 1'000'000,
                     " s ahead of our clock"));
  }
  return absl::OkStatus();
}

absl::StatusOr<EvidencePins> LogMonitor::Pins() {
  ASSIGN_OR_RETURN(KeyChain chain,
                   KeyChain::BuildFromLeaves(log_.key, mirror_.folder().key_changes()));
  return EvidencePins{log_.key.name(), log_.key, log_.witnesses, {}, std::move(chain)};
}

absl::StatusOr<std::string> LogMonitor::Convict(const std::string& place, const Evidence& evidence,
                                                RoundReport& report) {
  ASSIGN_OR_RETURN(const EvidencePins pins, Pins());
  const absl::StatusOr<std::string> shown = CheckEvidence(evidence, pins);
  if (!shown.ok()) {
    Add(report, Severity::kCannotTell, "unproven", place,
        absl::StrCat("a head contradicts the mirror in ", dir_, ", and no evidence of it holds (",
                     shown.status().message(),
                     "); if this comes again the mirror may be damaged: move it away to have it "
                     "fetched anew"));
    return std::string();
  }
  ASSIGN_OR_RETURN(const std::string path,
                   WriteEvidence(dir_ + kEvidenceFolder, evidence, limits_.max_evidence_files));
  for (const MonitorFinding& known : report.findings) {
    if (known.place == place && known.what == *shown) return path;
  }
  Add(report, Severity::kMisbehaviour, EvidenceKindName(evidence.kind), place, *shown, path);
  return path;
}

absl::Status LogMonitor::KeepHead(const SignedCheckpoint& head) {
  return WriteSuspectHead(dir_ + kEvidenceFolder, head, limits_.max_evidence_files).status();
}

// The mirror may have come to where they can be judged.
absl::Status LogMonitor::RecheckKeptHeads(RoundReport& report) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir_ + kEvidenceFolder));
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, kHeadSuffix)) continue;
    const std::string path = absl::StrCat(dir_, kEvidenceFolder, "/", name);
    ASSIGN_OR_RETURN(const std::string note, ReadWholeFile(path, kMaxNoteBytes));
    const auto head = OpenHead(note, nullptr);
    if (!head.ok() || head->checkpoint.size > mirror_.size()) continue;
    ASSIGN_OR_RETURN(const Hash root, mirror_.RootAt(head->checkpoint.size));
    const bool agrees = root == head->checkpoint.root;
    ASSIGN_OR_RETURN(const std::string proof, CompareWithMirror(path, *head, report));
    if (agrees || !proof.empty()) RETURN_IF_ERROR(RemoveFile(path));
  }
  return absl::OkStatus();
}

absl::Status LogMonitor::CountEvidence(RoundReport& report) const {
  ASSIGN_OR_RETURN(report.evidence_files, CountFiles(dir_ + kEvidenceFolder, kEvidenceSuffix));
  ASSIGN_OR_RETURN(const size_t heads, CountFiles(dir_ + kEvidenceFolder, kHeadSuffix));
  if (std::max<size_t>(report.evidence_files, heads) >= limits_.max_evidence_files) {
    Add(report, Severity::kCannotTell, "evidence_full", "",
        absl::StrCat(dir_, kEvidenceFolder, " is full: ", report.evidence_files,
                     " evidence files, ", heads, " kept heads, at most ",
                     limits_.max_evidence_files, " of each; more is not kept, move them away"));
  }
  const bool new_ones = std::any_of(
      report.findings.begin(), report.findings.end(),
      [](const MonitorFinding& finding) { return finding.severity == Severity::kMisbehaviour; });
  if (report.evidence_files > 0 && !new_ones) {
    Add(report, Severity::kMisbehaviour, "evidence_on_hand", "",
        absl::StrCat(report.evidence_files, " evidence files of former rounds lie in ", dir_,
                     kEvidenceFolder, "; move them away to be asked about anew"));
  }
  return absl::OkStatus();
}

}  // namespace auditledger
