// Covers: verifier/pins, verifier/verdict
#include "verifier/verify.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "merkle/base64.h"
#include "merkle/status_macros.h"
#include "merkle/tlog_proof.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"
#include "verifier/evidence_report.h"

namespace auditledger {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ReadFile;
using testing::TempDir;
using testing::TestEvent;
using testing::TestLog;

class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() : pin_{log_.origin(), log_.verifier()} {
    log_.AddEvents(40);
    store_.emplace(TrustStore::Open(dir_.File("trust")).value());
    history_.store = &*store_;
  }

  ReceiptInput Receipt(uint64_t index, uint64_t size) {
    ReceiptInput input;
    input.receipt = log_.ReceiptFor(index, size);
    if (log_.openings()[index]) input.event = log_.openings()[index]->event;
    return input;
  }
  Verdict Head(const std::string& text) { return VerifyHead({text, std::nullopt}, pin_, history_); }
  uint64_t Remembered() { return store_->Load(pin_).value().value().checkpoint.size; }
  std::string StoreFile() {
    for (const auto& file : std::filesystem::directory_iterator(dir_.File("trust"))) {
      if (file.path().extension() == ".checkpoint") return file.path().string();
    }
    return "";
  }

  TestLog log_;
  const Pin pin_;
  TempDir dir_;
  std::optional<TrustStore> store_;
  History history_;
};

// The example of verify.h.
absl::Status Example(const std::string& vkey, const std::string& tlog_proof_file,
                     const std::string& canonical_event, const std::string& dir) {
  ASSIGN_OR_RETURN(const Pin pin, MakePin("ledger.test/clinic", vkey));
  ASSIGN_OR_RETURN(const TrustStore store, TrustStore::Open(dir));
  History history;
  history.store = &store;
  ReceiptInput input;
  input.receipt = tlog_proof_file;
  input.event = canonical_event;
  const Verdict verdict = VerifyReceipt(input, pin, history);
  if (verdict.outcome != Outcome::kVerified) return absl::InternalError(VerdictText(verdict));
  return absl::OkStatus();
}

TEST_F(VerifyTest, TheHeadersExampleRuns) {
  EXPECT_OK(
      Example(log_.verifier().ToVkey(), log_.ReceiptFor(7, 40), TestEvent(7), dir_.File("other")));
}

TEST_F(VerifyTest, AReceiptWithItsEventSaysWhatItProvesAndWhatNot) {
  ReceiptInput input = Receipt(7, 40);
  input.index_key = log_.index_key();
  const Verdict verdict = VerifyReceipt(input, pin_, history_);
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.proven,
              Contains(HasSubstr("entry 7 (event, recorded 2023-11-14T22:13:20.007")));
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("to the byte, what the entry commits to")));
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("tags are exactly")));
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("no witness policy given")));
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("who sent the event")));
  EXPECT_EQ(verdict.head->size, 40u);
}

TEST_F(VerifyTest, AnEmittersSignatureIsChecked) {
  const uint64_t index = log_.AddSignedEvent(TestEvent(41), 9);
  const Verdict verdict = VerifyReceipt(Receipt(index, log_.size()), pin_, history_);
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("emitter key named in the header signed")));
}

TEST_F(VerifyTest, AnotherEventIsRefused) {
  ReceiptInput input = Receipt(7, 40);
  input.event = TestEvent(8);
  EXPECT_EQ(VerifyReceipt(input, pin_, history_).ExitCode(), 1);
}

TEST_F(VerifyTest, AnotherIndexKeyIsRefused) {
  ReceiptInput input = Receipt(7, 40);
  input.index_key = std::string(32, 'x');
  EXPECT_EQ(VerifyReceipt(input, pin_, history_).ExitCode(), 1);
}

TEST_F(VerifyTest, AnEventNotInCanonicalFormCannotBeTold) {
  ReceiptInput input = Receipt(7, 40);
  input.event = *input.event + TestEvent(7);
  EXPECT_EQ(VerifyReceipt(input, pin_, history_).ExitCode(), 2);
}

TEST_F(VerifyTest, AReceiptWithoutOpeningProvesTheEntryButNoEvent) {
  ReceiptInput input;
  input.receipt = log_.ReceiptFor(7, 40, false);
  EXPECT_EQ(VerifyReceipt(input, pin_, history_).ExitCode(), kExitUnwitnessed);
  input.event = TestEvent(7);
  EXPECT_EQ(VerifyReceipt(input, pin_, history_).ExitCode(), 2);
}

TEST_F(VerifyTest, NoFlippedByteOfAReceiptIsVerified) {
  const ReceiptInput input = Receipt(7, 40);
  for (size_t i = 0; i < input.receipt.size(); ++i) {
    ReceiptInput flipped = input;
    flipped.receipt[i] ^= 1;
    EXPECT_NE(VerifyReceipt(flipped, pin_, History()).ExitCode(), kExitUnwitnessed) << "byte " << i;
  }
  for (size_t size = 0; size < input.receipt.size(); ++size) {
    ReceiptInput cut = input;
    cut.receipt.resize(size);
    EXPECT_NE(VerifyReceipt(cut, pin_, History()).ExitCode(), kExitUnwitnessed)
        << "cut to " << size;
  }
}

TEST_F(VerifyTest, NoFlippedByteOfAnEventIsVerified) {
  const ReceiptInput input = Receipt(7, 40);
  for (size_t i = 0; i < input.event->size(); ++i) {
    ReceiptInput flipped = input;
    (*flipped.event)[i] ^= 1;
    EXPECT_NE(VerifyReceipt(flipped, pin_, History()).ExitCode(), kExitUnwitnessed) << "byte " << i;
  }
}

TEST_F(VerifyTest, AForeignOriginOrKeyIsRefused) {
  const Pin other_key = MakePin(log_.origin(), TestLog({.key = 2}).verifier().ToVkey()).value();
  EXPECT_EQ(VerifyReceipt(Receipt(7, 40), other_key, history_).ExitCode(), 1);
  TestLog other({.origin = "ledger.test/other"});
  const Pin other_origin{other.origin(), other.verifier()};
  EXPECT_EQ(VerifyReceipt(Receipt(7, 40), other_origin, history_).ExitCode(), 1);
  EXPECT_FALSE(MakePin("ledger.test/other", log_.verifier().ToVkey()).ok());
}

TEST_F(VerifyTest, AHeadOfAnotherOriginUnderThePinnedKeyIsRefused) {
  const std::string text = absl::StrReplaceAll(log_.CheckpointAt(40).substr(0, 80),
                                               {{"ledger.test/clinic", "ledger.test/clinix"}});
  const std::string note = log_.Sign(text.substr(0, text.find("\n\n") + 1));
  EXPECT_EQ(Head(note).ExitCode(), 1);
}

TEST_F(VerifyTest, SignatureLinesOfOthersAreIgnored) {
  const TestLog other({.origin = "witness.test", .key = 5});
  const std::string note = log_.CheckpointAt(40);
  const std::string foreign = other.Sign(note.substr(0, note.find("\n\n") + 1));
  const std::string both = note + foreign.substr(foreign.find("\n\n") + 2);
  EXPECT_EQ(Head(both).ExitCode(), kExitUnwitnessed);
}

TEST_F(VerifyTest, ALargerHeadNeedsAProof) {
  EXPECT_EQ(Head(log_.CheckpointAt(10)).ExitCode(), kExitUnwitnessed);
  const Verdict bare = Head(log_.CheckpointAt(30));
  EXPECT_EQ(bare.ExitCode(), 2);
  EXPECT_EQ(Remembered(), 10u);
  EXPECT_EQ(Head(log_.UpdateFrom(10, 30)).ExitCode(), kExitUnwitnessed);
  EXPECT_EQ(Remembered(), 30u);
  EXPECT_EQ(Head(log_.CheckpointAt(30)).ExitCode(), kExitUnwitnessed) << "the same head again";
}

TEST_F(VerifyTest, ASmallerHeadIsARollback) {
  EXPECT_EQ(Head(log_.CheckpointAt(30)).ExitCode(), kExitUnwitnessed);
  const Verdict verdict = Head(log_.CheckpointAt(10));
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("ROLLBACK")));
  EXPECT_EQ(Remembered(), 30u);
}

TEST_F(VerifyTest, AForkIsRefusedAndBothHeadsAreKeptForAThirdParty) {
  TestLog fork;  // the same key, another history
  fork.AddEvents(20);
  fork.AddEvent(TestEvent(999));
  fork.AddEvents(20);
  EXPECT_EQ(Head(log_.CheckpointAt(30)).ExitCode(), kExitUnwitnessed);
  const Verdict verdict = Head(fork.CheckpointAt(30));
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("FORK")));
  ASSERT_EQ(verdict.evidence.size(), 1u);
  const EvidenceReport third_party = JudgeEvidence(ReadFile(verdict.evidence[0]), pin_);
  EXPECT_EQ(third_party.verdict.ExitCode(), 1);
  EXPECT_THAT(third_party.verdict.reasons, Contains(HasSubstr("FORK")));
  EXPECT_EQ(third_party.kind, "fork");
  EXPECT_EQ(Head(fork.CheckpointAt(30)).evidence, verdict.evidence) << "written once";

  // A proof of the fork's own does not join it to what was seen.
  const Verdict proven = Head(fork.UpdateFrom(30, 40));
  EXPECT_EQ(proven.ExitCode(), 1);
  EXPECT_EQ(Remembered(), 30u);
}

TEST_F(VerifyTest, AReceiptWhoseHeadNothingLinksToTheLastOneSeenCannotBeTold) {
  EXPECT_EQ(Head(log_.CheckpointAt(30)).ExitCode(), kExitUnwitnessed);
  // Who stole the key signs a private history of any size: it looks like an honest receipt.
  TestLog forged;
  forged.AddEvent(TestEvent(999));
  ReceiptInput forged_receipt;
  forged_receipt.receipt = forged.ReceiptFor(1, 2);
  for (const ReceiptInput& input : {forged_receipt, Receipt(7, 20), Receipt(7, 40)}) {
    const Verdict verdict = VerifyReceipt(input, pin_, history_);
    EXPECT_EQ(verdict.ExitCode(), 2) << VerdictText(verdict);
    EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("head of size 30 last seen")));
    EXPECT_THAT(verdict.reasons, Contains(AllOf(HasSubstr("--proof FILE"), HasSubstr("--log DIR"),
                                                HasSubstr("--no-trust-store"))));
  }
  EXPECT_THAT(VerifyReceipt(Receipt(7, 20), pin_, history_).reasons,
              Contains(HasSubstr("`auditctl prove-consistency 20 30`")));
  EXPECT_THAT(VerifyReceipt(Receipt(7, 40), pin_, history_).reasons,
              Contains(HasSubstr("`auditctl prove-consistency 30 40`")));
  EXPECT_EQ(VerifyReceipt(Receipt(7, 20), pin_, {}).ExitCode(), kExitUnwitnessed)
      << "alone, it is what it says";
  EXPECT_EQ(VerifyReceipt(Receipt(7, 30), pin_, history_).ExitCode(), kExitUnwitnessed)
      << "under the head seen";
  EXPECT_EQ(Remembered(), 30u);
}

TEST_F(VerifyTest, AProofLinksAReceiptInEitherDirectionAndNeverLowersTheStore) {
  EXPECT_EQ(Head(log_.CheckpointAt(30)).ExitCode(), kExitUnwitnessed);
  History linked = history_;
  linked.proofs = {ParseHeadProof(log_.UpdateFrom(20, 30)).value(),
                   ParseHeadProof(log_.UpdateFrom(30, 40)).value()};
  const Verdict older = VerifyReceipt(Receipt(7, 20), pin_, linked);
  EXPECT_EQ(older.ExitCode(), kExitUnwitnessed) << VerdictText(older);
  EXPECT_THAT(older.proven, Contains(HasSubstr("extends this receipt's")));
  EXPECT_EQ(Remembered(), 30u);
  EXPECT_EQ(VerifyReceipt(Receipt(7, 40), pin_, linked).ExitCode(), kExitUnwitnessed);
  EXPECT_EQ(Remembered(), 40u);
  const Verdict chained = VerifyReceipt(Receipt(7, 20), pin_, linked);
  EXPECT_EQ(chained.ExitCode(), kExitUnwitnessed) << "20 to 30 to 40: " << VerdictText(chained);
}

TEST_F(VerifyTest, ANewerReceiptAdvancesTheStoreThroughTheLog) {
  EXPECT_EQ(Head(log_.CheckpointAt(10)).ExitCode(), kExitUnwitnessed);
  testing::ExportLog(log_, dir_.File("export"), 41);  // beyond the receipt's head
  History with_log = history_;
  with_log.log_dir = dir_.File("export");
  EXPECT_EQ(VerifyReceipt(Receipt(7, 40), pin_, with_log).ExitCode(), kExitUnwitnessed);
  EXPECT_EQ(Remembered(), 40u);
  EXPECT_EQ(VerifyReceipt(Receipt(7, 20), pin_, with_log).ExitCode(), kExitUnwitnessed);
  EXPECT_EQ(Remembered(), 40u);
}

TEST_F(VerifyTest, AConflictsReceiptProvesTheRefusalAndNotTheEvent) {
  const uint64_t index = log_.AddConflict(7, TestEvent(77));
  ReceiptInput input = Receipt(index, log_.size());
  ASSERT_TRUE(input.event.has_value());
  const std::string words =
      "REFUSED by the ledger when it arrived: contradicts entry 7; this proves the refusal is "
      "recorded, not that the event was";
  const Verdict asked = VerifyReceipt(input, pin_, History());
  EXPECT_EQ(asked.ExitCode(), 2) << VerdictText(asked);
  EXPECT_THAT(asked.reasons, Contains(words));
  input.event = TestEvent(78);
  EXPECT_EQ(VerifyReceipt(input, pin_, History()).ExitCode(), 1) << "not even the refused event";
  input.event.reset();
  const Verdict bare = VerifyReceipt(input, pin_, History());
  EXPECT_EQ(bare.ExitCode(), kExitUnwitnessed);
  EXPECT_THAT(bare.proven, Contains(words));
}

TEST_F(VerifyTest, AnOpeningOfAKindFromTheFutureIsNotProvenAndNotRefused) {
  for (const uint8_t kind : {8, 42, 43, 44}) {
    TestLog log;
    auto [leaf, opening] = log.Seal(TestEvent(1), std::nullopt);
    leaf.kind = static_cast<EntryKind>(kind);
    leaf.tags.clear();
    if (leaf.kind == EntryKind::kOperator) leaf.body = EncodeOperatorAction({"what"}).value();
    log.AddLeaf(leaf, opening);
    ReceiptInput input;
    input.receipt = log.ReceiptFor(1, 2);
    const Verdict verdict = VerifyReceipt(input, pin_, {});
    EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
    EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("opening"))) << int{kind};
    input.event = TestEvent(1);
    EXPECT_EQ(VerifyReceipt(input, pin_, {}).ExitCode(), 2) << int{kind};
  }
}

TEST_F(VerifyTest, AReceiptFromAForkIsRefused) {
  TestLog fork;
  fork.AddEvent(TestEvent(999));
  fork.AddEvents(39);
  EXPECT_EQ(Head(log_.CheckpointAt(30)).ExitCode(), kExitUnwitnessed);
  ReceiptInput input;
  input.receipt = fork.ReceiptFor(5, 30);
  EXPECT_EQ(VerifyReceipt(input, pin_, history_).ExitCode(), 1);
  // Of another size, the tiles of the honest log show it.
  testing::ExportLog(log_, dir_.File("export"), 40);
  EXPECT_EQ(Head(log_.UpdateFrom(30, 40)).ExitCode(), kExitUnwitnessed);
  History with_log = history_;
  with_log.log_dir = dir_.File("export");
  input.receipt = fork.ReceiptFor(5, 20);
  const Verdict verdict = VerifyReceipt(input, pin_, with_log);
  EXPECT_EQ(verdict.ExitCode(), 1);
  ASSERT_EQ(verdict.evidence.size(), 1u);
  const EvidenceReport third_party = JudgeEvidence(ReadFile(verdict.evidence[0]), pin_);
  EXPECT_EQ(third_party.verdict.ExitCode(), 1) << EvidenceText(third_party);
  EXPECT_EQ(third_party.kind, "history");
}

TEST_F(VerifyTest, AForkOfAnEarlierHeadThatIsGivenIsKeptAsEvidenceToo) {
  TestLog fork;
  fork.AddEvent(TestEvent(999));
  fork.AddEvents(39);
  const Verdict verdict =
      VerifyHead({log_.CheckpointAt(30), fork.CheckpointAt(30)}, pin_, history_);
  EXPECT_EQ(verdict.ExitCode(), 1);
  ASSERT_EQ(verdict.evidence.size(), 1u);
  EXPECT_EQ(JudgeEvidence(ReadFile(verdict.evidence[0]), pin_).kind, "fork");
}

TEST_F(VerifyTest, AForkWhoseEvidenceCannotBeSavedIsPrintedWhole) {
  TestLog fork;
  fork.AddEvent(TestEvent(999));
  fork.AddEvents(39);
  EXPECT_EQ(Head(log_.CheckpointAt(30)).ExitCode(), kExitUnwitnessed);
  testing::WriteFile(history_.store->dir() + "/evidence", "not a folder");
  const Verdict verdict = Head(fork.CheckpointAt(30));
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.evidence, ::testing::IsEmpty());
  const std::string& reason = verdict.reasons.back();
  EXPECT_THAT(reason, HasSubstr("could not be saved"));
  const std::string text = reason.substr(reason.find("auditledger-evidence/v1"));
  EXPECT_EQ(JudgeEvidence(text, pin_).verdict.ExitCode(), 1) << text;
}

TEST_F(VerifyTest, ADamagedStoreCannotBeToldAndIsNotReplaced) {
  EXPECT_EQ(Head(log_.CheckpointAt(30)).ExitCode(), kExitUnwitnessed);
  std::string damaged = ReadFile(StoreFile());
  damaged[damaged.size() / 2] ^= 1;
  testing::WriteFile(StoreFile(), damaged);
  const Verdict verdict = Head(log_.CheckpointAt(30));
  EXPECT_EQ(verdict.ExitCode(), 2);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("trust forget")));
  EXPECT_EQ(ReadFile(StoreFile()), damaged);
  EXPECT_OK(store_->Forget(log_.origin()));
  EXPECT_EQ(Head(log_.CheckpointAt(30)).ExitCode(), kExitUnwitnessed);
}

TEST_F(VerifyTest, ConsistencyNeedsTheRightProof) {
  const auto proof_of = [](const std::string& text) { return ParseHeadProof(text).value(); };
  const auto check = [&](const std::optional<std::string>& proof) {
    ConsistencyInput input{log_.CheckpointAt(10), log_.CheckpointAt(30), {}};
    if (proof) input.proofs.push_back(proof_of(*proof));
    return VerifyTwoHeads(input, pin_).ExitCode();
  };
  EXPECT_EQ(check(log_.UpdateFrom(10, 30)), kExitUnwitnessed);
  EXPECT_EQ(check(std::nullopt), 2);
  EXPECT_EQ(check(log_.UpdateFrom(11, 30)), 2) << "a proof between other heads";
  CheckpointUpdate wrong = ParseCheckpointUpdate(log_.UpdateFrom(10, 30)).value();
  wrong.proof[0].bytes[0] ^= 1;
  EXPECT_EQ(check(FormatCheckpointUpdate(wrong)), 1);
  EXPECT_EQ(
      VerifyTwoHeads(
          {log_.CheckpointAt(30), log_.CheckpointAt(10), {proof_of(log_.UpdateFrom(10, 30))}}, pin_)
          .ExitCode(),
      2)
      << "the wrong way round";
}

TEST(Pins, AreReadStrictly) {
  const std::string a = TestLog().verifier().ToVkey();
  const std::string b = TestLog({.origin = "b.test"}).verifier().ToVkey();
  const auto pins = ParsePins("# mine\nledger.test/clinic " + a + "\n\nb.test " + b + "\n");
  ASSERT_OK(pins);
  EXPECT_EQ(pins->size(), 2u);
  EXPECT_FALSE(ParsePins("b.test " + a).ok());
  EXPECT_FALSE(ParsePins("b.test " + b + "\nb.test " + b).ok()) << "twice";
  EXPECT_OK(
      ParseIndexKey("auditledger-key/v1 index 1 " + EncodeBase64(std::string(32, 'k')) + "\n"));
  EXPECT_FALSE(
      ParseIndexKey("auditledger-key/v1 dedup 1 " + EncodeBase64(std::string(32, 'k')) + "\n")
          .ok());
}

TEST(VerdictTest, KeepsTheWorstOutcomeAndCountsReasonsBeyondTheLimit) {
  Verdict verdict = Verdict::About("log", Pin{"ledger.test/clinic", TestLog().verifier()});
  verdict.Refuse("first");
  for (size_t i = 0; i < kMaxReasons; ++i) verdict.CannotTell("more");
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_EQ(verdict.reasons.size(), kMaxReasons);
  EXPECT_EQ(verdict.reasons_left_out, 1u);
  EXPECT_THAT(VerdictText(verdict), Not(HasSubstr("VERIFIED")));
}

TEST(VerdictTest, ShowsNoListThatIsEmpty) {
  const Verdict verdict = Verdict::About("log", Pin{"ledger.test/clinic", TestLog().verifier()});
  for (const char* title : {"why it", "came into the log", "proven", "evidence kept in"}) {
    EXPECT_THAT(VerdictText(verdict), Not(HasSubstr(title)));
  }
}

}  // namespace
}  // namespace auditledger
