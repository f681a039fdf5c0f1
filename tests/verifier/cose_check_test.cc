#include "verifier/cose_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "merkle/proof.h"
#include "merkle/tlog_proof.h"
#include "tests/testing/test_log.h"
#include "verifier/pins.h"

namespace auditledger {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using testing::TestLog;
using testing::TestSignature;

class CoseCheckTest : public ::testing::Test {
 protected:
  CoseCheckTest() : pin_{log_.origin(), log_.verifier()} { log_.AddEvents(9); }

  CoseInput Input(uint64_t index) {
    CoseReceipt receipt = NewCoseReceipt(log_.verifier());
    receipt.size = log_.size();
    receipt.index = index;
    receipt.path = InclusionProof(index, receipt.size, log_).value();
    receipt.signature =
        TestSignature(1, CoseSignedBytes(log_.verifier(), log_.RootAt(receipt.size)));
    CoseInput input;
    input.receipt = EncodeCoseReceipt(receipt).value();
    input.leaf = log_.leaves()[index];
    return input;
  }

  TestLog log_;
  Pin pin_;
};

TEST_F(CoseCheckTest, AnEntryIsVerifiedByItsLeaf) {
  const Verdict verdict = VerifyCose(Input(4), pin_);
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("this entry (event")));
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("a COSE receipt does not tell")));
}

// RFC 9942 signs the root alone: whoever hands the receipt on can name another place and size.
TEST_F(CoseCheckTest, IndexAndSizeAreProvenByACheckpointAlone) {
  // Three entries in a tree of four: the same path, the same root, said to be of a tree of three.
  TestLog log;
  log.AddEvents(3);
  CoseReceipt receipt = NewCoseReceipt(log.verifier());
  receipt.size = 4;
  receipt.index = 1;
  receipt.path = InclusionProof(1, 4, log).value();
  receipt.signature = TestSignature(1, CoseSignedBytes(log.verifier(), log.RootAt(4)));
  CoseInput input;
  input.leaf = log.leaves()[1];
  for (const uint64_t size : {3, 4}) {
    receipt.size = size;
    input.receipt = EncodeCoseReceipt(receipt).value();
    input.checkpoint.reset();
    Verdict verdict = VerifyCose(input, pin_);
    EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
    EXPECT_FALSE(verdict.head.has_value()) << "nobody has signed that size";
    EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("number 1 of a log of")));
    input.checkpoint = log.CheckpointAt(4);
    verdict = VerifyCose(input, pin_);
    EXPECT_EQ(verdict.ExitCode(), size == 4 ? kExitUnwitnessed : 2) << VerdictText(verdict);
    EXPECT_EQ(verdict.head.has_value(), size == 4);
  }
  input.checkpoint = "nonsense";
  EXPECT_EQ(VerifyCose(input, pin_).ExitCode(), 2);
}

TEST_F(CoseCheckTest, AnEventIsVerifiedByTheReceiptThatOpensIt) {
  CoseInput input = Input(4);
  input.leaf.reset();
  input.tlog_proof = log_.ReceiptFor(4, 7);
  input.event = log_.openings()[4]->event;
  const Verdict verdict = VerifyCose(input, pin_);
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("to the byte")));
  input.event = log_.openings()[5]->event;
  EXPECT_EQ(VerifyCose(input, pin_).ExitCode(), 1);
}

// Nor does it hold the changes of the key: whoever stole a retired one signs roots like the log.
TEST_F(CoseCheckTest, AReceiptByARetiredKeyIsBelievedAndTheVerdictSaysSo) {
  TestLog fork;
  fork.AddEvents(3);
  fork.AddEvent(testing::TestEvent(99));
  std::swap(log_, fork);
  const Verdict verdict = VerifyCose(Input(4), pin_);
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("that the key was not retired")));
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("consistency with heads seen earlier")));
}

TEST_F(CoseCheckTest, AnotherLeafIsRefused) {
  CoseInput input = Input(4);
  input.leaf = log_.leaves()[5];
  EXPECT_EQ(VerifyCose(input, pin_).ExitCode(), 1);
}

TEST_F(CoseCheckTest, AnotherLogsPinIsRefused) {
  TestLog::Options options;
  options.origin = "ledger.test/other";
  const TestLog other(options);
  const Verdict verdict = VerifyCose(Input(4), Pin{other.origin(), other.verifier()});
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("issuer")));
}

TEST_F(CoseCheckTest, WithoutALeafOrWithRubbishItCannotTell) {
  CoseInput input = Input(4);
  input.leaf.reset();
  EXPECT_EQ(VerifyCose(input, pin_).ExitCode(), 2);
  input = Input(4);
  input.receipt = "rubbish";
  EXPECT_EQ(VerifyCose(input, pin_).ExitCode(), 2);
}

TEST_F(CoseCheckTest, AReceiptWithoutALeafDoesNotCarryTheEntry) {
  CoseInput input = Input(4);
  input.leaf.reset();
  TlogProof proof = ParseTlogProof(log_.ReceiptFor(4, 7)).value();
  proof.extra.reset();
  input.tlog_proof = FormatTlogProof(proof);
  const Verdict verdict = VerifyCose(input, pin_);
  EXPECT_EQ(verdict.ExitCode(), 2);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("carries no leaf")));
}

TEST_F(CoseCheckTest, AnyOfThePinnedKeysMayHaveSigned) {
  const CoseInput input = Input(4);
  const NoteVerifier other =
      NoteVerifier::FromEd25519(log_.origin(), testing::TestPublicKey(2)).value();
  pin_.other_keys = {other};
  EXPECT_EQ(VerifyCose(input, pin_).vkey, log_.verifier().ToVkey());
  pin_ = Pin{log_.origin(), other};
  pin_.other_keys = {log_.verifier()};
  const Verdict verdict = VerifyCose(input, pin_);
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_EQ(verdict.vkey, log_.verifier().ToVkey());
  pin_.other_keys.clear();
  EXPECT_EQ(VerifyCose(input, pin_).ExitCode(), 1);
}

TEST_F(CoseCheckTest, ACheckpointOfAnotherRootIsNotTheReceipts) {
  CoseInput input = Input(4);
  input.checkpoint = log_.CheckpointSaying(log_.size(), LeafHash("another history"));
  const Verdict verdict = VerifyCose(input, pin_);
  EXPECT_EQ(verdict.ExitCode(), 2);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("is not that of the receipt")));
}

TEST_F(CoseCheckTest, AnEntryThatBreaksItsKindsRulesIsRefused) {
  const uint64_t index = log_.AddSystem(EntryKind::kClock, "no clock step");
  const Verdict verdict = VerifyCose(Input(index), pin_);
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("entry 10: clock")));
}

TEST_F(CoseCheckTest, UnderAPolicyItCannotTell) {
  pin_.policy = Policy::Parse("log " + log_.verifier().ToVkey() + "\nquorum none\n").value();
  const Verdict verdict = VerifyCose(Input(4), pin_);
  EXPECT_EQ(verdict.ExitCode(), 2);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("no cosignatures")));
}

}  // namespace
}  // namespace auditledger
