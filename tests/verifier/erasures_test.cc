// What an auditor is told of what was erased: by which entry, what was not and should have been,
// and what no entry accounts for.
// Covers: verifier/bundle_check, verifier/entry_check, verifier/entry_report, verifier/key_changes
// Covers: verifier/log_audit, verifier/verdict, verifier/verify
#include "verifier/erasures.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"
#include "verifier/entry_check.h"
#include "verifier/key_changes.h"
#include "verifier/log_audit.h"
#include "verifier/verify.h"

namespace auditledger {
namespace {

using ::testing::Contains;
using testing::ExportLog;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;
using testing::TempDir;
using testing::TestEvent;
using testing::TestLog;

class ErasuresTest : public ::testing::Test {
 protected:
  ErasuresTest() : pin_{log_.origin(), log_.verifier()} { log_.AddEvents(20); }

  // As the ledger shows a log: what was erased is not there.
  void Forget(const EntryRanges& ranges) {
    for (const EntryRange& range : ranges) {
      for (uint64_t i = range.first; i <= range.last; ++i) log_.openings()[i].reset();
    }
  }
  std::string Dir() const { return dir_.File("export"); }
  Verdict Audit(bool with_index_key = true) {
    std::filesystem::remove_all(Dir());
    ExportLog(log_, Dir());
    LogInput input;
    input.dir = Dir();
    input.threads = 2;
    if (with_index_key) input.index_key = log_.index_key();
    return VerifyLog(input, pin_, {});
  }
  void ExpectRefused(const std::string& why) {
    const Verdict verdict = Audit();
    EXPECT_EQ(verdict.ExitCode(), 1) << VerdictText(verdict);
    EXPECT_THAT(verdict.reasons, Contains(HasSubstr(why)));
  }
  uint64_t Request(const EntryRanges& ranges) {
    return log_.AddWithEvent(EntryKind::kErasureRequest,
                             EncodeErasureRequest({ErasureReason::kOther, ranges}).value(),
                             TestEvent(log_.size()));
  }
  uint64_t Erase(const EntryRanges& ranges, uint64_t request) {
    return log_.AddWithEvent(EntryKind::kErasure,
                             EncodeErasure({{ErasureReason::kOther, ranges}, request}).value(),
                             TestEvent(log_.size()));
  }
  uint64_t Hold(const LegalHold& hold) {
    return log_.AddWithEvent(EntryKind::kLegalHold, EncodeLegalHold(hold).value(),
                             TestEvent(log_.size()));
  }

  TestLog log_;
  const Pin pin_;
  TempDir dir_;
};

TEST_F(ErasuresTest, ALogNamesTheEntryThatErased) {
  const EntryRanges gone = {{3, 3}, {7, 9}};
  const uint64_t by = log_.AddErasure(gone);
  Forget(gone);
  log_.openings()[12].reset();
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("4 events, erased by entry 22: 3, 7-9")));
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("1 events, WITHHELD: 12")));
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("tags of withheld and erased")));
  const auto json = nlohmann::json::parse(VerdictJson(verdict));
  ASSERT_EQ(json["erased"].size(), 1u);
  EXPECT_EQ(json["erased"][0]["by"], by);
  EXPECT_EQ(json["erased"][0]["count"], 4);
  EXPECT_EQ(json["erased"][0]["entries"], "3, 7-9");
  EXPECT_EQ(json["erased"][0]["shown_count"], 0);
  EXPECT_THAT(VerdictText(verdict), HasSubstr("erased by entry 22: 3, 7-9"));
}

// "Erase without entry" is WITHHELD, as ever; "erase another entry than named" is both.
TEST_F(ErasuresTest, WhatIsErasedInPlaceOfWhatWasNamedIsWithheld) {
  log_.AddErasure({{3, 3}});
  Forget({{4, 4}});
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << "what is shown opens";
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("1 events, WITHHELD: 4")));
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("erased by entry 22, yet shown: 3")));
  ASSERT_EQ(verdict.erased.size(), 1u);
  EXPECT_EQ(verdict.erased[0].count, 0u);
  EXPECT_EQ(verdict.erased[0].shown_count, 1u);
  EXPECT_EQ(verdict.erased[0].shown, "3");
}

TEST_F(ErasuresTest, ARefusedEventMayBeErasedAndNothingOfTheLedgersOwn) {
  const uint64_t conflict = log_.AddConflict(3, TestEvent(77));
  log_.AddErasure({{conflict, conflict}});
  Forget({{conflict, conflict}});
  EXPECT_EQ(Audit().ExitCode(), kExitUnwitnessed);
  log_.AddErasure({{0, 0}});
  ExpectRefused("says that entry 0 was erased, which is the ledger's own (genesis)");
}

TEST_F(ErasuresTest, WhoErasedAndWhyIsNotErased) {
  const uint64_t by = log_.AddErasure({{3, 3}});
  log_.AddErasure({{by, by}});
  ExpectRefused("says that entry 22 was erased, which is the ledger's own (erasure)");
}

TEST_F(ErasuresTest, AnErasureThatNobodyAskedForIsRefused) {
  Erase({{3, 3}}, 5);
  ExpectRefused("entry 21 (erasure): carries out entry 5, which is no request");
}

TEST_F(ErasuresTest, AnErasureOfOtherEntriesThanAskedForIsRefused) {
  Erase({{3, 4}}, Request({{3, 3}}));
  ExpectRefused("of other entries, or for another reason");
}

TEST_F(ErasuresTest, ErasingUnderALegalHoldIsRefused) {
  LegalHold hold;
  hold.ranges = {{3, 8}};
  const uint64_t placed = Hold(hold);
  const uint64_t request = Request({{8, 9}});
  EXPECT_EQ(Audit().ExitCode(), kExitUnwitnessed);
  Erase({{8, 9}}, request);
  ExpectRefused("the legal hold of entry 21");
  LegalHold lift;
  lift.lifts = true;
  lift.placed = placed;
  Hold(lift);
  Erase({{8, 9}}, request);
  ExpectRefused("the legal hold of entry 21");  // at that time it stood
}

TEST_F(ErasuresTest, WhoAskedAndWhoApprovedAreCompared) {
  const auto one_person = [](const std::string& entries) {
    return Contains("that two persons stood behind the erasures of entries " + entries +
                    ": the same principal asked and approved");
  };
  log_.SetPrincipal("spiffe://test/officer");
  const uint64_t first = Request({{3, 3}});
  const uint64_t second = Request({{4, 4}});
  Erase({{3, 3}}, first);
  Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << "a ledger may be set up so";
  EXPECT_THAT(verdict.not_proven, one_person("23"));
  EXPECT_THAT(verdict.proven, Not(Contains(HasSubstr("another principal"))));
  log_.SetPrincipal("spiffe://test/director");
  Erase({{4, 4}}, second);
  verdict = Audit();
  EXPECT_THAT(verdict.not_proven, one_person("23"));
  EXPECT_THAT(verdict.proven, Contains("of 1 erasures the header names another principal than "
                                       "their request's does"));
  // Of whom nothing is shown nothing is said.
  Forget({{first, second}});
  verdict = Audit();
  EXPECT_THAT(verdict.not_proven, Not(Contains(HasSubstr("two persons"))));
  EXPECT_THAT(verdict.proven, Not(Contains(HasSubstr("another principal"))));
}

TEST_F(ErasuresTest, ALogWithoutErasuresSaysNothingOfPersons) {
  const Verdict verdict = Audit();
  EXPECT_THAT(verdict.not_proven, Not(Contains(HasSubstr("two persons"))));
  EXPECT_THAT(verdict.proven, Not(Contains(HasSubstr("another principal"))));
}

TEST_F(ErasuresTest, LeavesNameOnlyWhatIsEarlier) {
  Leaf leaf;
  leaf.commitment = LeafHash("c");
  const auto at = [&](EntryKind kind, const std::string& body, uint64_t index) {
    leaf.kind = kind;
    leaf.body = body;
    return CheckLeafRules(index, leaf, pin_);
  };
  const auto broken = [](const std::string& why) {
    return StatusIs(absl::StatusCode::kDataLoss, HasSubstr(why));
  };
  const ErasureScope scope{ErasureReason::kOther, {{3, 9}}};
  const std::string erasure = EncodeErasure({scope, 10}).value();
  EXPECT_OK(at(EntryKind::kErasure, erasure, 11));
  EXPECT_THAT(at(EntryKind::kErasure, erasure, 10), broken("before it was asked for"));
  EXPECT_THAT(at(EntryKind::kErasure, EncodeErasure({scope, 2}).value(), 9),
              broken("entry 9, which is not"));
  const std::string request = EncodeErasureRequest(scope).value();
  EXPECT_OK(at(EntryKind::kErasureRequest, request, 10));
  EXPECT_THAT(at(EntryKind::kErasureRequest, request, 9), broken("entry 9, which is not"));
  LegalHold hold;
  hold.ranges = scope.ranges;
  EXPECT_OK(at(EntryKind::kLegalHold, EncodeLegalHold(hold).value(), 10));
  EXPECT_THAT(at(EntryKind::kLegalHold, EncodeLegalHold(hold).value(), 9),
              broken("entry 9, which"));
  hold = {true, {}, 7};
  EXPECT_OK(at(EntryKind::kLegalHold, EncodeLegalHold(hold).value(), 8));
  EXPECT_THAT(at(EntryKind::kLegalHold, EncodeLegalHold(hold).value(), 7), broken("of later"));
  for (const EntryKind kind :
       {EntryKind::kErasure, EntryKind::kErasureRequest, EntryKind::kLegalHold}) {
    EXPECT_THAT(at(kind, "\1", 9), broken("needs")) << EntryKindName(kind);
    EXPECT_EQ(ErasureText(9, leaf), "") << "a body that does not parse says nothing";
    EXPECT_TRUE(IsKnownKind(kind));
  }
  leaf.commitment.reset();
  EXPECT_THAT(at(EntryKind::kErasureRequest, request, 10), broken("without commitment"));
  leaf.kind = EntryKind::kEvent;
  EXPECT_EQ(ErasureText(9, leaf), "");
}

TEST_F(ErasuresTest, OneEntrysReportNamesTheErasure) {
  const uint64_t by = log_.AddErasure({{3, 3}});
  log_.AddErasure({{5, 5}});
  Forget({{3, 3}, {4, 4}});
  LegalHold hold;
  const uint64_t held = Hold(hold);
  const uint64_t lifted = Hold({true, {}, held});
  hold.ranges = {{9, 9}};
  const uint64_t one = Hold(hold);
  ExportLog(log_, Dir());
  const EntryReport gone = VerifyEntry(Dir(), 3, pin_);
  EXPECT_EQ(gone.verdict.ExitCode(), kExitUnwitnessed) << VerdictText(gone.verdict);
  EXPECT_THAT(gone.verdict.not_proven, Contains("what the event says: erased by entry 22"));
  EXPECT_THAT(gone.verdict.not_proven, Not(Contains(HasSubstr("WITHHELD"))));
  EXPECT_THAT(
      gone.verdict.proven,
      Contains(HasSubstr("content of entries 3 was erased (subject-request), as entry 21 asks")));
  ASSERT_EQ(gone.verdict.erased.size(), 1u);
  EXPECT_EQ(gone.verdict.erased[0].by, by);
  EXPECT_EQ(gone.verdict.erased[0].entries, "3");
  const EntryReport withheld = VerifyEntry(Dir(), 4, pin_);
  EXPECT_THAT(withheld.verdict.not_proven, Contains(HasSubstr("WITHHELD")));
  EXPECT_TRUE(withheld.verdict.erased.empty());
  const EntryReport shown = VerifyEntry(Dir(), 5, pin_);
  EXPECT_THAT(shown.event_json, HasSubstr("event-5"));
  EXPECT_THAT(shown.verdict.not_proven, Contains(HasSubstr("by entry 24, yet it is shown here")));
  EXPECT_EQ(shown.verdict.erased.at(0).shown, "5");
  EXPECT_THAT(VerifyEntry(Dir(), by, pin_).verdict.proven,
              Contains(HasSubstr("entry 22 says that")));
  EXPECT_THAT(VerifyEntry(Dir(), by - 1, pin_).verdict.proven,
              Contains("entry 21 asks that the content of entries 3 be erased (subject-request)"));
  EXPECT_THAT(VerifyEntry(Dir(), held, pin_).verdict.proven,
              Contains("entry 25 places a legal hold on the whole log"));
  EXPECT_THAT(VerifyEntry(Dir(), lifted, pin_).verdict.proven,
              Contains("entry 26 lifts the legal hold of entry 25"));
  EXPECT_THAT(VerifyEntry(Dir(), one, pin_).verdict.proven,
              Contains("entry 27 places a legal hold on entries 9"));
}

TEST_F(ErasuresTest, AReceiptBesideTheLogNamesTheErasure) {
  ReceiptInput input;
  input.receipt = log_.ReceiptFor(3, 21);
  input.event = log_.openings()[3]->event;
  log_.AddErasure({{3, 3}});
  Forget({{3, 3}});
  ExportLog(log_, Dir());
  History history;
  EXPECT_TRUE(VerifyReceipt(input, pin_, history).erased.empty()) << "nothing says so";
  history.log_dir = Dir();
  const Verdict shown = VerifyReceipt(input, pin_, history);
  EXPECT_EQ(shown.ExitCode(), kExitUnwitnessed) << VerdictText(shown);
  EXPECT_THAT(shown.not_proven, Contains(HasSubstr("erased by entry 22, yet it is shown here")));
  input.event.reset();
  EXPECT_THAT(VerifyReceipt(input, pin_, history).not_proven,
              Contains("what the event says: erased by entry 22"));
  input.receipt = log_.ReceiptFor(22, log_.size());
  EXPECT_THAT(VerifyReceipt(input, pin_, history).proven,
              Contains(HasSubstr("entry 22 says that")));
}

// "Claim erased what was not": whoever is to be believed has the entry under the signed head.
TEST_F(ErasuresTest, AnErasureThatIsNotUnderTheHeadErasesNothing) {
  const uint64_t by = log_.AddErasure({{3, 3}});
  ExportLog(log_, Dir());
  const Checkpoint head =
      OpenCheckpoint(log_.CheckpointAt(log_.size()), pin_.origin, pin_.key)->checkpoint;
  ASSERT_TRUE(FindErasure(Dir(), head, 3).has_value());
  EXPECT_EQ(FindErasure(Dir(), head, 3)->by, by);
  EXPECT_FALSE(FindErasure(Dir(), head, 4).has_value());
  Checkpoint other = head;
  other.root = LeafHash("another history");
  EXPECT_FALSE(FindErasure(Dir(), other, 3).has_value());
  ASSERT_TRUE(FindErasureIn(Dir(), pin_, 3).has_value());
  TestLog::Options options;
  options.key = 7;
  const Pin stranger{log_.origin(), TestLog(options).verifier()};
  EXPECT_FALSE(FindErasureIn(Dir(), stranger, 3).has_value());
  EXPECT_FALSE(FindErasureIn(dir_.File("nowhere"), pin_, 3).has_value());
  testing::WriteFile(Dir() + "/checkpoint", "no note");
  EXPECT_FALSE(FindErasureIn(Dir(), pin_, 3).has_value());
}

TEST_F(ErasuresTest, AsManyAsAreListedHaveNoFurtherOnes) {
  log_.AddErasure({{3, 3}});
  Forget({{3, 3}});
  EXPECT_THAT(Audit().not_proven, Not(Contains(HasSubstr("further entries"))));
}

TEST_F(ErasuresTest, EntriesThatBreakARuleAreNamedUpToABound) {
  for (uint64_t i = 0; i < kMaxReasons + 6; ++i) log_.AddErasure({{3, 3}});  // erased by the first
  ExportLog(log_, Dir());
  EXPECT_EQ(ReadLandmarks(Dir(), log_.size()).broken_erasures.size(), kMaxReasons);
}

TEST_F(ErasuresTest, TheBodyOfAnotherKindSaysNothingOfErasure) {
  Leaf leaf;
  leaf.body = EncodeLegalHold({}).value();
  leaf.kind = EntryKind::kLegalHold;
  EXPECT_THAT(ErasureText(5, leaf), HasSubstr("the whole log"));
  leaf.kind = EntryKind::kOperator;
  EXPECT_EQ(ErasureText(5, leaf), "");
}

TEST_F(ErasuresTest, ALeafThatDoesNotParseErasesNothing) {
  for (const EntryKind kind :
       {EntryKind::kErasure, EntryKind::kErasureRequest, EntryKind::kLegalHold}) {
    log_.AddBytes({'\1', static_cast<char>(kind)}, std::nullopt);
  }
  ExportLog(log_, Dir());
  EXPECT_THAT(ReadLandmarks(Dir(), log_.size()).broken_erasures, ::testing::IsEmpty());
}

TEST_F(ErasuresTest, MoreErasuresThanAreListedAreCounted) {
  log_.AddEvents(kMaxReasons + 5);
  const uint64_t first = log_.size() - kMaxReasons - 5;
  for (uint64_t i = 0; i < kMaxReasons + 5; ++i) {
    log_.AddErasure({{first + i, first + i}});
    Forget({{first + i, first + i}});
  }
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.erased.size(), kMaxReasons);
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("5 events that further entries erased")));
}

}  // namespace
}  // namespace auditledger
