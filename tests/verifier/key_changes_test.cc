// A log whose key was rotated, and one that goes on from another: what an auditor is told.
//
// Covers: verifier/successor
#include "verifier/key_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "merkle/key_change_list.h"
#include "merkle/proof.h"
#include "merkle/sha256.h"
#include "tests/testing/rotated_log.h"
#include "tests/verifier/test_export.h"
#include "verifier/log_audit.h"
#include "verifier/successor.h"
#include "verifier/verify.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string WithHead(std::string receipt, const std::string& note) {
  const size_t at = receipt.find("\n\n");  // the checkpoint follows the proof's empty line
  return receipt.substr(0, at + 2) + note;
}

std::string All(const std::vector<std::string>& lines) { return absl::StrJoin(lines, "\n"); }

// Entries 0 to 9, the change 1 -> 2 at 10, entries up to 19.
class RotatedTest : public ::testing::Test {
 protected:
  RotatedTest() {
    log.AddEvents(9);
    log.AddSystem(EntryKind::kKeyChange, KeyChangeBody(log.origin(), 1, 2));
    log.AddEvents(9);
  }
  Pin PinOf(uint8_t key) {
    return MakePin(log.origin(),
                   NoteVerifier::FromEd25519(log.origin(), TestPublicKey(key))->ToVkey())
        .value();
  }
  KeyChangeList ListAt(uint64_t size) {
    KeyChangeList list{log.origin(), size, {}};
    list.changes.push_back({10, log.leaves()[10], InclusionProof(10, size, log).value()});
    return list;
  }
  Verdict Receipt(uint8_t signer, uint64_t size, const History& history, uint8_t pinned = 1) {
    ReceiptInput input;
    input.receipt = WithHead(log.ReceiptFor(3, size), CheckpointBy(signer, log, size));
    return VerifyReceipt(input, PinOf(pinned), history);
  }
  void Export(const std::string& dir, uint64_t size, uint8_t signer) {
    ASSERT_OK_AND_ASSIGN(const auto writer, AppendExport(log, dir, size));
    ASSERT_OK(writer->Finish(CheckpointBy(signer, log, size)));
  }
  Verdict Log(const std::string& dir, const History& history, uint8_t pinned = 1) {
    LogInput input;
    input.dir = dir;
    return VerifyLog(input, PinOf(pinned), history);
  }
  TestLog log;
  TempDir temp;
};

TEST_F(RotatedTest, AnExportShowsItsOwnChanges) {
  Export(temp.File("export"), 20, 2);
  for (const uint8_t pinned : {1, 2}) {
    const Verdict verdict = Log(temp.File("export"), History(), pinned);
    EXPECT_EQ(verdict.outcome, Outcome::kVerified) << All(verdict.reasons);
    EXPECT_THAT(All(verdict.proven), HasSubstr("key was changed at entries 10"));
    EXPECT_EQ(verdict.key_id, PinOf(2).key.key_id());
    EXPECT_EQ(VerifyEntry(temp.File("export"), 0, PinOf(pinned)).verdict.outcome,
              Outcome::kVerified)
        << "the genesis names the first key, whichever is pinned";
  }
  Export(temp.File("retired"), 20, 1);
  const Verdict retired = Log(temp.File("retired"), History());
  EXPECT_EQ(retired.outcome, Outcome::kRefused);
  EXPECT_THAT(All(retired.reasons), HasSubstr("was rotated; at size 20"));
}

TEST_F(RotatedTest, AReceiptNeedsTheChangesUnderItsOwnHead) {
  EXPECT_EQ(Receipt(2, 20, History()).outcome, Outcome::kRefused) << "nothing says who that is";
  History given;
  given.key_changes = ListAt(20);
  EXPECT_EQ(Receipt(2, 20, given).outcome, Outcome::kVerified);
  EXPECT_EQ(Receipt(1, 20, given).outcome, Outcome::kRefused) << "the retired key";
  EXPECT_EQ(Receipt(1, 10, History()).outcome, Outcome::kVerified) << "before the change";
  given.key_changes = ListAt(15);
  const Verdict other_size = Receipt(2, 20, given);
  EXPECT_NE(other_size.outcome, Outcome::kVerified);
  EXPECT_THAT(All(other_size.reasons), HasSubstr("key-changes --size 20"));
  given.key_changes = ListAt(20);
  given.key_changes->changes[0].inclusion.back() = Hash();
  EXPECT_EQ(Receipt(2, 20, given).outcome, Outcome::kCannotTell);
  given.key_changes = ListAt(20);
  given.key_changes->origin = "ledger.test/other";
  EXPECT_EQ(Receipt(2, 20, given).outcome, Outcome::kCannotTell);
  // An export shows them as well.
  Export(temp.File("export"), 20, 2);
  History exported;
  exported.log_dir = temp.File("export");
  EXPECT_EQ(Receipt(2, 20, exported).outcome, Outcome::kVerified);
  EXPECT_EQ(Receipt(2, 15, exported).outcome, Outcome::kVerified);
}

// What key_chain.h asks of a verifier.
TEST_F(RotatedTest, TheTrustStoreRemembersWhatNobodyGivesAgain) {
  ASSERT_OK_AND_ASSIGN(const TrustStore store, TrustStore::Open(temp.File("trust")));
  History history;
  history.store = &store;
  Export(temp.File("export"), 15, 2);
  ASSERT_EQ(Log(temp.File("export"), history).outcome, Outcome::kVerified);
  ASSERT_OK_AND_ASSIGN(const auto changes, store.LoadKeyChanges(PinOf(1)));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].index, 10u);

  // A fork by the holder of the retired key, who leaves the change out or puts it at the end.
  TestLog fork;
  fork.AddEvents(19);
  CheckpointInput input;
  input.text = fork.CheckpointAt(20);
  Verdict verdict = VerifyHead(input, PinOf(1), history);
  EXPECT_EQ(verdict.outcome, Outcome::kRefused);
  EXPECT_THAT(All(verdict.reasons), HasSubstr("was rotated"));
  fork.AddSystem(EntryKind::kKeyChange, KeyChangeBody(log.origin(), 1, 2));
  input.text = fork.CheckpointAt(21);
  history.key_changes = KeyChangeList{
      log.origin(), 21, {{20, fork.leaves()[20], InclusionProof(20, 21, fork).value()}}};
  verdict = VerifyHead(input, PinOf(1), history);
  EXPECT_EQ(verdict.outcome, Outcome::kRefused) << "the same change a second time";
  history.key_changes.reset();

  // The true log goes on, and nothing needs to be given.
  input.text = CheckpointBy(2, log, 20);
  ASSERT_OK_AND_ASSIGN(const std::vector<Hash> proof, ConsistencyProof(15, 20, log));
  history.proofs = {{15, 20, std::nullopt, proof}};
  EXPECT_EQ(VerifyHead(input, PinOf(1), history).outcome, Outcome::kVerified);
  ASSERT_OK(store.Forget(log.origin()));
  EXPECT_TRUE(store.LoadKeyChanges(PinOf(1))->empty());
  WriteFile(temp.File("trust/") + Sha256({log.origin()}).ToHex() + ".keys", "damaged");
  EXPECT_EQ(VerifyHead(input, PinOf(1), history).outcome, Outcome::kCannotTell);
}

// Two runs at once: what the other has seen since this one opened its head is not lost.
TEST_F(RotatedTest, ChangesThatAnotherRunRememberedMeanwhileAreKept) {
  ASSERT_OK_AND_ASSIGN(const TrustStore store, TrustStore::Open(temp.File("trust")));
  log.AddSystem(EntryKind::kKeyChange, KeyChangeBody(log.origin(), 2, 3));  // at 20
  log.AddEvents(9);
  const LoggedKeyChange first{10, log.leaves()[10], {}};
  const LoggedKeyChange second{20, log.leaves()[20], {}};
  ASSERT_OK(store.SaveKeyChanges(PinOf(1), {first, second}));
  ASSERT_OK(store.Save(PinOf(1), CheckpointBy(3, log, 21)));
  History history;
  history.store = &store;
  ASSERT_OK_AND_ASSIGN(const std::vector<Hash> proof, ConsistencyProof(21, 30, log));
  history.proofs = {{21, 30, std::nullopt, proof}};
  const auto compare = [&](uint8_t signer) {
    Verdict verdict = Verdict::About("checkpoint", PinOf(1));
    const SignedCheckpoint head{Checkpoint{log.origin(), 30, log.RootAt(30), {}},
                                CheckpointBy(signer, log, 30)};
    CompareWithStore(head, PinOf(1), history, HeadUse::kCheckpoint, verdict, {first});
    return verdict;
  };
  const Verdict retired = compare(2);
  EXPECT_EQ(retired.outcome, Outcome::kRefused) << "opened before the second change was known";
  EXPECT_THAT(All(retired.reasons), HasSubstr("was rotated; at size 30"));
  EXPECT_EQ(compare(3).outcome, Outcome::kVerified);
  ASSERT_OK_AND_ASSIGN(const auto changes, store.LoadKeyChanges(PinOf(1)));
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(store.Load(PinOf(1))->value().checkpoint.size, 30u);
}

TEST_F(RotatedTest, AChangeThatOneKeyDidNotSignIsRefused) {
  std::string body = KeyChangeBody(log.origin(), 2, 3);
  body.back() ^= 1;
  log.AddSystem(EntryKind::kKeyChange, body);
  Export(temp.File("export"), log.size(), 3);
  EXPECT_EQ(Log(temp.File("export"), History()).outcome, Outcome::kRefused);
}

// Whoever has the key that signs now can have it followed by one of his own, as its owner can. Who
// is shown that first believes it, and refuses what the owner signs from then on; who saw the
// owner's own heads refuses the thief's.
TEST_F(RotatedTest, AThiefsOwnChangeIsBelievedUntilBothHistoriesMeet) {
  TestLog stolen = log;
  stolen.AddSystem(EntryKind::kKeyChange, KeyChangeBody(log.origin(), 2, 9));
  stolen.AddEvents(9);
  log.AddEvents(10);
  const auto look = [&](const TrustStore& store, TestLog& shown, uint8_t signer) {
    CheckpointInput input;
    input.text = CheckpointBy(signer, shown, 30);
    History history;
    history.store = &store;
    history.key_changes = KeyChangeList{log.origin(), 30, {}};
    for (uint64_t i = 0; i < 30; ++i) {
      if (ParseLeaf(shown.leaves()[i])->kind != EntryKind::kKeyChange) continue;
      history.key_changes->changes.push_back(
          {i, shown.leaves()[i], InclusionProof(i, 30, shown).value()});
    }
    history.proofs = {{20, 30, std::nullopt, ConsistencyProof(20, 30, shown).value()}};
    return VerifyHead(input, PinOf(1), history);
  };
  for (const bool thief_first : {true, false}) {
    const std::string dir = temp.File(thief_first ? "thief" : "owner");
    ASSERT_OK_AND_ASSIGN(const TrustStore store, TrustStore::Open(dir));
    ASSERT_OK(store.SaveKeyChanges(PinOf(1), {{10, log.leaves()[10], {}}}));
    ASSERT_OK(store.Save(PinOf(1), CheckpointBy(2, log, 20)));
    const Verdict first = thief_first ? look(store, stolen, 9) : look(store, log, 2);
    EXPECT_EQ(first.outcome, Outcome::kVerified) << All(first.reasons);
    const Verdict second = thief_first ? look(store, log, 2) : look(store, stolen, 9);
    EXPECT_EQ(second.outcome, Outcome::kRefused) << All(second.reasons);
  }
}

// An old log and the one that goes on from it.
class SuccessorTest : public ::testing::Test {
 protected:
  SuccessorTest() { old_log.AddEvents(9); }
  // The new log's export, its genesis naming `note`.
  void MakeSuccessor(const std::string& note) {
    std::filesystem::remove_all(temp.File("new"));
    TestLog::Options options;
    options.origin = "ledger.test/clinic-2";
    options.key = 5;
    TestLog model(options);
    Genesis genesis = model.GenesisOf();
    genesis.predecessor_checkpoint = note;
    next = std::make_unique<TestLog>(TestLog::Empty(options));
    next->AddSystem(EntryKind::kGenesis, EncodeGenesis(genesis).value());
    next->AddEvents(4);
    ExportLog(*next, temp.File("new"));
  }
  Verdict Check(const History& history = {}) {
    std::filesystem::remove_all(temp.File("old"));
    ExportLog(old_log, temp.File("old"));
    const Pin pin = MakePin(next->origin(), next->verifier().ToVkey()).value();
    LogInput input;
    input.dir = temp.File("new");
    Verdict verdict = VerifyLog(input, pin, History());
    CheckPredecessor(temp.File("new"), pin, {temp.File("old"), old_log.verifier().ToVkey()},
                     history, verdict);
    return verdict;
  }
  void Freeze(uint64_t confirmed, const std::string& successor) {
    auditledger::Freeze freeze;
    freeze.confirmed_size = confirmed;
    freeze.successor_origin = successor;
    old_log.AddSystem(EntryKind::kFreeze, EncodeFreeze(freeze).value());
  }
  TestLog old_log;
  std::unique_ptr<TestLog> next;
  TempDir temp;
};

TEST_F(SuccessorTest, OfAFrozenLogBeginsWhereThatEnded) {
  Freeze(8, "ledger.test/clinic-2");
  MakeSuccessor(old_log.CheckpointAt(11));
  const Verdict verdict = Check();
  EXPECT_EQ(verdict.outcome, Outcome::kVerified) << All(verdict.reasons);
  EXPECT_THAT(All(verdict.proven), HasSubstr("is the predecessor's last"));
  EXPECT_THAT(All(verdict.proven), HasSubstr("entries 8 to 9 came after the last head that"));
  EXPECT_THAT(All(verdict.not_proven), Not(HasSubstr("NOT CARRIED OVER")));
  EXPECT_THAT(All(verdict.not_proven), HasSubstr("its own key alone"));
}

TEST_F(SuccessorTest, OfALogThatWasGivenUpSaysWhatItLeavesOut) {
  MakeSuccessor(old_log.CheckpointAt(7));
  const Verdict verdict = Check();
  EXPECT_EQ(verdict.outcome, Outcome::kVerified) << All(verdict.reasons);
  EXPECT_THAT(All(verdict.not_proven),
              HasSubstr("entries 7 to 9 of the predecessor (3): NOT CARRIED OVER"));
  EXPECT_THAT(All(verdict.not_proven), HasSubstr("no freeze"));
}

TEST_F(SuccessorTest, APredecessorThatWasSeenLongerIsNotCutShort) {
  ASSERT_OK_AND_ASSIGN(const TrustStore store, TrustStore::Open(temp.File("trust")));
  History history;
  history.store = &store;
  TestLog whole;
  whole.AddEvents(99);
  ASSERT_OK(store.Save(MakePin(whole.origin(), whole.verifier().ToVkey()).value(),
                       whole.CheckpointAt(100)));
  MakeSuccessor(old_log.CheckpointAt(10));
  const Verdict verdict = Check(history);
  EXPECT_EQ(verdict.outcome, Outcome::kRefused);
  EXPECT_THAT(All(verdict.reasons), HasSubstr("ROLLBACK: this head has size 10"));
  old_log.AddEvents(90);
  EXPECT_EQ(Check(history).outcome, Outcome::kVerified);
}

TEST_F(SuccessorTest, ThatDoesNotFitIsRefused) {
  Freeze(0, "ledger.test/elsewhere");
  MakeSuccessor(old_log.CheckpointAt(11));
  Verdict verdict = Check();
  EXPECT_EQ(verdict.outcome, Outcome::kRefused);
  EXPECT_THAT(All(verdict.reasons), HasSubstr("names another successor"));
  old_log.AddEvents(1);
  verdict = Check();
  EXPECT_EQ(verdict.outcome, Outcome::kRefused) << "an entry behind the freeze";
  EXPECT_THAT(All(verdict.reasons), HasSubstr("stands behind a freeze"));

  TestLog fork;
  fork.AddEvents(8);
  fork.AddEvent(TestEvent(99));
  old_log = TestLog();
  old_log.AddEvents(9);
  MakeSuccessor(fork.CheckpointAt(10));  // of the size of the true one
  verdict = Check();
  EXPECT_EQ(verdict.outcome, Outcome::kRefused);
  EXPECT_THAT(All(verdict.reasons), HasSubstr("FORK"));
  MakeSuccessor("");
  EXPECT_THAT(All(Check().reasons), HasSubstr("names no predecessor"));
}

TEST_F(SuccessorTest, AFreezeThatNamesAnotherKeyIsRefused) {
  auditledger::Freeze freeze;
  freeze.successor_origin = "ledger.test/clinic-2";
  freeze.successor_key_hash = LogKeyHash(kNoteEd25519, TestPublicKey(6));
  old_log.AddSystem(EntryKind::kFreeze, EncodeFreeze(freeze).value());
  MakeSuccessor(old_log.CheckpointAt(11));
  EXPECT_EQ(Check().outcome, Outcome::kRefused);
  EXPECT_THAT(All(Check().reasons), HasSubstr("names another key of its successor"));
}

TEST_F(SuccessorTest, OfAFreezeThatNamesNobodyTheChoiceIsNotProven) {
  Freeze(8, "");
  MakeSuccessor(old_log.CheckpointAt(11));
  const Verdict verdict = Check();
  EXPECT_EQ(verdict.outcome, Outcome::kVerified) << All(verdict.reasons);
  EXPECT_THAT(All(verdict.not_proven), HasSubstr("its freeze names nobody"));
}

TEST_F(SuccessorTest, AHeadBeyondThePredecessorsExportCannotBeTold) {
  TestLog longer;
  longer.AddEvents(12);
  MakeSuccessor(longer.CheckpointAt(12));
  const Verdict verdict = Check();
  EXPECT_EQ(verdict.outcome, Outcome::kCannotTell);
  EXPECT_THAT(All(verdict.reasons), HasSubstr("names a head of size 12, and the predecessor's "
                                              "export ends at 10"));
}

TEST_F(SuccessorTest, AHeadOfAStrangersIsNotThePredecessors) {
  TestLog::Options options;
  options.key = 6;
  TestLog stranger(options);
  stranger.AddEvents(9);
  MakeSuccessor(stranger.CheckpointAt(10));
  const Verdict verdict = Check();
  EXPECT_EQ(verdict.outcome, Outcome::kRefused);
  EXPECT_THAT(All(verdict.reasons), HasSubstr("the predecessor's head that the genesis names: "));
  EXPECT_THAT(All(verdict.proven), Not(HasSubstr("are the past of this log")));
}

// What is missing is said, and nothing is concluded from it.
TEST_F(SuccessorTest, WhatIsNotThereCannotBeTold) {
  MakeSuccessor(old_log.CheckpointAt(10));
  ASSERT_EQ(Check().outcome, Outcome::kVerified);
  const Pin pin = MakePin(next->origin(), next->verifier().ToVkey()).value();
  const auto check = [&](const std::string& fresh, const PredecessorInput& old) {
    Verdict verdict = Verdict::About("log", pin);
    CheckPredecessor(temp.File(fresh), pin, old, History(), verdict);
    EXPECT_THAT(All(verdict.proven), Not(HasSubstr("past of this log")));
    return verdict;
  };
  const std::string vkey = old_log.verifier().ToVkey();
  Verdict verdict = check("none", {temp.File("old"), vkey});
  EXPECT_EQ(verdict.outcome, Outcome::kCannotTell);
  EXPECT_THAT(All(verdict.reasons), HasSubstr("none/checkpoint: open: "));
  verdict = check("new", {temp.File("none"), vkey});
  EXPECT_EQ(verdict.outcome, Outcome::kCannotTell);
  EXPECT_THAT(All(verdict.reasons), HasSubstr("the predecessor's export: "));
  verdict = check("new", {temp.File("old"), next->verifier().ToVkey()});
  EXPECT_EQ(verdict.outcome, Outcome::kCannotTell);
  EXPECT_THAT(All(verdict.reasons), HasSubstr("--predecessor-key: pin: the key is named"));
  std::filesystem::remove(temp.File("old/tile/entries/000.p/10"));
  verdict = check("new", {temp.File("old"), vkey});
  EXPECT_EQ(verdict.outcome, Outcome::kCannotTell);
  EXPECT_THAT(All(verdict.reasons), HasSubstr("the predecessor: "));
}

TEST_F(RotatedTest, AnyOfThePinnedKeysMayBeOneOfTheLogs) {
  const std::vector<LoggedKeyChange> changes = {{10, log.leaves()[10], {}}};
  Pin pin = PinOf(7);
  EXPECT_THAT(ChainOf(pin, changes), StatusIs(absl::StatusCode::kFailedPrecondition));
  pin.other_keys = {PinOf(2).key};
  EXPECT_OK(ChainOf(pin, changes));
}

TEST_F(RotatedTest, OfALogThatIsRefusedNoChangeIsSaidToBeProven) {
  log.AddSystem(EntryKind::kClock, "no clock step");
  Export(temp.File("export"), log.size(), 2);
  const Verdict verdict = Log(temp.File("export"), History());
  EXPECT_EQ(verdict.outcome, Outcome::kRefused);
  EXPECT_THAT(All(verdict.proven), Not(HasSubstr("key was changed")));
}

// Given for this head, remembered, or shown by an export: each change once, in order, and those
// beyond the head not at all.
TEST_F(RotatedTest, ChangesFromSeveralPlacesAreJoined) {
  log.AddSystem(EntryKind::kKeyChange, KeyChangeBody(log.origin(), 2, 3));  // at 20
  log.AddEvents(4);
  Export(temp.File("export"), 25, 3);
  const LoggedKeyChange first{10, log.leaves()[10], {}};
  const auto join = [&](std::vector<LoggedKeyChange> remembered, uint64_t size) {
    return JoinChanges(std::move(remembered), std::nullopt, temp.File("export"), PinOf(1), size)
        .value();
  };
  const auto indexes = [](const std::vector<LoggedKeyChange>& changes) {
    std::vector<uint64_t> out;
    for (const LoggedKeyChange& change : changes) out.push_back(change.index);
    return out;
  };
  using Indexes = std::vector<uint64_t>;
  EXPECT_EQ(indexes(join({}, 25).changes), (Indexes{10, 20}));
  EXPECT_EQ(indexes(join({first}, 25).changes), (Indexes{10, 20}));
  EXPECT_EQ(indexes(join({first}, 25).unproven), (Indexes{20}));
  EXPECT_EQ(indexes(join({}, 20).changes), (Indexes{10}));
  EXPECT_TRUE(join({}, 10).changes.empty());
  KeyChangeList given = ListAt(25);
  given.changes.push_back({20, log.leaves()[20], InclusionProof(20, 25, log).value()});
  EXPECT_EQ(indexes(JoinChanges({}, given, temp.File("export"), PinOf(1), 25)->unproven),
            (Indexes{10, 20}));
  given.changes.push_back({25, log.leaves()[20], {}});
  EXPECT_EQ(indexes(JoinChanges({}, given, "", PinOf(1), 25)->changes), (Indexes{10, 20}));
  // Tiles that are gone prove nothing; leaves that are gone name no change.
  std::filesystem::remove_all(temp.File("export/tile/0"));
  EXPECT_TRUE(join({}, 25).changes.empty());
  std::filesystem::remove_all(temp.File("export/tile"));
  EXPECT_TRUE(join({}, 25).changes.empty());
}

}  // namespace
}  // namespace auditledger::testing
