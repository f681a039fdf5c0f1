#include "verifier/timestamps.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"
#include "verifier/bundle_check.h"
#include "verifier/entry_check.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

constexpr absl::string_view kToken = ".tst";
constexpr absl::string_view kCheckpoint = ".checkpoint";
constexpr absl::string_view kReceipt = ".tlog-proof";
constexpr absl::string_view kConsistency = ".consistency";

// A stamped head that held.
struct Stamped {
  Checkpoint head;
  Timestamp stamp;
  uint64_t EarliestMicros() const {
    return stamp.time_us - std::min(stamp.time_us, stamp.accuracy_us.value_or(0));
  }
};

class TimestampCheckRun {
 public:
  TimestampCheckRun(const TimestampQuestion& question, Verdict& verdict)
      : question_(question), verdict_(verdict), history_(question.history), log_(question.pin) {
    log_.policy.reset();  // whoever vouches for the head in question vouches for what it extends
  }

  void Run() {
    if (!ListStems()) return;
    ReadProofs();
    for (const std::string& stem : stems_) CheckToken(stem);
    ReadNamed();
    for (const NamedToken& named : named_) CheckNamed(named);
    findings_.MoveInto(verdict_);
    Bracket();
    Conclude();
  }

 private:
  std::string Path(absl::string_view stem, absl::string_view extension) const {
    return absl::StrCat(question_.folder.dir, "/", stem, extension);
  }

  bool ListStems() {
    std::error_code error;
    const std::filesystem::directory_iterator folder(question_.folder.dir, error);
    if (error) {
      verdict_.CannotTell(absl::StrCat(question_.folder.dir, ": no folder of timestamps there"));
      return false;
    }
    for (const auto& file : folder) {
      const std::string name = file.path().filename().string();
      absl::string_view stem = name;
      if (absl::ConsumeSuffix(&stem, kConsistency)) continue;
      const bool known = absl::ConsumeSuffix(&stem, kToken) ||
                         absl::ConsumeSuffix(&stem, kCheckpoint) ||
                         absl::ConsumeSuffix(&stem, kReceipt);
      if (!known || !IsTimestampFileStem(stem)) {
        verdict_.CannotTell(absl::StrCat(file.path().string(), ": is no part of a timestamp"));
        continue;
      }
      if (stems_.size() < kMaxTimestamps) stems_.emplace(stem);
    }
    return true;
  }

  // Proofs that lie beside the timestamps count with those that were given.
  void ReadProofs() {
    for (const std::string& stem : stems_) {
      const absl::StatusOr<std::string> text =
          ReadFileLimited(Path(stem, kConsistency), kMaxProofFileBytes);
      if (!text.ok()) continue;
      absl::StatusOr<HeadProof> proof = ParseHeadProof(*text);
      if (proof.ok()) {
        history_.proofs.push_back(*std::move(proof));
      } else {
        findings_.AddStatus(Path(stem, kConsistency), proof.status());
      }
    }
  }

  std::optional<std::string> Read(absl::string_view stem, absl::string_view extension,
                                  size_t max_bytes) {
    absl::StatusOr<std::string> bytes = ReadFileLimited(Path(stem, extension), max_bytes);
    if (bytes.ok()) return *std::move(bytes);
    findings_.AddStatus(Path(stem, extension), bytes.status());
    return std::nullopt;
  }

  // The pinned log's head in a file, linked to the one in question.
  std::optional<Checkpoint> LinkedHead(const std::string& path, const std::string& note) {
    Verdict other = Verdict::About("checkpoint", log_);
    const std::optional<SignedCheckpoint> head = OpenHead(note, log_, other, question_.key_changes);
    if (!head) {
      for (const std::string& reason : other.reasons) {
        verdict_.Lower(other.outcome, absl::StrCat(path, ": ", reason));
      }
      return std::nullopt;
    }
    const HeadRelation relation = RelateHeads(question_.head, head->checkpoint, history_);
    switch (relation.kind) {
      case HeadRelation::Kind::kSame:
      case HeadRelation::Kind::kExtends:
      case HeadRelation::Kind::kExtendedBy:
        return head->checkpoint;
      case HeadRelation::Kind::kFork:
        findings_.Refuse(absl::StrCat("FORK: the log's key has signed two histories: ",
                                      relation.detail, "; ", path, " is one of them"));
        return std::nullopt;
      case HeadRelation::Kind::kBadProof:
        findings_.Refuse(absl::StrCat(path, ": ", relation.detail));
        return std::nullopt;
      case HeadRelation::Kind::kUnproven:
        break;
    }
    findings_.CannotTell(absl::StrCat(
        path, ": its head of size ", head->checkpoint.size, " is not linked to the one of size ",
        question_.head.size, relation.detail.empty() ? "" : absl::StrCat(": ", relation.detail)));
    return std::nullopt;
  }

  void CheckToken(const std::string& stem) {
    const auto token = Read(stem, kToken, kMaxTimestampBytes);
    const auto note = Read(stem, kCheckpoint, kMaxNoteBytes);
    if (!token || !note) return;
    const Hash hash = Sha256({*token});
    if (TimestampFileStem(0, hash).substr(12) != stem.substr(stem.find('-'))) {
      findings_.Refuse(absl::StrCat(Path(stem, kToken), ": is not the token that its name says"));
      return;
    }
    const std::optional<Checkpoint> head = LinkedHead(Path(stem, kCheckpoint), *note);
    if (!head) return;
    if (TimestampFileStem(head->size, hash) != stem) {
      findings_.Refuse(absl::StrCat(Path(stem, kCheckpoint), ": is of another size than its name"));
      return;
    }
    absl::StatusOr<Timestamp> stamp =
        VerifyTimestampToken(*token, ParseNote(*note)->text, question_.folder.trust);
    if (stamp.ok()) {
      stamped_.emplace(hash, Stamped{*head, *std::move(stamp)});
    } else if (absl::IsUnauthenticated(stamp.status())) {
      not_vouched_.insert(hash);
      findings_.CannotTell(absl::StrCat(Path(stem, kToken), ": ", stamp.status().message()));
    } else {
      findings_.Refuse(absl::StrCat(Path(stem, kToken), ": ", stamp.status().message()));
    }
  }

  void ReadNamed() {
    if (question_.named) {
      named_ = *question_.named;
      return;
    }
    for (const std::string& stem : stems_) {
      if (!std::filesystem::exists(Path(stem, kReceipt))) continue;
      const auto bytes = Read(stem, kReceipt, kMaxProofFileBytes);
      if (!bytes) continue;
      absl::StatusOr<NamedToken> named = OpenReceipt(Path(stem, kReceipt), *bytes);
      if (named.ok()) {
        named_.push_back(*std::move(named));
      } else if (!absl::IsCancelled(named.status())) {
        findings_.AddStatus(Path(stem, kReceipt), named.status());
      }
    }
  }

  // Cancelled: its head was found wanting, which is reported.
  absl::StatusOr<NamedToken> OpenReceipt(const std::string& path, const std::string& bytes) {
    ASSIGN_OR_RETURN(const TlogProof proof, ParseTlogProof(bytes));
    ASSIGN_OR_RETURN(const ReceiptExtra extra, ParseReceiptExtra(proof.extra.value_or("")));
    const std::optional<Checkpoint> head = LinkedHead(path, proof.checkpoint);
    if (!head) return absl::CancelledError();
    RETURN_IF_ERROR(
        VerifyInclusion(proof.index, head->size, LeafHash(extra.leaf), proof.path, head->root));
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(extra.leaf));
    if (leaf.kind != EntryKind::kAnchor) {
      return absl::InvalidArgumentError("is a receipt of an entry that names no timestamp");
    }
    NamedToken named{proof.index, leaf.recorded_at_us, {}};
    ASSIGN_OR_RETURN(named.anchor, ParseAnchor(leaf.body));
    return named;
  }

  void CheckNamed(const NamedToken& named) {
    const std::string entry = absl::StrCat("entry ", named.index);
    const auto found = stamped_.find(named.anchor.token_hash);
    if (found == stamped_.end()) {
      if (not_vouched_.count(named.anchor.token_hash) > 0) return;  // reported
      findings_.CannotTell(
          absl::StrCat(entry, ": the timestamp that it names is not there or does not hold: ",
                       TimestampFileStem(named.anchor.size, named.anchor.token_hash), kToken));
      return;
    }
    const Stamped& stamped = found->second;
    if (named.anchor.size != stamped.head.size || named.anchor.root != stamped.head.root ||
        named.anchor.time_us != stamped.stamp.time_us) {
      findings_.Refuse(absl::StrCat(entry, ": says of the timestamp ",
                                    TimestampFileStem(stamped.head.size, named.anchor.token_hash),
                                    " what is not so"));
      return;
    }
    if (named.recorded_us + kClockToleranceUs < stamped.EarliestMicros()) {
      findings_.Refuse(absl::StrCat(entry, ": BACKDATED: recorded, the ledger says, at ",
                                    FormatMicros(named.recorded_us), ", and names a timestamp of ",
                                    FormatMicros(stamped.stamp.time_us)));
    }
    holds_.emplace(named.index, &stamped);
  }

  // Bounds change behind an entry that names a token, and where a stamped head ends.
  void Bracket() {
    std::set<uint64_t> cuts = {question_.begin, question_.end};
    const auto add = [&](uint64_t at) {
      if (at > question_.begin && at < question_.end) cuts.insert(at);
    };
    for (const auto& [index, stamped] : holds_) add(index + 1);
    for (const auto& [hash, stamped] : stamped_) add(stamped.head.size);
    std::map<uint64_t, const Stamped*> heads;  // by size, the earliest of each
    for (const auto& [hash, stamped] : stamped_) {
      const Stamped*& at = heads[stamped.head.size];
      if (at == nullptr || stamped.stamp.LatestMicros() < at->stamp.LatestMicros()) at = &stamped;
    }
    std::vector<TimeBracket> brackets;
    auto next_named = holds_.cbegin();
    std::optional<std::pair<uint64_t, uint64_t>> latest;  // time, entry
    for (auto at = cuts.begin(); std::next(at) != cuts.end(); ++at) {
      TimeBracket bracket;
      bracket.begin = *at;
      bracket.end = *std::next(at);
      // The latest of the tokens named by entries before.
      for (; next_named != holds_.cend() && next_named->first < bracket.begin; ++next_named) {
        const uint64_t time_us = next_named->second->EarliestMicros();
        if (!latest || time_us > latest->first) latest = {time_us, next_named->first};
      }
      if (latest) {
        bracket.not_before_us = latest->first;
        bracket.named_by = latest->second;
      }
      brackets.push_back(bracket);
    }
    FillAfter(heads, brackets);
    for (TimeBracket& bracket : brackets) {
      // The newest stamped head that holds none of them.
      const auto beyond = heads.upper_bound(bracket.begin);
      if (beyond != heads.begin()) bracket.beyond_size = std::prev(beyond)->first;
      verdict_.brackets.push_back(std::move(bracket));
    }
  }

  // The earliest of the heads that hold them, from the right.
  static void FillAfter(const std::map<uint64_t, const Stamped*>& heads,
                        std::vector<TimeBracket>& brackets) {
    const Stamped* earliest = nullptr;
    auto head = heads.rbegin();
    for (auto bracket = brackets.rbegin(); bracket != brackets.rend(); ++bracket) {
      for (; head != heads.rend() && head->first >= bracket->end; ++head) {
        if (earliest == nullptr ||
            head->second->stamp.LatestMicros() < earliest->stamp.LatestMicros()) {
          earliest = head->second;
        }
      }
      if (earliest == nullptr) continue;
      bracket->no_later_us = earliest->stamp.LatestMicros();
      bracket->stamped_size = earliest->head.size;
    }
  }

  void Conclude() {
    std::erase_if(verdict_.brackets, [this](const TimeBracket& bracket) {
      if (!bracket.not_before_us || !bracket.no_later_us ||
          *bracket.not_before_us <= *bracket.no_later_us) {
        return false;
      }
      verdict_.not_proven.push_back(
          absl::StrCat("when entries ", bracket.begin, " to ", bracket.end - 1,
                       " came: the authorities' clocks contradict each other by ",
                       *bracket.not_before_us - *bracket.no_later_us, " us"));
      return true;
    });
    const bool bounded = std::any_of(
        verdict_.brackets.begin(), verdict_.brackets.end(),
        [](const TimeBracket& bracket) { return bracket.not_before_us || bracket.no_later_us; });
    CheckRecorded();
    if (!bounded) {
      verdict_.not_proven.push_back("when entries came: no timestamp that holds bounds it");
      return;
    }
    verdict_.proven.push_back(absl::StrCat("when entries came into the log, within brackets, by ",
                                           stamped_.size(),
                                           " timestamps of authorities that are pinned"));
    const auto vague = std::count_if(stamped_.begin(), stamped_.end(), [](const auto& stamped) {
      return !stamped.second.stamp.accuracy_us;
    });
    if (vague > 0) {
      verdict_.not_proven.push_back(
          absl::StrCat("how far off the clocks of the authorities were: ", vague, " of ",
                       stamped_.size(), " timestamps state no accuracy"));
    }
    verdict_.not_proven.push_back(
        "that an event is no older than its bracket: it bounds when an entry got its place, not "
        "when what it tells of happened");
  }

  void CheckRecorded() {
    if (!question_.recorded_us || verdict_.brackets.empty()) return;
    const TimeBracket& bracket = verdict_.brackets.front();
    const uint64_t said = *question_.recorded_us;
    if (bracket.not_before_us && said + kClockToleranceUs < *bracket.not_before_us) {
      verdict_.Refuse(absl::StrCat("entry ", bracket.begin, ": BACKDATED: recorded, the ledger ",
                                   "says, at ", FormatMicros(said), ", before its bracket"));
    }
    if (bracket.no_later_us && said > *bracket.no_later_us + kClockToleranceUs) {
      verdict_.Refuse(absl::StrCat("entry ", bracket.begin, ": recorded, the ledger says, at ",
                                   FormatMicros(said), ", after its bracket"));
    }
  }

  const TimestampQuestion& question_;
  Verdict& verdict_;
  History history_;
  Pin log_;
  Findings findings_;
  std::set<std::string> stems_;
  std::map<Hash, Stamped> stamped_;           // by token
  std::set<Hash> not_vouched_;                // tokens of strangers
  std::vector<NamedToken> named_;             // what entries say
  std::map<uint64_t, const Stamped*> holds_;  // by entry: what they say and is so
};

}  // namespace

void CheckTimestamps(const TimestampQuestion& question, Verdict& verdict) {
  TimestampCheckRun(question, verdict).Run();
}

}  // namespace auditledger
