#include "api/witness_client.h"

#include <gmock/gmock.h>

#include <set>

#include "merkle/proof.h"
#include "tests/api/fake_witness.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;

// One witness, asked about a log of 20 entries.
class WitnessClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log_.AddEvents(30);
    witnesses_.Follow(log_.verifier());
    http_ = witnesses_.Transport()();
    Restart();
  }
  // A new process: what the client knew is gone.
  void Restart() {
    client_ = std::make_unique<WitnessClient>(
        PolicyWitness{"w1", witness().key(), "http://w1.test/"}, log_.origin(), *http_, clock_);
  }
  testing::FakeWitness& witness() { return witnesses_[0]; }
  PublishedHead HeadAt(uint64_t size) {
    return {{size, log_.RootAt(size), 0}, log_.CheckpointAt(size)};
  }
  WitnessReply Cosign(uint64_t size) {
    return client_->Cosign(HeadAt(size), [this](uint64_t old_size, uint64_t new_size) {
      ++proofs_;
      return ConsistencyProof(old_size, new_size, log_);
    });
  }
  void AnswerAlways(int status, const std::string& body = "no\n",
                    const std::string& type = "text/plain", uint64_t retry_after = 0) {
    witness().SetLie([=](const std::string&) {
      return std::optional<absl::StatusOr<HttpAnswer>>(HttpAnswer{status, type, body, retry_after});
    });
  }
  uint64_t Now() { return clock_.WallMicros() / 1'000'000; }

  testing::FakeClock clock_;
  testing::TestLog log_;
  testing::FakeWitnesses witnesses_{clock_, 1};
  std::unique_ptr<HttpTransport> http_;
  std::unique_ptr<WitnessClient> client_;
  int proofs_ = 0;
};

TEST_F(WitnessClientTest, AFirstHeadIsCosignedWithoutAProof) {
  const WitnessReply reply = Cosign(7);
  ASSERT_EQ(reply.outcome, WitnessOutcome::kCosigned) << reply.detail;
  EXPECT_EQ(reply.size, 7u);
  EXPECT_EQ(reply.timestamp, Now());
  EXPECT_EQ(proofs_, 0);
  const auto note = AddCosignatures(log_.CheckpointAt(7), reply.line, {witness().key()});
  ASSERT_OK(note);
  EXPECT_EQ(VerifyCosignatures(*note, {witness().key()})->size(), 1u);
}

TEST_F(WitnessClientTest, OnlyTheLineOfThePinnedKeyIsTaken) {
  const testing::FakeWitness other("witness.test/2", 102, clock_);
  const std::string text = ParseNote(log_.CheckpointAt(7))->text;
  const std::string own = witness().Line(text, Now());
  for (const std::string& more : {other.Line("another head\n", Now()), other.Line(text, 1),
                                  witness().Line("another head\n", Now())}) {
    AnswerAlways(200, own + more);
    const WitnessReply reply = Cosign(7);
    ASSERT_EQ(reply.outcome, WitnessOutcome::kCosigned) << reply.detail;
    EXPECT_EQ(reply.line, own);
  }
}

TEST_F(WitnessClientTest, WhatTheWitnessHasIsLearntFromItsConflict) {
  ASSERT_EQ(Cosign(7).outcome, WitnessOutcome::kCosigned);
  ASSERT_EQ(Cosign(9).outcome, WitnessOutcome::kCosigned);
  EXPECT_EQ(witness().requests(), 2) << "it is known by now";
  Restart();
  ASSERT_EQ(Cosign(20).outcome, WitnessOutcome::kCosigned);
  EXPECT_EQ(witness().requests(), 4) << "old 0, 409, then from 9 on";
  EXPECT_EQ(Cosign(20).outcome, WitnessOutcome::kCosigned) << "the same again, for a fresh time";
}

TEST_F(WitnessClientTest, AWitnessThatIsAskedByOthersTooIsFollowed) {
  ASSERT_EQ(Cosign(7).outcome, WitnessOutcome::kCosigned);
  WitnessClient other({"w1", witness().key(), "http://w1.test"}, log_.origin(), *http_, clock_);
  ASSERT_EQ(other
                .Cosign(HeadAt(12),
                        [this](uint64_t a, uint64_t b) { return ConsistencyProof(a, b, log_); })
                .outcome,
            WitnessOutcome::kCosigned);
  EXPECT_EQ(Cosign(15).outcome, WitnessOutcome::kCosigned);
}

TEST_F(WitnessClientTest, AWitnessThatIsAheadIsReportedAndAskedAfresh) {
  ASSERT_EQ(Cosign(15).outcome, WitnessOutcome::kCosigned);
  const WitnessReply reply = Cosign(7);
  EXPECT_EQ(reply.outcome, WitnessOutcome::kAhead);
  EXPECT_EQ(reply.size, 15u);
  EXPECT_EQ(Cosign(7).size, 15u);
  EXPECT_EQ(Cosign(16).outcome, WitnessOutcome::kCosigned);
}

TEST_F(WitnessClientTest, AWitnessThatForgotIsNamed) {
  ASSERT_EQ(Cosign(15).outcome, WitnessOutcome::kCosigned);
  witness().Forget();
  const WitnessReply reply = Cosign(20);
  EXPECT_EQ(reply.outcome, WitnessOutcome::kCosigned);
  EXPECT_TRUE(reply.forgot);
  EXPECT_FALSE(Cosign(21).forgot);
}

TEST_F(WitnessClientTest, EveryStatusHasItsOutcome) {
  const std::vector<std::pair<int, WitnessOutcome>> all = {
      {400, WitnessOutcome::kRejected},   {403, WitnessOutcome::kUntrusted},
      {404, WitnessOutcome::kUnknownLog}, {413, WitnessOutcome::kRejected},
      {422, WitnessOutcome::kForked},     {429, WitnessOutcome::kBusy},
      {500, WitnessOutcome::kBusy},       {503, WitnessOutcome::kBusy},
      {301, WitnessOutcome::kBadAnswer},  {204, WitnessOutcome::kBadAnswer},
      {418, WitnessOutcome::kBadAnswer}};
  for (const auto& [status, outcome] : all) {
    AnswerAlways(status, "no\n", "text/plain", 7);
    const WitnessReply reply = Cosign(7);
    EXPECT_EQ(reply.outcome, outcome) << status;
    EXPECT_EQ(reply.retry_after_seconds, 7u);
    EXPECT_THAT(reply.detail, HasSubstr(std::to_string(status)));
    EXPECT_TRUE(reply.line.empty());
  }
}

TEST_F(WitnessClientTest, ConflictsThatMakeNoSenseAreBadAnswers) {
  const std::string type(kWitnessSizeType);
  for (const char* body : {"", "7", "07\n", "-1\n", "7\n8\n", "9223372036854775808\n", "<p>\n"}) {
    AnswerAlways(409, body, type);
    EXPECT_EQ(Cosign(7).outcome, WitnessOutcome::kBadAnswer) << body;
  }
  AnswerAlways(409, "3\n", "text/html");
  EXPECT_EQ(Cosign(7).outcome, WitnessOutcome::kBadAnswer);
  AnswerAlways(409, "0\n", type);
  EXPECT_EQ(Cosign(7).outcome, WitnessOutcome::kBadAnswer) << "0 was offered";
  AnswerAlways(409, "3\n", type + "; charset=utf-8");
  EXPECT_EQ(Cosign(7).outcome, WitnessOutcome::kBadAnswer) << "and again 3 when 3 is offered";
  AnswerAlways(409, "7\n", type);
  EXPECT_EQ(Cosign(7).outcome, WitnessOutcome::kForked)
      << "tlog-witness 1.0.0: another root at its own size";
}

TEST_F(WitnessClientTest, ASizeThatNeverStandsStillEndsTheCall) {
  uint64_t size = 1;
  witness().SetLie([&](const std::string&) {
    size = size == 1 ? 2 : 1;
    return std::optional<absl::StatusOr<HttpAnswer>>(
        HttpAnswer{409, std::string(kWitnessSizeType), FormatWitnessSize(size)});
  });
  EXPECT_EQ(Cosign(7).outcome, WitnessOutcome::kConflict);
  EXPECT_EQ(witness().requests(), kMaxConflicts + 1);
}

TEST_F(WitnessClientTest, OnlyThePinnedKeyOverThisHeadCounts) {
  const std::string text = FormatCheckpoint({log_.origin(), 7, log_.RootAt(7), {}});
  const std::string other = FormatCheckpoint({log_.origin(), 6, log_.RootAt(6), {}});
  testing::FakeWitness stranger("witness.test/1", 55, clock_);
  testing::FakeWitness renamed("witness.test/2", 101, clock_);
  for (const std::string& body :
       {stranger.Line(text, Now()), renamed.Line(text, Now()), witness().Line(other, Now()),
        std::string(), std::string("\n"), witness().Line(text, Now()) + "\n",
        "x\n\n" + witness().Line(text, Now()), std::string(1000, 'x')}) {
    AnswerAlways(200, body);
    const WitnessReply reply = Cosign(7);
    EXPECT_EQ(reply.outcome, WitnessOutcome::kBadAnswer) << body;
    EXPECT_TRUE(reply.line.empty());
  }
  AnswerAlways(200, stranger.Line(text, Now()) + witness().Line(text, Now()));
  EXPECT_EQ(Cosign(7).outcome, WitnessOutcome::kCosigned) << "another key's line says nothing";
  AnswerAlways(200, renamed.Line(text, Now()) + witness().Line(text, Now()));
  EXPECT_EQ(Cosign(7).outcome, WitnessOutcome::kCosigned) << "a witness may have a second key";
}

TEST_F(WitnessClientTest, ATimeFarFromOursIsAnOldAnswerOrAWrongClock) {
  const std::string text = FormatCheckpoint({log_.origin(), 7, log_.RootAt(7), {}});
  for (const uint64_t time :
       {Now() - kMaxWitnessClockSkewSeconds, Now() + kMaxWitnessClockSkewSeconds}) {
    AnswerAlways(200, witness().Line(text, time));
    EXPECT_EQ(Cosign(7).outcome, WitnessOutcome::kCosigned);
  }
  for (const uint64_t time : {uint64_t{1}, Now() - kMaxWitnessClockSkewSeconds - 1,
                              Now() + kMaxWitnessClockSkewSeconds + 1}) {
    AnswerAlways(200, witness().Line(text, time));
    const WitnessReply reply = Cosign(7);
    EXPECT_EQ(reply.outcome, WitnessOutcome::kWrongClock);
    EXPECT_TRUE(reply.line.empty());
  }
}

TEST_F(WitnessClientTest, FailuresOfTheNetworkAreToldApart) {
  const std::vector<std::pair<absl::Status, WitnessOutcome>> all = {
      {absl::UnavailableError("no route"), WitnessOutcome::kUnreachable},
      {absl::DeadlineExceededError("slow"), WitnessOutcome::kTimeout},
      {absl::ResourceExhaustedError("large"), WitnessOutcome::kBadAnswer}};
  for (const auto& [status, outcome] : all) {
    witness().SetLie([&, failure = status](const std::string&) {
      return std::optional<absl::StatusOr<HttpAnswer>>(failure);
    });
    EXPECT_EQ(Cosign(7).outcome, outcome);
  }
  AnswerAlways(200, std::string(kMaxWitnessResponseBytes + 1, 'x'));
  EXPECT_EQ(Cosign(7).outcome, WitnessOutcome::kBadAnswer);
}

TEST_F(WitnessClientTest, ALogThatCannotProveSaysSo) {
  ASSERT_EQ(Cosign(5).outcome, WitnessOutcome::kCosigned);
  const WitnessReply reply =
      client_->Cosign(HeadAt(7), [](uint64_t, uint64_t) -> absl::StatusOr<std::vector<Hash>> {
        return absl::DataLossError("a tile is missing");
      });
  EXPECT_EQ(reply.outcome, WitnessOutcome::kNoProof);
}

TEST_F(WitnessClientTest, AForkedLogIsToldAndProven) {
  ASSERT_EQ(Cosign(12).outcome, WitnessOutcome::kCosigned);
  testing::TestLog fork;
  fork.AddEvent(testing::TestEvent(999));
  fork.AddEvents(20);
  const WitnessReply reply =
      client_->Cosign({{12, fork.RootAt(12), 0}, fork.CheckpointAt(12)},
                      [&](uint64_t a, uint64_t b) { return ConsistencyProof(a, b, fork); });
  EXPECT_EQ(reply.outcome, WitnessOutcome::kForked);
  const auto note = client_->LastCosigned();
  ASSERT_OK(note);
  const auto last = OpenCheckpoint(*note, log_.origin(), log_.verifier());
  ASSERT_OK(last);
  EXPECT_EQ(last->checkpoint.size, 12u);
  EXPECT_EQ(last->checkpoint.root, log_.RootAt(12));
}

TEST_F(WitnessClientTest, WhatAWitnessShowsIsNoProofUnlessItHasCosignedIt) {
  EXPECT_THAT(client_->LastCosigned(), testing::StatusIs(absl::StatusCode::kNotFound));
  ASSERT_EQ(Cosign(12).outcome, WitnessOutcome::kCosigned);
  EXPECT_OK(client_->LastCosigned());
  witness().Shows(log_.CheckpointAt(13));
  EXPECT_THAT(client_->LastCosigned(), testing::StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(WitnessOutcomeTest, EachHasAName) {
  std::set<absl::string_view> names;
  for (int i = 0; i <= static_cast<int>(WitnessOutcome::kNoProof); ++i) {
    names.insert(WitnessOutcomeName(static_cast<WitnessOutcome>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(WitnessOutcome::kNoProof) + 1);
}

}  // namespace
}  // namespace auditledger
