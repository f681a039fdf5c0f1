// Complete answers in an evidence bundle: what the claim completeness comes to, and why. Published
// bundles, whole and tampered with, are bundle_verify_test's.
//
// Covers: verifier/bundle_scope_check
#include "verifier/bundle_answers.h"

#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "merkle/base64.h"
#include "merkle/complete_answer.h"
#include "merkle/set_proof.h"
#include "tests/testing/indexed_log.h"
#include "tests/testing/status_matchers.h"
#include "tests/verifier/test_bundle.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::IndexedLog;
using ::testing::StartsWith;
using testing::TestBundle;

const Hash kPatient = LeafHash("patient");
const Hash kOther = LeafHash("other");
// As a bundle's scope says it: microseconds, 0 for no bound.
using Window = std::pair<uint64_t, uint64_t>;

// What a bundle has: the entries with the tags in the window, but for `without`; and `context`.
struct Shown {
  std::vector<Hash> tags = {kPatient};
  Window window{0, 0};
  std::set<uint64_t> without{};
  std::set<uint64_t> context{};
};

class BundleAnswersTest : public ::testing::Test {
 protected:
  explicit BundleAnswersTest(bool indexed = true) {
    log_.Add({kPatient});  // 1
    if (!indexed) return;
    log_.Add({kOther});            // 2
    log_.Add({kPatient, kOther});  // 3
    log_.Add({kOther});            // 4
    log_.AddIndexHead();           // 5
    log_.Add({kOther});            // 6
    log_.Add({kPatient});          // 7
  }

  uint64_t TimeOf(uint64_t index) { return log_.leaf(index).recorded_at_us; }
  CompleteAnswer AnswerOf(const Hash& tag, Window window = {0, 0}) {
    const TimeWindow asked = {window.first, window.second == 0 ? kNoEnd : window.second};
    return log_.Answer(RecordedWithin(tag, asked), log_.size());
  }
  // That stops at its index head.
  CompleteAnswer Stopping(const Hash& tag, uint64_t size = 0) {
    IndexedLog::Parts parts =
        log_.TrueParts(RecordedWithin(tag, {}), size == 0 ? log_.size() : size);
    parts.tail = false;
    std::erase_if(parts.leaves, [&](uint64_t index) {
      return index >= log_.Covered(parts.index_head) && index != *parts.index_head;
    });
    return log_.Compose(parts);
  }
  static std::vector<std::string> Records(const std::vector<CompleteAnswer>& answers) {
    std::vector<std::string> out;
    for (const CompleteAnswer& answer : answers) {
      for (std::string& record : EncodeAnswerRecords(EncodeCompleteAnswer(answer).value())) {
        out.push_back(std::move(record));
      }
    }
    return out;
  }

  std::string File(const Shown& shown, const std::vector<std::string>& completeness) {
    TestBundle out;
    BundleScope scope;
    scope.query.kind = BundleQuery::Kind::kTag;
    scope.query.tags = shown.tags;
    std::tie(scope.query.from_us, scope.query.to_us) = shown.window;
    scope.size = log_.size();
    std::vector<std::string> entries;
    for (uint64_t i = 0; i < log_.size(); ++i) {
      const bool match = scope.query.Matches(i, log_.leaf(i)) && shown.without.count(i) == 0;
      if (!match && shown.context.count(i) == 0) continue;
      ++(match ? scope.matched : scope.context);
      BundleEntry entry;
      entry.role = match ? BundleEntry::Role::kMatch : BundleEntry::Role::kContext;
      entry.index = i;
      entry.leaf_bytes = log_.log().leaves()[i];
      const bool event = log_.leaf(i).kind == EntryKind::kEvent;
      entry.content = event ? BundleEntry::Content::kGone : BundleEntry::Content::kNone;
      entries.push_back(EncodeBundleEntry(entry));
      indexes_.insert(i);
    }
    out.Add(BundleSection::kScope, FormatBundleScope(scope));
    out.Add(BundleSection::kHead, log_.log().CheckpointAt(log_.size()));
    for (std::string& entry : entries) out.Add(BundleSection::kEntries, std::move(entry));
    for (const uint64_t index : std::exchange(indexes_, {})) AddToRuns(index);
    for (const LeafRange& run : std::exchange(runs_, {})) {
      out.Add(BundleSection::kInclusion,
              EncodeInclusionRun(
                  {run.begin, run.end, RangeProof(run, log_.size(), log_.log()).value()}));
    }
    for (const std::string& record : completeness) out.Add(BundleSection::kCompleteness, record);
    out.Add(BundleSection::kManifest, FormatBundleManifest(out.Manifest()));
    return out.Bytes();
  }
  std::string Told(const Shown& shown, const std::vector<std::string>& completeness) {
    const std::string file = File(shown, completeness);
    BundleInput input;
    input.bytes = file;
    const BundleReport report =
        VerifyBundle(input, MakePin(log_.log().origin(), log_.log().verifier().ToVkey()).value());
    EXPECT_EQ(report.findings.of(BundleClaim::kEntries).result, ClaimResult::kPass)
        << BundleText(report);
    const ClaimFinding& found = report.findings.of(BundleClaim::kCompleteness);
    return absl::StrCat(ClaimResultName(found.result), ": ", found.reason);
  }
  std::string Told(const std::vector<CompleteAnswer>& answers) {
    return Told({}, Records(answers));
  }
  void ExpectRefused(const std::vector<CompleteAnswer>& answers, const std::string& why,
                     const Shown& shown = {}) {
    const std::string told = Told(shown, Records(answers));
    EXPECT_THAT(told, StartsWith("FAIL: answer "));
    EXPECT_THAT(told, HasSubstr(why));
  }

  IndexedLog log_;

 private:
  void AddToRuns(uint64_t index) {
    if (!runs_.empty() && runs_.back().end == index) {
      ++runs_.back().end;
    } else {
      runs_.push_back({index, index + 1});
    }
  }
  std::set<uint64_t> indexes_;
  std::vector<LeafRange> runs_;
};

TEST_F(BundleAnswersTest, AnAnswerShowsThatNoEntryIsLeftOut) {
  EXPECT_EQ(Told({AnswerOf(kPatient)}),
            "PASS: exactly these 3 entries of the log have these tags, by the index head at entry "
            "5, whose map is the operator's word until somebody makes it anew");
  EXPECT_EQ(Told({}), "CANNOT TELL: nothing shows that the log has no other entry with these tags");
  EXPECT_EQ(Told({.context = {0, 2, 4, 5, 6}}, {}),
            "PASS: all leaves that could be asked for were searched: no other has these tags");
}

TEST_F(BundleAnswersTest, EachTagHasItsOwnInTheirOrder) {
  const Shown both = {.tags = {kPatient, kOther}};
  const auto told = [&](const std::vector<CompleteAnswer>& answers) {
    return Told(both, Records(answers));
  };
  EXPECT_THAT(told({AnswerOf(kPatient), AnswerOf(kOther)}), StartsWith("PASS: exactly these 6 "));
  EXPECT_EQ(told({AnswerOf(kPatient)}), "CANNOT TELL: only 1 of 2 tags have an answer");
  ExpectRefused({AnswerOf(kOther), AnswerOf(kPatient)}, "answer 1 is refused: is about the tag",
                both);
  ExpectRefused({AnswerOf(kPatient), AnswerOf(kPatient)}, "answer 2 is refused: is about the tag",
                both);
  ExpectRefused({AnswerOf(kPatient), AnswerOf(kOther), AnswerOf(kOther)},
                "answer 3 is refused: asked was for 2 tags", both);
}

TEST_F(BundleAnswersTest, TheWindowIsTheOneAskedFor) {
  const Window window = {TimeOf(2), TimeOf(4)};
  const Shown shown = {.window = window};
  EXPECT_THAT(Told(shown, Records({AnswerOf(kPatient, window)})),
              StartsWith("PASS: exactly these 1 "));
  ExpectRefused({AnswerOf(kPatient)}, "is about what was recorded in", shown);
  ExpectRefused({AnswerOf(kPatient, window)}, "is about what was recorded in");
  const uint64_t first = TimeOf(1);
  ExpectRefused({log_.Answer(HappenedWithin(kPatient, {first, kNoEnd}), log_.size())},
                "is about what", {.window = {first, 0}});
  ExpectRefused({AnswerOf(kPatient, {9, 5})}, "has no time in it", {.window = {9, 5}});
}

TEST_F(BundleAnswersTest, WhatABundleLeavesOutOfItsAnswersIsNoticed) {
  const std::vector<std::string> records = Records({AnswerOf(kPatient)});
  EXPECT_EQ(Told({.without = {1}}, records), "FAIL: entry 1 is in an answer, and not here");
  EXPECT_EQ(Told({.without = {3}}, records), "FAIL: entry 3 is in an answer, and not here");
  EXPECT_EQ(Told({.without = {7}}, records), "FAIL: entry 7 is in an answer, and not here");
  EXPECT_EQ(Told({.without = {1, 7}}, records), "FAIL: entry 1 is in an answer, and not here");
  EXPECT_EQ(Told({.without = {3}, .context = {3}}, records),
            "FAIL: entry 3 has such a tag, and is passed off as context");
}

TEST_F(BundleAnswersTest, AMapThatLeavesOutWhatABundleHasIsNoticed) {
  // The operator has signed an index of a log without entry 3, and this log.
  IndexedLog without;
  for (uint64_t i = 1; i < log_.size(); ++i) {
    Leaf leaf = log_.leaf(i);
    if (i == 3) leaf.tags = {kOther};
    without.AddLeaf(leaf);
  }
  log_.AddIndexHeadSaying(log_.size(), without.MapRoot(log_.size()));
  CompleteAnswer liar = AnswerOf(kPatient);
  without.AddIndexHead();
  CompleteAnswer other = without.Answer(RecordedWithin(kPatient, {}), without.size());
  liar.map = other.map;
  std::erase_if(liar.leaves, [](const AnswerLeaf& leaf) { return leaf.index == 3; });
  std::vector<uint64_t> shown;
  for (const AnswerLeaf& leaf : liar.leaves) shown.push_back(leaf.index);
  liar.proof = SetProof(shown, log_.size(), log_.log()).value();
  EXPECT_EQ(Told({liar}), "FAIL: entry 3 has such a tag, and its answer leaves it out");
  EXPECT_THAT(Told({.without = {3}}, Records({liar})), StartsWith("PASS: exactly these 2 "));
}

TEST_F(BundleAnswersTest, OneThatStopsAtItsIndexHeadNeedsTheLeavesBehindIt) {
  const std::vector<std::string> records = Records({Stopping(kPatient)});
  const std::string stops =
      "CANNOT TELL: the answers stop at entry 5, and not every leaf behind it is here";
  EXPECT_EQ(Told({}, records), stops);
  EXPECT_EQ(Told({.context = {5}}, records), stops);
  EXPECT_EQ(Told({.context = {6}}, records), stops);
  EXPECT_EQ(Told({.context = {2, 4}}, records), stops);
  EXPECT_THAT(Told({.context = {5, 6}}, records), StartsWith("PASS: exactly these 3 "));
  EXPECT_THAT(Told({.context = {0, 2, 5, 6}}, records), StartsWith("PASS: exactly these 3 "));
  // Of two the one that stops earlier counts.
  const Shown both = {.tags = {kPatient, kOther}};
  EXPECT_EQ(Told(both, Records({AnswerOf(kPatient), Stopping(kOther)})), stops);
  EXPECT_EQ(Told(both, Records({Stopping(kPatient), AnswerOf(kOther)})), stops);
  EXPECT_EQ(Told(both, Records({Stopping(kPatient)})),
            "CANNOT TELL: only 1 of 2 tags have an answer");
}

TEST_F(BundleAnswersTest, AnEntryBehindTheWindowEndsWhatIsNeeded) {
  log_.Add({});  // 8
  const Shown shown = {.window = {0, TimeOf(7)}, .context = {5, 6, 7}};
  IndexedLog::Parts parts = log_.TrueParts(RecordedWithin(kPatient, {0, TimeOf(7)}), log_.size());
  parts.tail = false;
  std::erase_if(parts.leaves, [](uint64_t index) { return index > 5; });
  const std::vector<std::string> records = Records({log_.Compose(parts)});
  EXPECT_THAT(Told(shown, records), StartsWith("PASS: exactly these 2 "));
  EXPECT_EQ(Told({.window = shown.window, .context = {5, 6}}, records),
            "CANNOT TELL: the answers stop at entry 5, and not every leaf behind it is here");
}

class UnindexedAnswersTest : public BundleAnswersTest {
 protected:
  UnindexedAnswersTest() : BundleAnswersTest(false) {}
};

TEST_F(UnindexedAnswersTest, ALogWithoutIndexHeadIsShownWhole) {
  log_.Add({kOther});
  EXPECT_EQ(Told({AnswerOf(kPatient)}),
            "PASS: exactly these 1 entries of the log have these tags: every leaf was shown");
}

TEST_F(BundleAnswersTest, TheHeadIsTheBundlesOwn) {
  CompleteAnswer other = AnswerOf(kPatient);
  const auto with = [&](const std::string& what, const std::string& by) {
    CompleteAnswer changed = other;
    changed.checkpoint = absl::StrReplaceAll(other.checkpoint, {{what, by}});
    EXPECT_NE(changed.checkpoint, other.checkpoint) << what;
    return changed;
  };
  const std::string text = other.checkpoint;
  const std::string root = EncodeBase64(log_.HeadOf(log_.size()).root.view());
  ExpectRefused({with(absl::StrCat(log_.log().origin(), "\n8"), "another.example\n8")},
                "it is under another head");
  ExpectRefused({with("\n8\n", "\n9\n")}, "it is under another head, of size 9");
  ExpectRefused({with(root, EncodeBase64(LeafHash("x").view()))}, "it is under another head");
  ExpectRefused({with("\n\n", "\n")}, "answer 1 is refused");
  ExpectRefused({Stopping(kPatient, 7)}, "it is under another head, of size 7");
}

TEST_F(BundleAnswersTest, WhatIsWrongInOneIsTold) {
  CompleteAnswer hides = AnswerOf(kPatient);
  hides.map->range->places[1] = {false,
                                 TagLogEntryOf(3, log_.leaf(3), LeafHash(log_.log().leaves()[3]))};
  ExpectRefused({hides}, "answer 1 is refused: entry 3 is an answer and is not shown");
  std::string cut = EncodeCompleteAnswer(AnswerOf(kPatient)).value();
  cut.pop_back();
  EXPECT_THAT(Told({}, EncodeAnswerRecords(cut)),
              StartsWith("FAIL: answer 1 is refused: answer hash"));
}

TEST_F(BundleAnswersTest, ItIsPutTogetherOfParts) {
  const std::string answer = EncodeCompleteAnswer(AnswerOf(kPatient)).value();
  const auto part = [&](char more, absl::string_view bytes) {
    std::string out = EncodeAnswerRecords("").front();
    out.back() = more;
    return absl::StrCat(out, bytes);
  };
  const auto told = [&](const std::vector<std::string>& parts) { return Told({}, parts); };
  const absl::string_view first = absl::string_view(answer).substr(0, 100);
  const absl::string_view rest = absl::string_view(answer).substr(100);
  EXPECT_THAT(told({part(1, first), part(0, rest)}), StartsWith("PASS"));
  EXPECT_THAT(told({part(1, ""), part(1, answer), part(0, "")}), StartsWith("PASS"));
  EXPECT_EQ(told({part(1, first)}), "FAIL: answer 1 is refused: it is cut short");
  EXPECT_EQ(told({part(1, answer)}), "FAIL: answer 1 is refused: it is cut short");
  EXPECT_THAT(told({part(0, first), part(0, rest)}), StartsWith("FAIL: answer 1 is refused"));
  EXPECT_THAT(told({part(1, rest), part(0, first)}), StartsWith("FAIL: answer 1 is refused"));
  const std::string wrong_part = "FAIL: answer 1 is refused: a part of it is not well formed";
  EXPECT_EQ(told({part(2, answer)}), wrong_part);
  EXPECT_EQ(told({part('\xff', answer)}), wrong_part);
  std::string empty = part(0, "");
  empty.pop_back();
  EXPECT_EQ(told({empty}), wrong_part);
  const std::string unknown = absl::StrCat(std::string("\0\7", 2), "example");
  EXPECT_THAT(told({unknown, part(0, answer), unknown}), StartsWith("PASS"));
  EXPECT_EQ(told({part(1, first), unknown, part(0, rest)}),
            "FAIL: answer 1 is refused: it is cut short");
  EXPECT_EQ(told({unknown, unknown + "/2"}),
            "CANNOT TELL: a proof of type example, which is not known here");
}

TEST_F(BundleAnswersTest, ItsLimitIsTheAnswers) {
  const std::string half(kMaxAnswerBytes / 16, 'x');
  std::vector<std::string> parts;
  const std::string head = EncodeAnswerRecords("").front();
  for (int i = 0; i < 17; ++i) {
    std::string& record = parts.emplace_back(head + half.substr(0, half.size() - 64));
    record[head.size() - 1] = 1;
  }
  EXPECT_THAT(Told({}, parts), HasSubstr(absl::StrCat("it has over ", kMaxAnswerBytes, " bytes")));
  parts.pop_back();
  parts.push_back(head + std::string(16 * 64, 'x'));  // exactly the limit: read, and none
  EXPECT_THAT(Told({}, parts), HasSubstr("version"));
  parts.back().push_back('x');
  EXPECT_THAT(Told({}, parts), HasSubstr(absl::StrCat("it has over ", kMaxAnswerBytes, " bytes")));
}

TEST_F(BundleAnswersTest, NoOtherQuestionTakesOne) {
  TestBundle bundle = testing::WholeLog(log_.log());
  for (const std::string& record : Records({AnswerOf(kPatient)})) {
    bundle.Add(BundleSection::kCompleteness, record);
  }
  bundle.Add(BundleSection::kManifest, FormatBundleManifest(bundle.Manifest()));
  const std::string file = bundle.Bytes();
  const BundleFile parsed = ParseBundle(file).value();
  EXPECT_EQ(CheckAnswers(parsed).wrong,
            "answer 1 is refused: asked was for 0 tags, and this is one more");
  BundleInput input;
  input.bytes = file;
  const BundleReport report =
      VerifyBundle(input, MakePin(log_.log().origin(), log_.log().verifier().ToVkey()).value());
  EXPECT_EQ(report.findings.of(BundleClaim::kCompleteness).result, ClaimResult::kFail);
}

TEST(AnswerRecords, AreAsLargeAsARecordMayBe) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{kMaxBundleRecordBytes - 33},
                            size_t{kMaxBundleRecordBytes - 32}, size_t{5} << 20}) {
    std::string answer(size, 'x');
    for (size_t i = 0; i < size; ++i) answer[i] = static_cast<char>(i * 31 + i / 253);
    std::string joined;
    const std::vector<std::string> records = EncodeAnswerRecords(answer);
    for (size_t i = 0; i < records.size(); ++i) {
      EXPECT_LE(records[i].size(), kMaxBundleRecordBytes);
      if (i + 1 < records.size()) {
        EXPECT_EQ(records[i].size(), kMaxBundleRecordBytes);
      }
      const CompletenessRecord parsed = ParseCompletenessRecord(records[i]).value();
      EXPECT_EQ(parsed.type, kCompleteAnswerType);
      EXPECT_EQ(parsed.bytes.front(), i + 1 < records.size() ? 1 : 0);
      absl::StrAppend(&joined, parsed.bytes.substr(1));
    }
    EXPECT_EQ(joined, answer);
    EXPECT_EQ(records.size(), 1 + (size == 0 ? 0 : (size - 1) / (kMaxBundleRecordBytes - 33)));
  }
}

}  // namespace
}  // namespace auditledger
