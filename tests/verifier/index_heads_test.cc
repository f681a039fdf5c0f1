// The audit of a whole log makes the verifiable index anew and compares every index head.
//
// Covers: verifier/log_audit, verifier/bundle_check, verifier/key_changes
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "merkle/index_head.h"
#include "tests/testing/indexed_log.h"
#include "tests/verifier/test_export.h"
#include "verifier/entry_check.h"
#include "verifier/log_audit.h"

namespace auditledger {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using testing::IndexedLog;
using ::testing::Not;
using testing::TempDir;

const Hash kX = LeafHash("x");

class IndexHeadsTest : public ::testing::Test {
 protected:
  IndexHeadsTest() : pin_{log_.log().origin(), log_.log().verifier()} {}
  Verdict Audit() {
    testing::ExportLog(log_.log(), dir_.path());
    LogInput input;
    input.dir = dir_.path();
    input.threads = 2;
    return VerifyLog(input, pin_, history_);
  }

  IndexedLog log_;
  TempDir dir_;
  const Pin pin_;
  History history_;
};

TEST_F(IndexHeadsTest, TrueOnesAreProvenOverBundles) {
  for (int i = 1; i <= 700; ++i) {
    if (i % 100 == 0) {
      log_.AddIndexHead(log_.size() - 3);
    } else {
      log_.Add({LeafHash(absl::StrCat(i % 13)), kX});
    }
  }
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("the maps of all 7 index heads")));
}

TEST_F(IndexHeadsTest, ALogWithoutThemSaysNothingOfAnyMap) {
  log_.Add({kX});
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.proven, Not(Contains(HasSubstr("index heads"))));
}

// Every one, not the latest alone: an answer of last year rests on an old one.
TEST_F(IndexHeadsTest, OneThatHidesAnEntryIsRefusedThoughLaterOnesAreTrue) {
  log_.Add({kX});
  log_.Add({kX});
  log_.AddIndexHeadSaying(3, log_.MapRoot(2));
  log_.AddIndexHead();
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("entry 3: an index head whose map is not")));
  EXPECT_THAT(verdict.proven, Not(Contains(HasSubstr("index heads"))));
}

TEST_F(IndexHeadsTest, CoveringLessThanBeforeOrMoreThanThereIsIsRefused) {
  log_.Add({kX});
  log_.AddIndexHead(2);
  log_.AddIndexHead(1);
  log_.AddIndexHeadSaying(5, log_.MapRoot(3));
  const Verdict verdict = Audit();
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("an earlier one covers 2")));
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("covers 5 entries, more than there were")));
}

TEST_F(IndexHeadsTest, WhereLeavesAreMissingTheirMapCannotBeTold) {
  for (int i = 0; i < 300; ++i) log_.Add({kX});
  log_.AddIndexHead();
  for (int i = 0; i < 300; ++i) log_.Add({kX});
  log_.AddIndexHead();
  Audit();
  std::filesystem::remove(dir_.File("tile/entries/001"));
  LogInput input;
  input.dir = dir_.path();
  const Verdict verdict = VerifyLog(input, pin_, history_);
  EXPECT_EQ(verdict.ExitCode(), 2) << VerdictText(verdict);
  EXPECT_THAT(verdict.reasons, Not(Contains(HasSubstr("an index head whose map"))));
}

// What is no leaf may have had tags: nothing is said against the maps behind it.
TEST_F(IndexHeadsTest, BehindAnEntryThatCannotBeReadNoMapIsCompared) {
  log_.log().AddBytes("no leaf", std::nullopt);
  for (int i = 0; i < 300; ++i) log_.Add({kX});
  log_.AddIndexHeadSaying(log_.size(), EmptyRoot());
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 1) << VerdictText(verdict);
  EXPECT_THAT(verdict.reasons, Not(Contains(HasSubstr("an index head whose map"))));
  EXPECT_THAT(verdict.proven, Not(Contains(HasSubstr("index heads"))));
}

TEST_F(IndexHeadsTest, OneHasNoTagsNoCommitmentAndNoOtherBody) {
  Leaf leaf;
  leaf.kind = EntryKind::kIndexHead;
  leaf.recorded_at_us = log_.NextTime();
  leaf.body = EncodeIndexHead({1, EmptyRoot()});
  EXPECT_OK(CheckLeafRules(1, leaf, pin_));
  Leaf bad = leaf;
  bad.tags = {kX};
  EXPECT_THAT(CheckLeafRules(1, bad, pin_),
              testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("own with tags")));
  bad = leaf;
  bad.commitment = kX;
  EXPECT_THAT(CheckLeafRules(1, bad, pin_),
              testing::StatusIs(absl::StatusCode::kDataLoss,
                                HasSubstr("a index head entry with a commitment")));
  bad = leaf;
  bad.body += "x";
  EXPECT_THAT(CheckLeafRules(1, bad, pin_),
              testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("index head: 1 trailing")));
  bad.body = EncodeIndexHead({2, EmptyRoot()});
  EXPECT_THAT(CheckLeafRules(1, bad, pin_),
              testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("covers 2 entries, more")));
  log_.AddLeaf(bad);
  EXPECT_EQ(Audit().ExitCode(), 1);
}

}  // namespace
}  // namespace auditledger
