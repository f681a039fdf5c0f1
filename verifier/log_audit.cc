#include "verifier/log_audit.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "merkle/leaf.h"
#include "merkle/note.h"
#include "merkle/system_entries.h"
#include "merkle/tags.h"
#include "merkle/tile.h"
#include "verifier/bundle_check.h"
#include "verifier/entry_check.h"
#include "verifier/export_dir.h"
#include "verifier/file_io.h"
#include "verifier/folder_walk.h"
#include "verifier/key_changes.h"
#include "verifier/ordered_work.h"
#include "verifier/tree_check.h"
#include "verifier/verify.h"

namespace auditledger {
namespace {

constexpr size_t kMaxListedRanges = 100;

// Ascending indices as "3, 7-19"; what is beyond kMaxListedRanges is counted only.
class RangeList {
 public:
  void Add(uint64_t index) {
    ++count_;
    if (!ranges_.empty() && ranges_.back().second + 1 == index) {
      ranges_.back().second = index;
    } else if (ranges_.size() < kMaxListedRanges) {
      ranges_.emplace_back(index, index);
    }
  }
  uint64_t count() const { return count_; }
  std::string Text() const {
    uint64_t listed = 0;
    std::vector<std::string> parts;
    for (const auto& [first, last] : ranges_) {
      listed += last - first + 1;
      parts.push_back(first == last ? absl::StrCat(first) : absl::StrCat(first, "-", last));
    }
    return absl::StrCat(absl::StrJoin(parts, ", "),
                        listed < count_ ? absl::StrCat(" and ", count_ - listed, " more") : "");
  }

 private:
  std::vector<std::pair<uint64_t, uint64_t>> ranges_;
  uint64_t count_ = 0;
};

// A hint by which leaves are read before the head is opened; nothing rests on it.
uint64_t ClaimedSize(absl::string_view text) {
  const absl::StatusOr<Note> note = ParseNote(text);
  const absl::StatusOr<Checkpoint> head = note.ok() ? ParseCheckpoint(note->text) : note.status();
  return head.ok() ? head->size : 0;
}

class LogAudit {
 public:
  LogAudit(const LogInput& input, const Pin& pin, const History& history)
      : input_(input),
        pin_(pin),
        history_(history),
        rules_{pin, nullptr},
        verdict_(Verdict::About("log", pin)),
        tree_(input.dir, findings_) {
    history_.log_dir = input.dir;
  }

  Verdict Run() {
    const absl::StatusOr<std::string> note =
        ReadFileLimited(absl::StrCat(input_.dir, "/", kCheckpointFile), kMaxNoteBytes);
    if (!note.ok()) {
      verdict_.CannotTell(note.status().message());
      return std::move(verdict_);
    }
    const Landmarks landmarks = ReadLandmarks(input_.dir, ClaimedSize(*note));
    const std::optional<SignedCheckpoint> head =
        OpenHead(*note, pin_, verdict_, landmarks.key_changes);
    if (!head) return std::move(verdict_);
    rules_.pin = WithFirstKey(pin_, landmarks.key_changes);
    rules_.erasures = std::make_shared<const ErasureHistory>(landmarks.erasures);
    rules_.for_index = !landmarks.index_heads.empty();
    index_.emplace(landmarks.index_heads);
    verdict_.proven.push_back("the log's key signed this head");
    size_ = head->checkpoint.size;
    if (size_ == 0) {
      verdict_.CannotTell("the head covers no entry, not even a genesis");
      return std::move(verdict_);
    }
    CheckIndexKey();
    CheckBundles();
    CheckOtherFiles(input_.dir, size_, rules_, findings_);
    CheckRoot(head->checkpoint);
    CheckEnd(landmarks);
    for (const std::string& broken : landmarks.broken_erasures) findings_.Refuse(broken);
    for (const std::string& broken : index_->faults()) findings_.Refuse(broken);
    findings_.MoveInto(verdict_);
    Summarize();
    BoundTimes(head->checkpoint, landmarks);
    SummarizeKeys(landmarks);
    CompareWithStore(*head, pin_, history_, HeadUse::kLog, verdict_, landmarks.key_changes);
    AddStandingLimits(verdict_);
    return std::move(verdict_);
  }

 private:
  uint64_t WidthOf(uint64_t bundle) const {
    return std::min(kTileWidth, size_ - bundle * kTileWidth);
  }

  // The key must be the one that genesis names, or tag checks would mean nothing.
  void CheckIndexKey() {
    if (!input_.index_key) return;
    rules_.index_key = std::make_shared<const HmacKey>(*input_.index_key);
    const absl::StatusOr<std::string> bytes = ReadEntriesFile(input_.dir, 0, WidthOf(0));
    if (!bytes.ok()) return;  // reported with the bundle
    const absl::StatusOr<std::vector<std::string>> entries = ParseEntryBundle(*bytes, WidthOf(0));
    const absl::StatusOr<Leaf> leaf = entries.ok() ? ParseLeaf((*entries)[0]) : entries.status();
    const absl::StatusOr<Genesis> genesis = leaf.ok() ? ParseGenesis(leaf->body) : leaf.status();
    if (!genesis.ok() || genesis->index_key_hash == IndexKeyHash(*input_.index_key)) return;
    verdict_.CannotTell("the index key given is not the one that genesis names");
    rules_.index_key.reset();
  }

  BundleResult CheckOne(uint64_t bundle) const {
    BundleFiles files;
    files.bundle = bundle;
    files.width = WidthOf(bundle);
    files.entries = ReadEntriesFile(input_.dir, bundle, files.width);
    files.tile = ReadFileLimited(absl::StrCat(input_.dir, "/", TilePath({0, bundle}, files.width)),
                                 kMaxTileFileBytes);
    files.payload = ReadPayloadFile(input_.dir, bundle, files.width);
    return CheckBundle(rules_, files);
  }

  void CheckBundles() {
    unsigned threads = input_.threads != 0 ? input_.threads : std::thread::hardware_concurrency();
    threads = std::clamp(threads, 1u, kMaxAuditThreads);
    const uint64_t bundles = (size_ - 1) / kTileWidth + 1;
    RunOrdered<BundleResult>(
        bundles, threads, [&](uint64_t bundle) { return CheckOne(bundle); },
        [&](uint64_t bundle, BundleResult result) {
          Fold(bundle, std::move(result));
          if (input_.progress) input_.progress(bundle * kTileWidth + WidthOf(bundle), size_);
        });
  }

  void Fold(uint64_t bundle, BundleResult result) {
    result.findings.MoveInto(verdict_);
    if (result.leaf_hashes.size() == WidthOf(bundle)) {
      if (root_known_) tree_.AddBundle(result.leaf_hashes);
    } else {
      root_known_ = false;
    }
    if (result.first_recorded_us) {
      if (last_recorded_us_ && *result.first_recorded_us <= *last_recorded_us_) {
        findings_.Refuse(absl::StrCat("entry ", bundle * kTileWidth,
                                      ": recorded no later than the entry before"));
      }
      last_recorded_us_ = result.last_recorded_us;
    }
    for (const auto& [kind, count] : result.kinds) kinds_[kind] += count;
    for (const uint64_t index : result.withheld) withheld_.Add(index);
    for (const uint64_t index : result.unread) unread_.Add(index);
    for (const BundleResult::Erased& erased : result.erased) AddErased(erased);
    for (BundleResult::Erasing& erasing : result.erasing) AddErasing(std::move(erasing));
    anchors_.insert(anchors_.end(), result.anchors.begin(), result.anchors.end());
    opened_ += result.opened;
    emitter_signed_ += result.emitter_signed;
    if (rules_.for_index) FoldIndex(bundle, result.indexed);
  }

  void FoldIndex(uint64_t bundle, const std::vector<BundleResult::Indexed>& entries) {
    index_known_ = index_known_ && entries.size() == WidthOf(bundle);
    if (!index_known_) return;  // what is missing there is reported with the bundle
    for (const BundleResult::Indexed& indexed : entries) {
      const std::optional<std::string> fault = index_->Add(indexed.entry, indexed.tags);
      if (fault) findings_.Refuse(*fault);
    }
  }

  void AddErased(const BundleResult::Erased& erased) {
    if (erased_.size() >= kMaxReasons && erased_.count(erased.by) == 0) {
      ++erased_by_others_;
      return;
    }
    auto& [gone, shown] = erased_[erased.by];
    (erased.shown ? shown : gone).Add(erased.index);
  }

  // A request stands before what carries it out.
  void AddErasing(BundleResult::Erasing erasing) {
    if (!erasing.request) {
      asked_by_[erasing.index] = std::move(erasing.principal);
      return;
    }
    const auto asked = asked_by_.find(*erasing.request);
    if (asked == asked_by_.end()) return;  // it is withheld, and named so
    if (asked->second == erasing.principal) {
      by_one_person_.Add(erasing.index);
    } else {
      ++by_two_persons_;
    }
  }

  void SummarizeErased() {
    if (by_one_person_.count() > 0) {
      verdict_.not_proven.push_back(
          absl::StrCat("that two persons stood behind the erasures of entries ",
                       by_one_person_.Text(), ": the same principal asked and approved"));
    }
    for (const auto& [by, entries] : erased_) {
      const auto& [gone, shown] = entries;
      verdict_.erased.push_back({by, gone.count(), gone.Text(), shown.count(), shown.Text()});
      if (gone.count() > 0) {
        verdict_.not_proven.push_back(absl::StrCat(
            "the content of ", gone.count(), " events, erased by entry ", by, ": ", gone.Text()));
      }
      if (shown.count() > 0) {
        verdict_.not_proven.push_back(
            absl::StrCat("that entry ", by, " was carried out: ", shown.count(),
                         " events erased by entry ", by, ", yet shown: ", shown.Text()));
      }
    }
    if (erased_by_others_ == 0) return;
    verdict_.not_proven.push_back(
        absl::StrCat("the content of ", erased_by_others_, " events that further entries erased"));
  }

  void CheckRoot(const Checkpoint& head) {
    if (!root_known_) {
      findings_.CannotTell("the root could not be computed: leaves are missing");
      return;
    }
    const Hash root = tree_.Finish();
    const bool damaged = verdict_.outcome != Outcome::kVerified || !findings_.empty();
    if (root != head.root) {
      findings_.Refuse(absl::StrCat("the entries lead to root ", root.ToHex(), ", signed is ",
                                    head.root.ToHex(),
                                    ": an entry was changed, dropped, added or moved"));
    } else if (damaged) {
      verdict_.proven.push_back(
          "the leaves themselves lead to the signed root: what is refused lies beside them");
    }
  }

  // Only of a log that is whole: what is damaged has no places to bound.
  void BoundTimes(const Checkpoint& head, const Landmarks& landmarks) {
    if (!input_.timestamps) {
      if (!anchors_.empty()) {
        verdict_.not_proven.push_back(absl::StrCat("when entries came: the log names ",
                                                   anchors_.size(),
                                                   " timestamps, and --tsa-ca was not given"));
      }
      return;
    }
    if (verdict_.outcome != Outcome::kVerified) return;
    CheckTimestamps({*input_.timestamps, rules_.pin, head, history_, 0, size_, std::move(anchors_),
                     std::nullopt, landmarks.key_changes},
                    verdict_);
  }

  // Nothing follows a freeze.
  void CheckEnd(const Landmarks& landmarks) {
    if (!landmarks.freeze || landmarks.freeze->first + 1 == size_) return;
    findings_.Refuse(absl::StrCat("entry ", landmarks.freeze->first + 1,
                                  ": stands behind a freeze, after which nothing may follow"));
  }

  void SummarizeKeys(const Landmarks& landmarks) {
    if (verdict_.outcome != Outcome::kVerified) return;
    if (!landmarks.key_changes.empty()) {
      std::vector<std::string> indexes;
      for (const LoggedKeyChange& change : landmarks.key_changes) {
        indexes.push_back(absl::StrCat(change.index));
      }
      verdict_.proven.push_back(
          absl::StrCat("the log's key was changed at entries ", absl::StrJoin(indexes, ", "),
                       ", each change signed by the key before and the key after it"));
    }
    if (landmarks.freeze) verdict_.proven.push_back(FreezeText(*landmarks.freeze));
  }

  void Summarize() {
    for (const auto& [kind, count] : kinds_) {
      if (IsKnownKind(static_cast<EntryKind>(kind))) continue;
      verdict_.not_proven.push_back(absl::StrCat("what ", count, " entries of ",
                                                 EntryKindName(static_cast<EntryKind>(kind)),
                                                 " mean: this version does not read their bodies"));
    }
    if (withheld_.count() > 0) {
      verdict_.not_proven.push_back(absl::StrCat("the content of ", withheld_.count(),
                                                 " events, WITHHELD: ", withheld_.Text()));
    }
    SummarizeErased();
    if (unread_.count() > 0) {
      verdict_.not_proven.push_back(
          absl::StrCat("the payloads of ", unread_.count(),
                       " entries that this version cannot open: ", unread_.Text()));
    }
    const auto conflicts = kinds_.find(static_cast<uint8_t>(EntryKind::kConflict));
    if (conflicts != kinds_.end()) {
      verdict_.not_proven.push_back(
          absl::StrCat("that the events of ", conflicts->second, " conflict entries happened: the ",
                       "ledger REFUSED them, each contradicts an earlier entry"));
    }
    if (!rules_.index_key) {
      verdict_.not_proven.push_back("the entries' tags: no index key that genesis names was given");
    } else if (withheld_.count() + erased_.size() > 0) {
      verdict_.not_proven.push_back("the tags of withheld and erased events");
    }
    if (opened_ > emitter_signed_) {
      verdict_.not_proven.push_back(absl::StrCat("who sent ", opened_ - emitter_signed_,
                                                 " events: their headers are the ledger's word"));
    }
    verdict_.not_proven.push_back(
        "that every access was emitted: only what reached the log is in it");
    if (verdict_.outcome != Outcome::kVerified) return;
    verdict_.proven.push_back(absl::StrCat(
        "all ", size_, " entries are there, in order and unchanged, and every tile is theirs"));
    verdict_.proven.push_back("entry 0 is the genesis of the pinned origin and key");
    verdict_.proven.push_back(absl::StrCat(opened_, " events are, to the byte, what their entries ",
                                           "commit to", rules_.index_key ? ", tags included" : ""));
    if (index_->right() > 0) {
      verdict_.proven.push_back(
          absl::StrCat("the maps of all ", index_->right(),
                       " index heads are exactly those that the entries make: answers that rest on "
                       "them are complete"));
    }
    if (by_two_persons_ > 0) {
      verdict_.proven.push_back(
          absl::StrCat("of ", by_two_persons_,
                       " erasures the header names another principal than their request's does"));
    }
    if (emitter_signed_ > 0) {
      verdict_.proven.push_back(absl::StrCat("the holders of the emitter keys named in ",
                                             emitter_signed_, " headers signed them"));
    }
  }

  const LogInput& input_;
  const Pin pin_;
  History history_;
  BundleRules rules_;
  Verdict verdict_;
  Findings findings_;
  TreeCheck tree_;
  uint64_t size_ = 0;
  bool root_known_ = true;
  std::optional<uint64_t> last_recorded_us_;
  std::map<uint8_t, uint64_t> kinds_;
  std::vector<NamedToken> anchors_;
  RangeList withheld_;
  RangeList unread_;
  std::map<uint64_t, std::pair<RangeList, RangeList>> erased_;  // by the erasure: gone, yet shown
  uint64_t erased_by_others_ = 0;
  std::map<uint64_t, std::string> asked_by_;  // requests for an erasure: the principal
  RangeList by_one_person_;                   // erasures that who asked for them approved
  uint64_t by_two_persons_ = 0;
  uint64_t opened_ = 0;
  uint64_t emitter_signed_ = 0;
  std::optional<IndexAudit> index_;
  bool index_known_ = true;
};

}  // namespace

Verdict VerifyLog(const LogInput& input, const Pin& pin, const History& history) {
  return LogAudit(input, pin, history).Run();
}

}  // namespace auditledger
