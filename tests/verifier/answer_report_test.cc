#include "verifier/answer_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "merkle/checkpoint.h"
#include "merkle/tags.h"
#include "nlohmann/json.hpp"
#include "tests/testing/indexed_log.h"
#include "tests/verifier/test_export.h"

namespace auditledger {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using testing::IndexedLog;
using ::testing::Not;
using testing::TempDir;

const std::string kIndexKey(32, 'i');

Hash TagOf(const std::string& id) {
  return DeriveTag(HmacKey(kIndexKey), {"patient", "urn:mrn", id});
}

class AnswerReportTest : public ::testing::Test {
 protected:
  AnswerReportTest() : pin_{log_.log().origin(), log_.log().verifier()} {
    log_.Add({TagOf("1")}, log_.leaf(0).recorded_at_us - 5);
    log_.Add({TagOf("1"), TagOf("2")});
    log_.AddIndexHead();
    log_.Add({TagOf("1")});
  }
  CompleteAnswer Answer() { return log_.Answer(RecordedWithin(TagOf("1"), {}), log_.size()); }
  AnswerReport Verify(const CompleteAnswer& answer, bool with_key = true) {
    AnswerInput input;
    input.answer = EncodeCompleteAnswer(answer).value();
    input.asked = answer.query;
    if (with_key) input.index_key = index_key_;
    return VerifyAnswer(input, pin_, history_);
  }

  IndexedLog log_;
  Pin pin_;
  History history_;
  std::string index_key_ = kIndexKey;
};

TEST_F(AnswerReportTest, SaysWhichEntriesAndWhatIsProvenAndWhatIsNot) {
  const AnswerReport report = Verify(Answer());
  EXPECT_EQ(report.verdict.ExitCode(), kExitUnwitnessed) << VerdictText(report.verdict);
  ASSERT_EQ(report.entries.size(), 3u);
  EXPECT_EQ(report.entries[0].index, 1u);
  EXPECT_EQ(report.entries[0].kind, "event");
  EXPECT_EQ(report.entries[0].recorded_at, "2023-11-14T22:13:20.001000Z");
  EXPECT_EQ(report.entries[0].event_time, "2023-11-14T22:13:19.999995Z");
  EXPECT_EQ(report.entries[1].event_time, "");
  EXPECT_EQ(report.complete_size, log_.size());
  EXPECT_EQ(report.index_head, 3u);
  EXPECT_THAT(report.verdict.proven, Contains(HasSubstr("exactly these 3 entries of the tag")));
  EXPECT_THAT(report.verdict.proven, Contains(HasSubstr("of the log's first 5 entries")));
  EXPECT_THAT(report.verdict.not_proven, Contains(HasSubstr("index head at entry 3")));
  EXPECT_THAT(report.verdict.not_proven, Contains(HasSubstr("every access was emitted")));
  EXPECT_THAT(report.verdict.not_proven, Not(Contains(HasSubstr("whose tag it is"))));
  EXPECT_THAT(report.verdict.not_proven, Contains(HasSubstr("no witness policy")));
  EXPECT_EQ(report.verdict.head->size, log_.size());
}

TEST_F(AnswerReportTest, NoneAtAllAndWithoutTheKey) {
  const AnswerReport report =
      Verify(log_.Answer(RecordedWithin(TagOf("9"), {}), log_.size()), false);
  EXPECT_EQ(report.verdict.ExitCode(), kExitUnwitnessed);
  EXPECT_THAT(report.verdict.proven, Contains(HasSubstr("none at all of the tag")));
  EXPECT_THAT(report.verdict.not_proven, Contains(HasSubstr("whose tag it is")));
}

TEST_F(AnswerReportTest, ALogWithoutIndexHeadHasNoMapToBeChecked) {
  IndexedLog log;
  log.Add({TagOf("1")});
  const AnswerReport report = Verify(log.Answer(RecordedWithin(TagOf("1"), {}), log.size()));
  EXPECT_EQ(report.verdict.ExitCode(), kExitUnwitnessed);
  EXPECT_FALSE(report.index_head.has_value());
  EXPECT_THAT(report.verdict.not_proven, Not(Contains(HasSubstr("index head"))));
  EXPECT_TRUE(nlohmann::json::parse(AnswerJson(report))["answer"]["index_head"].is_null());
}

TEST_F(AnswerReportTest, WhereTheAnswerStopsIsSaid) {
  IndexedLog::Parts parts = log_.TrueParts(RecordedWithin(TagOf("1"), {}), log_.size());
  parts.tail = false;
  parts.leaves = {0, 1, 2, 3};
  const AnswerReport report = Verify(log_.Compose(parts));
  EXPECT_EQ(report.complete_size, 3u);
  EXPECT_THAT(report.verdict.not_proven, Contains(HasSubstr("whether entries 3 to 4 carry")));
}

TEST_F(AnswerReportTest, WhatDoesNotParseCannotBeTold) {
  AnswerInput input;
  input.answer = "?";
  const AnswerReport report = VerifyAnswer(input, pin_, history_);
  EXPECT_EQ(report.verdict.ExitCode(), 2);
  EXPECT_THAT(report.verdict.reasons, Contains(HasSubstr("answer version")));
}

TEST_F(AnswerReportTest, AnotherLogsHeadIsRefusedOrCannotBeTold) {
  testing::TestLog::Options options;
  options.key = 2;
  testing::TestLog other(options);
  CompleteAnswer answer = Answer();
  answer.checkpoint = other.CheckpointAt(1);
  EXPECT_NE(Verify(answer).verdict.ExitCode(), kExitUnwitnessed);
}

TEST_F(AnswerReportTest, LiesAreRefused) {
  CompleteAnswer answer = Answer();
  answer.map->range->places[0].shown = false;
  const AnswerReport hidden = Verify(answer);
  EXPECT_EQ(hidden.verdict.ExitCode(), 1);
  EXPECT_TRUE(hidden.entries.empty());
  EXPECT_TRUE(nlohmann::json::parse(AnswerJson(hidden))["answer"].is_null());
  index_key_ = std::string(32, 'j');
  EXPECT_THAT(Verify(Answer()).verdict.reasons, Contains(HasSubstr("another index key")));
}

TEST_F(AnswerReportTest, AnEntryThatBreaksItsKindsRulesIsRefused) {
  Leaf leaf;
  leaf.recorded_at_us = log_.NextTime();
  leaf.tags = {TagOf("1")};  // an event without commitment
  log_.AddLeaf(leaf);
  const AnswerReport report = Verify(Answer());
  EXPECT_EQ(report.verdict.ExitCode(), 1);
  EXPECT_THAT(report.verdict.reasons, Contains(HasSubstr("entry 5: an event without commitment")));
  EXPECT_THAT(AnswerText(report), Not(HasSubstr("entry 1 (event)")));
}

// A head that nothing links to the last one seen proves nothing of the log that was seen.
TEST_F(AnswerReportTest, ItsHeadIsHeldAgainstTheLastOneSeen) {
  TempDir dir;
  const TrustStore store = TrustStore::Open(dir.File("trust")).value();
  history_.store = &store;
  EXPECT_EQ(Verify(Answer()).verdict.ExitCode(), kExitUnwitnessed);
  log_.Add({});
  EXPECT_EQ(Verify(Answer()).verdict.ExitCode(), 2) << "larger, and not linked";
  IndexedLog fork;
  for (int i = 0; i < 4; ++i) fork.Add({});
  const CompleteAnswer answer = fork.Answer(RecordedWithin(TagOf("1"), {}), 5);
  EXPECT_THAT(Verify(answer).verdict.reasons, Contains(HasSubstr("FORK")));
}

}  // namespace
}  // namespace auditledger
