#include "verifier/bundle_scope_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace auditledger {
namespace {

using Kind = BundleQuery::Kind;
using Role = BundleEntry::Role;

}  // namespace

void ScopeCheck::Add(const BundleEntry& entry) {
  const bool match = entry.role == Role::kMatch;
  ++(match ? matched_ : context_);
  CountWithheld(entry);
  const bool asked = bundle_.scope.query.Matches(entry.index, entry.leaf);
  if (asked && !match && !passed_off_) passed_off_ = entry.index;
  if (asked != match && wrong_role_.empty()) {
    wrong_role_ =
        absl::StrCat("entry ", entry.index,
                     asked ? " is asked for, and passed off as context" : " is not asked for");
  }
  CompareWithAnswers(entry.index, asked);
  AddToRange(entry);
}

void ScopeCheck::CompareWithAnswers(uint64_t index, bool asked) {
  std::string wrong;
  if (answer_ != answers_.entries.end() && *answer_ < index) {
    wrong = absl::StrCat("entry ", *answer_, " is in an answer, and not here");
  } else if (answer_ != answers_.entries.end() && *answer_ == index) {
    ++answer_;
  } else if (asked && index < answers_.complete_size) {
    wrong = absl::StrCat("entry ", index, " has such a tag, and its answer leaves it out");
  }
  if (contradiction_.empty()) contradiction_ = std::move(wrong);
}

void ScopeCheck::CountWithheld(const BundleEntry& entry) {
  if (entry.rule != kShown) ++withheld_[entry.rule].entries;
  if (entry.header.rule != kShown) ++withheld_[entry.header.rule].headers;
  for (const BundlePart& unit : entry.units) {
    if (unit.rule != kShown) ++withheld_[unit.rule].units;
  }
}

// Recorded times rise: an entry before the window moves its edge on, the first behind it is the
// other edge. What answers have covered is expected no more.
void ScopeCheck::AddToRange(const BundleEntry& entry) {
  const BundleQuery& query = bundle_.scope.query;
  if (query.kind == Kind::kRange) {
    if (!end_) {
      next_ = query.begin;
      end_ = query.end;
    }
    if (entry.index >= query.end) return;
  } else if (query.kind != Kind::kAll) {
    if (query.from_us != 0 && entry.leaf.recorded_at_us < query.from_us) {
      next_ = std::max(next_, entry.index + 1);
      missing_.reset();
      return;
    }
    if (query.to_us != 0 && entry.leaf.recorded_at_us >= query.to_us) {
      if (!end_) end_ = entry.index;
      return;
    }
  }
  if (entry.index > next_ && !missing_) missing_ = next_;
  next_ = std::max(next_, entry.index + 1);
}

std::optional<uint8_t> ScopeCheck::WrongRule() const {
  std::map<uint8_t, std::pair<Withheld, Withheld>> counts;  // said, found
  for (const BundleRule& rule : bundle_.scope.rules) {
    counts[rule.rule].first = {rule.entries, rule.headers, rule.units};
  }
  for (const auto& [rule, found] : withheld_) counts[rule].second = found;
  for (const auto& [rule, both] : counts) {
    if (both.first != both.second) return rule;
  }
  return std::nullopt;
}

ClaimFinding ScopeCheck::Scope() const {
  const BundleScope& scope = bundle_.scope;
  if (scope.size != bundle_.head.size) {
    return Fail(absl::StrCat("the scope is of a head of size ", scope.size));
  }
  if (scope.matched != matched_ || scope.context != context_) {
    return Fail(absl::StrCat("the scope counts ", scope.matched, " entries and ", scope.context,
                             " of context, there are ", matched_, " and ", context_));
  }
  if (const std::optional<uint8_t> wrong = WrongRule()) {
    return Fail(absl::StrCat("rule ", *wrong, " does not withhold what the scope says"));
  }
  if (!wrong_role_.empty()) return Fail(wrong_role_);
  return Pass(absl::StrCat(matched_, " entries are what was asked for, ", context_,
                           " are context; what is withheld is what the scope says"));
}

ClaimFinding ScopeCheck::Completeness() const {
  if (!answers_.wrong.empty()) return Fail(answers_.wrong);
  const BundleQuery& query = bundle_.scope.query;
  const uint64_t size = bundle_.head.size;
  uint64_t end = end_.value_or(size);
  uint64_t next = next_;
  if (query.kind == Kind::kRange) {
    end = query.end;
    next = std::max(next, query.begin);
    if (end > size) return Fail("the range ends beyond the head");
  }
  std::optional<uint64_t> missing = missing_;
  if (!missing && next < end) missing = next;
  if (query.kind == Kind::kTag) return TagCompleteness(missing);
  if (missing) return Fail(absl::StrCat("entry ", *missing, " is missing"));
  if (query.kind == Kind::kAll) {
    return Pass(absl::StrCat("all ", size, " entries of the log are here"));
  }
  if (query.kind == Kind::kRange) {
    return Pass(absl::StrCat("entries ", query.begin, " to ", end - 1, " are all here"));
  }
  return Pass("every entry recorded in that window is here, with the neighbours at its edges");
}

ClaimFinding ScopeCheck::TagCompleteness(std::optional<uint64_t> missing) const {
  if (passed_off_) {
    return Fail(
        absl::StrCat("entry ", *passed_off_, " has such a tag, and is passed off as context"));
  }
  if (!contradiction_.empty()) return Fail(contradiction_);
  if (answer_ != answers_.entries.end()) {
    return Fail(absl::StrCat("entry ", *answer_, " is in an answer, and not here"));
  }
  if (missing) return CannotTell(WhyNotComplete());
  if (answers_.complete_size > 0) return CompleteByAnswers();
  return Pass("all leaves that could be asked for were searched: no other has these tags");
}

ClaimFinding ScopeCheck::CompleteByAnswers() const {
  const std::string found =
      absl::StrCat("exactly these ", matched_, " entries of the log have these tags");
  if (answers_.index_heads.empty()) return Pass(absl::StrCat(found, ": every leaf was shown"));
  return Pass(absl::StrCat(found, ", by the index head at entry ",
                           absl::StrJoin(answers_.index_heads, ", "),
                           ", whose map is the operator's word until somebody makes it anew"));
}

std::string ScopeCheck::WhyNotComplete() const {
  if (answers_.complete_size > 0) {
    return absl::StrCat("the answers stop at entry ", answers_.complete_size,
                        ", and not every leaf behind it is here");
  }
  if (answers_.count > 0) {
    return absl::StrCat("only ", answers_.count, " of ", bundle_.scope.query.tags.size(),
                        " tags have an answer");
  }
  if (answers_.unknown.empty()) {
    return "nothing shows that the log has no other entry with these tags";
  }
  return absl::StrCat("a proof of type ", answers_.unknown, ", which is not known here");
}

CoverageCheck::CoverageCheck(const std::vector<StreamCoverage>& coverage) : rows_(coverage.size()) {
  for (const StreamCoverage& row : coverage) {
    streams_[{row.principal, row.stream}] = &row;
    gaps_ += row.gaps.size();
  }
}

void CoverageCheck::Add(const BundleEntry& entry, const ShownEntry& shown) {
  if (!shown.header || entry.leaf.kind != EntryKind::kEvent) return;
  const uint64_t number = shown.header->stream_sequence;
  if (number == 0 || !contradiction_.empty()) return;
  const auto row = streams_.find({shown.header->principal, shown.header->stream_id});
  if (row == streams_.end()) return;
  const StreamCoverage& said = *row->second;
  const bool lost =
      number > said.last || std::any_of(said.gaps.begin(), said.gaps.end(), [&](const auto& gap) {
        return gap.first <= number && number <= gap.second;
      });
  if (lost) {
    contradiction_ =
        absl::StrCat("entry ", entry.index, " arrived, and coverage says that it did not");
  }
}

ClaimFinding CoverageCheck::Finish() const {
  if (rows_ == 0) return CannotTell("the bundle says nothing about gaps");
  if (!contradiction_.empty()) return Fail(contradiction_);
  return CannotTell(absl::StrCat("the ledger's word: ", rows_, " streams, ", gaps_, " gaps"));
}

}  // namespace auditledger
