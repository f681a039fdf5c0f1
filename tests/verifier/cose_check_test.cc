#include "verifier/cose_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "merkle/proof.h"
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
  EXPECT_EQ(verdict.head->root, log_.RootAt(10));
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("entry 4 (event")));
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

TEST_F(CoseCheckTest, UnderAPolicyItCannotTell) {
  pin_.policy = Policy::Parse("log " + log_.verifier().ToVkey() + "\nquorum none\n").value();
  const Verdict verdict = VerifyCose(Input(4), pin_);
  EXPECT_EQ(verdict.ExitCode(), 2);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("no cosignatures")));
}

}  // namespace
}  // namespace auditledger
