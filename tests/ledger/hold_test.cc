// A start that waits to be confirmed from outside: nothing is signed or appended meanwhile, and
// what others vouch for is compared with the stored log. And appends held while a ledger serves.
//
// Covers: ledger/ledger_impl, ledger/committer
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/errors.h"
#include "ledger/recovery.h"
#include "ledger/state_markers.h"
#include "merkle/leaf.h"
#include "merkle/system_entries.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;
using How = Faults::How;

class HoldTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(t.Create());
    for (int i = 0; i < 5; ++i) ASSERT_OK(t.AppendOne(absl::StrCat("e", i), "x").status());
    for (uint64_t size = 1; size <= 6; ++size) roots.push_back(RootAt(size));
    t.options.hold_until_confirmed = true;
  }
  // Of the first `size` entries, computed from the leaves.
  Hash RootAt(uint64_t size) {
    Frontier frontier;
    for (uint64_t i = 0; i < size; ++i) {
      frontier.Append(LeafHash(t.ledger->ReadEntry(i, false)->leaf));
    }
    return frontier.Root();
  }
  uint64_t Size() { return t.ledger->head()->head.size; }
  std::string ActionAt(uint64_t index) {
    const absl::StatusOr<Leaf> leaf = ParseLeaf(t.ledger->ReadEntry(index, false)->leaf);
    return ParseOperatorAction(leaf->body)->what;
  }
  // An entry that is stored and not signed, as a crash leaves it.
  void LeaveUnsigned() {
    ASSERT_OK(t.Open());
    ASSERT_OK(t.ledger->Confirm(std::nullopt));
    t.faults->sign = How::kErrorAndAbsent;
    EXPECT_FALSE(t.AppendOne("unsigned", "x").ok());
    t.Heal();
  }

  TestLedger t{TestLedger::Store::kLevelDb};
  std::vector<Hash> roots;
};

TEST_F(HoldTest, NothingIsAppendedBeforeItIsConfirmedAndReadsGoOn) {
  ASSERT_OK(t.Open());
  EXPECT_TRUE(t.ledger->held());
  EXPECT_EQ(t.ledger->status().state, LedgerState::kPaused);
  const absl::Status refused = t.AppendOne("a", "x").status();
  EXPECT_THAT(refused, StatusIs(StatusCode::kUnavailable,
                                HasSubstr(absl::StrCat("size 6 and root ", roots[5].ToHex()))));
  EXPECT_EQ(ReasonOf(refused).reason, kReasonLedgerPaused);
  EXPECT_OK(t.ledger->ReadEntry(5, true));
  EXPECT_OK(t.ledger->Confirm(std::nullopt));
  EXPECT_FALSE(t.ledger->held());
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
  EXPECT_EQ(Size(), 6u) << "nothing had to be recorded";
  EXPECT_OK(t.AppendOne("a", "x").status());
  EXPECT_OK(t.ledger->Confirm(std::nullopt)) << "again is nothing";
  EXPECT_OK(t.Check());
}

TEST_F(HoldTest, WhatACrashLeftUnsignedIsSignedOnceConfirmed) {
  LeaveUnsigned();
  ASSERT_OK(t.Open());
  EXPECT_EQ(Size(), 6u) << "the last head that was signed";
  EXPECT_OK(t.ledger->CheckPrefix(6, roots[5]));
  uint64_t heard = 0;
  t.ledger->AddHeadListener([&](const auto& head) { heard = head->head.size; });
  ASSERT_OK(t.ledger->Confirm(std::nullopt));
  EXPECT_EQ(Size(), 7u);
  EXPECT_EQ(heard, 7u);
  ASSERT_OK_AND_ASSIGN(const AppendOutcome repeated, t.AppendOne("unsigned", "x"));
  EXPECT_TRUE(repeated.entries[0].repeated);
  EXPECT_OK(t.AppendOne("next", "x").status());
  EXPECT_OK(t.Check());
}

// A freeze that a crash left unsigned ends the log only once its head is signed.
TEST_F(HoldTest, AFreezeThatACrashLeftUnsignedIsSignedOnceConfirmed) {
  ASSERT_OK(t.Open());
  ASSERT_OK(t.ledger->Confirm(std::nullopt));
  t.faults->sign = How::kErrorAndAbsent;
  EXPECT_FALSE(t.ledger->FreezeLog({}).ok());
  t.Heal();
  ASSERT_OK(t.Open());
  EXPECT_EQ(Size(), 6u);
  EXPECT_EQ(t.ledger->status().state, LedgerState::kPaused) << "no successor yet";
  ASSERT_OK(t.ledger->Confirm(std::nullopt));
  EXPECT_EQ(Size(), 7u);
  EXPECT_EQ(t.ledger->status().state, LedgerState::kFrozen);
  EXPECT_EQ(ReasonOf(t.AppendOne("late", "x").status()).reason, kReasonLedgerFrozen);
  EXPECT_OK(t.Check());
}

TEST_F(HoldTest, WhatTheStartHasToRecordWaitsToo) {
  t.clock.wall_us = t.ledger->head()->head.time_us - 3600'000'000;
  t.options.overrides.accept_clock = true;
  ASSERT_OK(t.Open());
  EXPECT_EQ(Size(), 6u);
  ASSERT_OK(t.ledger->Confirm(std::nullopt));
  EXPECT_EQ(Size(), 7u);
  EXPECT_EQ(ActionAt(6), "accept_clock");
}

TEST_F(HoldTest, AnOperatorVouchesForExactlyTheStoredHeadAndThatIsRecorded) {
  LeaveUnsigned();
  ASSERT_OK(t.Open());
  const Head stored{7, {}, 0};
  for (const Head& wrong : {Head{6, roots[5], 0}, stored, Head{8, roots[5], 0}}) {
    EXPECT_THAT(t.ledger->Confirm(wrong), StatusIs(StatusCode::kFailedPrecondition));
    EXPECT_TRUE(t.ledger->held());
    EXPECT_EQ(Size(), 6u);
  }
  // The root that the refusal names.
  const std::string reason = t.ledger->status().reason;
  const size_t at = reason.find("root ") + 5;
  ASSERT_OK(t.ledger->Confirm(Head{7, Hash::FromHex(reason.substr(at, 64)).value(), 0}));
  EXPECT_EQ(Size(), 8u);
  EXPECT_EQ(ActionAt(7), "accept_unwitnessed_start");
  EXPECT_OK(t.Check());
}

TEST_F(HoldTest, HeadsFromOutsideAreComparedWithTheWholeStoredLog) {
  ASSERT_OK(t.Open());
  for (uint64_t size = 1; size <= 6; ++size) {
    EXPECT_OK(t.ledger->CheckPrefix(size, roots[size - 1])) << size;
    EXPECT_THAT(t.ledger->CheckPrefix(size, roots[size % 6]),
                StatusIs(StatusCode::kFailedPrecondition, HasSubstr("fork: ")));
  }
  EXPECT_THAT(t.ledger->CheckPrefix(7, roots[5]),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("rollback: size 7")));
  EXPECT_THAT(t.ledger->CheckPrefix(uint64_t{1} << 62, roots[5]),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("rollback: ")));
}

TEST_F(HoldTest, ASignerThatFailsLeavesItHeld) {
  LeaveUnsigned();
  ASSERT_OK(t.Open());
  t.faults->sign = How::kErrorAndAbsent;
  EXPECT_FALSE(t.ledger->Confirm(std::nullopt).ok());
  EXPECT_TRUE(t.ledger->held());
  EXPECT_FALSE(t.AppendOne("a", "x").ok());
  t.faults->sign = How::kNone;
  EXPECT_OK(t.ledger->Confirm(std::nullopt));
  EXPECT_EQ(Size(), 7u);
}

TEST_F(HoldTest, AConfirmThatFailsHalfWayLeavesItHeldAndDoesNothingTwice) {
  const std::string& state_dir = t.options.paths.state_dir;
  ASSERT_OK(WriteAdoptedMarker(state_dir));
  ASSERT_OK(t.Open());
  // A marker that cannot be taken away.
  const std::string marker = state_dir + "/" + kAdoptedMarker;
  std::filesystem::remove(marker);
  std::filesystem::create_directories(marker + "/in the way");
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(t.ledger->Confirm(std::nullopt).ok());
    EXPECT_TRUE(t.ledger->held());
    EXPECT_EQ(ReasonOf(t.AppendOne("a", "x").status()).reason, kReasonLedgerPaused);
  }
  std::filesystem::remove_all(marker);
  ASSERT_OK(t.ledger->Confirm(std::nullopt));
  EXPECT_EQ(Size(), 7u);
  EXPECT_OK(t.AppendOne("a", "x").status());
  EXPECT_OK(t.Check());
}

TEST_F(HoldTest, ACommitThatFailsWhileItIsConfirmedIsNotTriedAgain) {
  t.clock.wall_us = t.ledger->head()->head.time_us - 3600'000'000;
  t.options.overrides.accept_clock = true;
  ASSERT_OK(t.Open());
  t.faults->sign = How::kErrorAndAbsent;
  EXPECT_FALSE(t.ledger->Confirm(std::nullopt).ok());
  t.faults->sign = How::kNone;
  EXPECT_EQ(ReasonOf(t.ledger->Confirm(std::nullopt)).reason, kReasonStorageFailed);
  EXPECT_TRUE(t.ledger->held());
  EXPECT_EQ(ReasonOf(t.AppendOne("a", "x").status()).reason, kReasonStorageFailed);
}

TEST_F(HoldTest, TheOperatorsWordIsRecordedOnceHoweverOftenItIsTried) {
  LeaveUnsigned();
  ASSERT_OK(t.Open());
  const std::string reason = t.ledger->status().reason;
  const Head stored{7, Hash::FromHex(reason.substr(reason.find("root ") + 5, 64)).value(), 0};
  t.faults->sign = How::kErrorAndAbsent;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(t.ledger->Confirm(stored).ok());
  t.faults->sign = How::kNone;
  ASSERT_OK(t.ledger->Confirm(stored));
  EXPECT_EQ(Size(), 8u);
}

TEST_F(HoldTest, ARefusalIsForEver) {
  const absl::Status why =
      WithReason(absl::FailedPreconditionError("forked"), kReasonLedgerReadOnly);
  ASSERT_OK(t.Open());
  t.ledger->Hold(why);
  EXPECT_THAT(t.ledger->Confirm(std::nullopt), StatusIs(StatusCode::kFailedPrecondition, "forked"));
  t.ledger->Hold(absl::OkStatus());
  EXPECT_THAT(t.AppendOne("a", "x").status(), StatusIs(StatusCode::kFailedPrecondition, "forked"));
  EXPECT_TRUE(t.ledger->held());
  t.options.hold_until_confirmed = false;
  ASSERT_OK(t.Open());
  t.ledger->Hold(why);
  t.ledger->Hold(absl::OkStatus());
  EXPECT_FALSE(t.AppendOne("a", "x").ok()) << "while it serves too";
  EXPECT_EQ(t.ledger->status().state, LedgerState::kReadOnly);
}

TEST_F(HoldTest, ALedgerThatIsMadeHasNothingToBeConfirmed) {
  TestLedger fresh;
  fresh.options.hold_until_confirmed = true;
  ASSERT_OK(fresh.Create());
  EXPECT_FALSE(fresh.ledger->held());
  EXPECT_OK(fresh.AppendOne("a", "x").status());
}

TEST_F(HoldTest, DrainedWhileHeldItEndsInPeace) {
  ASSERT_OK(t.Open());
  t.ledger->Drain();
  EXPECT_OK(t.ledger->Confirm(std::nullopt));
  EXPECT_EQ(ReasonOf(t.AppendOne("a", "x").status()).reason, kReasonShuttingDown);
}

TEST_F(HoldTest, AppendsAreHeldUntilTheHoldIsLifted) {
  t.ledger->Hold(WithReason(absl::UnavailableError("wait"), kReasonLedgerPaused));
  EXPECT_THAT(t.AppendOne("a", "x").status(), StatusIs(StatusCode::kUnavailable, "wait"));
  EXPECT_EQ(t.ledger->status().state, LedgerState::kPaused);
  EXPECT_EQ(t.ledger->status().reason, "wait");
  t.ledger->Hold(absl::FailedPreconditionError("no more"));
  EXPECT_EQ(t.ledger->status().state, LedgerState::kReadOnly);
  t.ledger->Hold(absl::OkStatus());
  EXPECT_OK(t.AppendOne("a", "x").status());
}

TEST_F(HoldTest, ManyProofsInOneTreeAreThoseOfEach) {
  const std::vector<uint64_t> indices = {5, 0, 3, 3};
  ASSERT_OK_AND_ASSIGN(const auto proofs, t.ledger->Inclusions(indices, 6));
  ASSERT_EQ(proofs.size(), indices.size());
  for (size_t i = 0; i < indices.size(); ++i) {
    EXPECT_EQ(proofs[i], *t.ledger->Inclusion(indices[i], 6));
  }
  EXPECT_THAT(t.ledger->Inclusions({{6}}, 6), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(t.ledger->Inclusions({{0}}, 7), StatusIs(StatusCode::kOutOfRange));
}

}  // namespace
}  // namespace auditledger::testing
