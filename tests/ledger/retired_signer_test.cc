// How a ledger ends and another goes on: by an entry, or given up from outside its log.
#include "ledger/retired_signer.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/errors.h"
#include "ledger/key_rotation.h"
#include "ledger/ledger_set.h"
#include "merkle/leaf.h"
#include "merkle/system_entries.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr char kNext[] = "test.example/next";

class LedgerEndTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(t.Create());
    ASSERT_OK(t.AppendOne("one", "x").status());
    witnessed = t.ledger->head()->checkpoint;
    ASSERT_OK(t.AppendOne("two", "x").status());
  }
  void ExpectEnded(uint64_t size) {
    EXPECT_EQ(t.ledger->status().state, LedgerState::kFrozen);
    EXPECT_EQ(t.ledger->head()->head.size, size);
    const absl::Status refused = t.AppendOne("late", "x").status();
    EXPECT_THAT(refused, StatusIs(kRefused));
    EXPECT_EQ(ReasonOf(refused).reason, kReasonLedgerFrozen);
    EXPECT_OK(t.ledger->ReadEntry(1, true));
    EXPECT_OK(t.ledger->Consistency(1, size));
  }
  TestLedger t{TestLedger::Store::kLevelDb};
  std::string witnessed;
};

TEST_F(LedgerEndTest, AFreezeIsTheLastEntryForEver) {
  Freeze freeze;
  freeze.confirmed_size = 4;
  EXPECT_THAT(t.ledger->FreezeLog(freeze), StatusIs(absl::StatusCode::kInvalidArgument));
  freeze.confirmed_size = 2;
  freeze.successor_origin = kNext;
  ASSERT_OK(t.ledger->FreezeLog(freeze));
  ExpectEnded(4);
  EXPECT_THAT(t.ledger->status().reason, HasSubstr(kNext));
  EXPECT_THAT(t.ledger->FreezeLog(freeze), StatusIs(kRefused));
  ASSERT_OK_AND_ASSIGN(const Leaf last, ParseLeaf(t.ledger->ReadEntry(3, false)->leaf));
  EXPECT_EQ(ParseFreeze(last.body).value(), freeze);
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_OK(t.Open());
    ExpectEnded(4);
  }
  // Neither a clock that is off nor a key that was prepared adds to it.
  t.clock.Pass(uint64_t{3} * 86'400 * 1'000'000);
  t.options.overrides.accept_clock = true;
  ASSERT_OK(PrepareKeyChange(t.options.paths.key_dir, t.options.origin, OldKey::kKeep, t.random));
  ASSERT_OK(t.Open());
  ExpectEnded(4);
  EXPECT_OK(t.Check());
}

TEST_F(LedgerEndTest, AFreezeThatFailsIsFoundOrNotByTheNextStart) {
  for (const auto how : {Faults::How::kErrorAndAbsent, Faults::How::kErrorButPresent}) {
    t.faults->commit = how;
    EXPECT_EQ(ReasonOf(t.ledger->FreezeLog({})).reason, kReasonStorageFailed);
    t.Heal();
    ASSERT_OK(t.Open());
    if (how == Faults::How::kErrorAndAbsent) {
      EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
    }
  }
  ExpectEnded(4);
}

TEST_F(LedgerEndTest, IsRetiredAtAHeadThatCounts) {
  const NoteVerifier key = t.ledger->verifier();
  t.Close();
  const NoteVerifier other =
      NoteVerifier::FromEd25519(t.options.origin, std::string(32, '\x07')).value();
  EXPECT_FALSE(RetireLedger(t.options.paths, other, witnessed).ok());
  EXPECT_FALSE(RetireLedger(t.options.paths, key, "no note").ok());
  ASSERT_OK(RetireLedger(t.options.paths, key, witnessed));
  EXPECT_THAT(RetireLedger(t.options.paths, key, witnessed),
              StatusIs(absl::StatusCode::kAlreadyExists));
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_OK(t.Open());
    ExpectEnded(2);
    EXPECT_EQ(t.ledger->head()->checkpoint, witnessed) << "nothing was signed for it";
    EXPECT_THAT(t.ledger->ReadEntry(2, false), StatusIs(absl::StatusCode::kOutOfRange));
  }
}

TEST_F(LedgerEndTest, OnceRetiredItWaitsForNobody) {
  t.ledger->Drain();
  ASSERT_OK(RetireLedger(t.options.paths, t.ledger->verifier(), t.ledger->head()->checkpoint));
  t.options.hold_until_confirmed = true;
  ASSERT_OK(t.Open());
  EXPECT_FALSE(t.ledger->held());
  ExpectEnded(3);
}

TEST_F(LedgerEndTest, AnOlderCopyIsServedWhenItIsRetired) {
  t.Close();
  fs::copy(t.options.paths.data_dir, t.folder() + "/copy", fs::copy_options::recursive);
  const std::string copied = [&] {
    EXPECT_OK(t.Open());
    return t.ledger->head()->checkpoint;
  }();
  ASSERT_OK(t.AppendOne("acknowledged and lost", "x").status());
  const NoteVerifier key = t.ledger->verifier();
  t.Close();
  fs::remove_all(t.options.paths.data_dir);
  fs::copy(t.folder() + "/copy", t.options.paths.data_dir, fs::copy_options::recursive);
  EXPECT_THAT(t.Open(), StatusIs(kRefused, HasSubstr("rollback")));
  ASSERT_OK(RetireLedger(t.options.paths, key, copied));
  ASSERT_OK(t.Open());
  ExpectEnded(3);
}

// The log is older than the keys beside it, or goes on beyond the head with keys that came later.
TEST_F(LedgerEndTest, IsRetiredAtAHeadOfAKeyThatWasFollowed) {
  const std::string first = t.ledger->verifier().ToVkey();
  const std::string copied = t.ledger->head()->checkpoint;
  t.Close();
  fs::copy(t.options.paths.data_dir, t.folder() + "/copy", fs::copy_options::recursive);
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK(PrepareKeyChange(t.options.paths.key_dir, t.options.origin, OldKey::kKeep, t.random));
    ASSERT_OK(t.Open());
    ASSERT_OK(t.AppendOne(absl::StrCat("later ", i), "x").status());
  }
  const NoteVerifier newest = t.ledger->verifier();
  t.Close();
  ASSERT_OK(RetireLedger(t.options.paths, newest, copied));
  for (const bool older_copy : {false, true}) {
    if (older_copy) {
      fs::remove_all(t.options.paths.data_dir);
      fs::copy(t.folder() + "/copy", t.options.paths.data_dir, fs::copy_options::recursive);
    }
    ASSERT_OK(t.Open()) << older_copy;
    ExpectEnded(3);
    EXPECT_EQ(t.ledger->head()->checkpoint, copied);
    EXPECT_EQ(t.ledger->verifier().ToVkey(), first);
    EXPECT_TRUE(t.ledger->key_changes().empty());
    t.Close();
  }
}

class SuccessorLedgerTest : public ::testing::Test {
 protected:
  SuccessorLedgerTest() {
    const std::string base = folder.path();
    options.roots = {base + "/data", base + "/state", base + "/keys", base + "/seeds"};
    options.clock = &clock;
    options.random = &random;
  }
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(set, LedgerSet::Open(options));
    ASSERT_OK_AND_ASSIGN(old_ledger, set->Create("old", "test.example/old"));
  }
  absl::StatusOr<Ledger*> Make(const Predecessor& predecessor) {
    return set->Create("next", kNext, predecessor);
  }
  ScratchFolder folder;
  SteppedClock clock;
  CountedRandom random;
  LedgerSetOptions options;
  std::unique_ptr<LedgerSet> set;
  Ledger* old_ledger = nullptr;
};

TEST_F(SuccessorLedgerTest, ItsGenesisHoldsTheLastHead) {
  const std::string note = old_ledger->head()->checkpoint;
  EXPECT_THAT(Make({note}), StatusIs(kRefused, HasSubstr("is not frozen")));
  Freeze freeze;
  freeze.successor_origin = kNext;
  ASSERT_OK(old_ledger->FreezeLog(freeze));
  const std::string last = old_ledger->head()->checkpoint;
  EXPECT_THAT(Make({"no note"}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Make({last, 2}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("end")));
  EXPECT_THAT(Make({"", 2}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Make({std::string(kMaxPredecessorBytes + 1, 'x')}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("over")));
  EXPECT_THAT(set->Create("next", "test.example/old", {last}).status(),
              StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(Ledger * next, Make({last}));
  ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(next->ReadEntry(0, false)->leaf));
  EXPECT_EQ(ParseGenesis(leaf.body)->predecessor_checkpoint, last);
  EXPECT_EQ(next->head()->head.size, 1u);
}

TEST_F(SuccessorLedgerTest, EntriesOfThePredecessorDoNotVanishWithoutAWord) {
  const std::string first = old_ledger->head()->checkpoint;
  ASSERT_OK(old_ledger->FreezeLog({}));
  EXPECT_THAT(Make({first}), StatusIs(kRefused, HasSubstr("--predecessor-end 2")));
  EXPECT_OK(Make({first, 2}));
}

TEST_F(SuccessorLedgerTest, APredecessorThatIsHereAndRefusedIsNotPassedOver) {
  ASSERT_OK(old_ledger->FreezeLog({}));
  const std::string last = old_ledger->head()->checkpoint;
  set.reset();
  fs::remove_all(options.roots.state_dir + "/old");
  ASSERT_OK_AND_ASSIGN(set, LedgerSet::Open(options));
  EXPECT_THAT(Make({last}), StatusIs(kRefused, HasSubstr("is here and not open")));
}

TEST_F(SuccessorLedgerTest, ItRecordsWhatIsNotCarriedOver) {
  const std::string note = old_ledger->head()->checkpoint;
  ASSERT_OK(old_ledger->FreezeLog({}));
  ASSERT_OK_AND_ASSIGN(Ledger * next, Make({note, 5}));
  ASSERT_EQ(next->head()->head.size, 2u);
  ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(next->ReadEntry(1, false)->leaf));
  EXPECT_EQ(ParseOperatorAction(leaf.body)->what, "predecessor entries 1 to 4 not carried over");
}

}  // namespace
}  // namespace auditledger::testing
