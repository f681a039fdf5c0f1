#include "api/cosigning_rounds.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/api/fake_witness.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

constexpr uint64_t kInterval = 250'000;

// Five witnesses, four are enough; the test plays all of them.
class CosigningRoundsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log_.AddEvents(30);
    std::ofstream(dir_ / "policy") << witnesses_.PolicyText();
    policy_ = std::make_unique<WitnessPolicy>(*LoadWitnessPolicy(dir_ / "policy", false));
    rounds_ = std::make_unique<CosigningRounds>(*policy_, kInterval, random_);
  }
  HeadPtr HeadAt(uint64_t size) {
    auto head = std::make_shared<PublishedHead>();
    head->head = {size, log_.RootAt(size), 0};
    head->checkpoint = log_.CheckpointAt(size);
    return head;
  }
  // The size that witness `w` is asked for; 0 for nothing.
  uint64_t Take(size_t w) {
    asks_[w] = rounds_->Take(w, now_);
    return asks_[w].has_value() ? asks_[w]->head->head.size : 0;
  }
  bool Cosigns(size_t w) {
    WitnessReply reply;
    reply.outcome = WitnessOutcome::kCosigned;
    const Checkpoint head{log_.origin(), asks_[w]->head->head.size, asks_[w]->head->head.root, {}};
    reply.line = witnesses_[w].Line(FormatCheckpoint(head), 1'700'000'000);
    reply.size = head.size;
    return rounds_->Answer(w, *asks_[w], reply, now_);
  }
  bool Fails(size_t w, WitnessOutcome outcome = WitnessOutcome::kUnreachable, uint64_t size = 0,
             uint64_t retry_after = 0) {
    WitnessReply reply;
    reply.outcome = outcome;
    reply.size = size;
    reply.retry_after_seconds = retry_after;
    return rounds_->Answer(w, *asks_[w], reply, now_);
  }
  uint64_t Cosigned() { return rounds_->cosigned() ? rounds_->cosigned()->head.size : 0; }
  size_t Lines() {
    return VerifyCosignatures(rounds_->cosigned()->checkpoint, policy_->policy.WitnessKeys())
        ->size();
  }
  // A round of four, at once.
  void Meet(uint64_t size) {
    rounds_->Offer(HeadAt(size), now_);
    for (size_t w = 0; w < 4; ++w) ASSERT_EQ(Take(w), size);
    for (size_t w = 0; w < 4; ++w) Cosigns(w);
    ASSERT_EQ(Cosigned(), size);
  }

  testing::TempDir dir_;
  testing::FakeClock clock_;
  testing::FakeRandom random_{1};
  testing::TestLog log_;
  testing::FakeWitnesses witnesses_{clock_};
  std::unique_ptr<WitnessPolicy> policy_;
  std::unique_ptr<CosigningRounds> rounds_;
  std::array<std::optional<CosigningRounds::Ask>, 5> asks_;
  uint64_t now_ = 1'000'000;
};

TEST_F(CosigningRoundsTest, AHeadCountsOnceFourOfFiveHaveCosignedIt) {
  EXPECT_EQ(Take(0), 0u) << "there is no head";
  EXPECT_TRUE(rounds_->Offer(HeadAt(5), now_));
  for (size_t w = 0; w < 5; ++w) EXPECT_EQ(Take(w), 5u);
  EXPECT_FALSE(rounds_->Take(0, now_).has_value()) << "it is being asked";
  for (size_t w = 0; w < 3; ++w) EXPECT_FALSE(Cosigns(w));
  EXPECT_EQ(Cosigned(), 0u);
  EXPECT_FALSE(rounds_->met_once());
  EXPECT_TRUE(Cosigns(3));
  EXPECT_EQ(Cosigned(), 5u);
  EXPECT_TRUE(rounds_->cosigned()->witnessed);
  EXPECT_EQ(Lines(), 4u);
  EXPECT_TRUE(Cosigns(4)) << "a late one is added";
  EXPECT_EQ(Lines(), 5u);
}

// One witness answers, beside its own line, one under another's name.
TEST_F(CosigningRoundsTest, NoLineStandsForAnotherWitness) {
  const auto answers = [&](size_t w, const std::string& lines) {
    WitnessReply reply;
    reply.outcome = WitnessOutcome::kCosigned;
    reply.line = lines;
    return rounds_->Answer(w, *asks_[w], reply, now_);
  };
  rounds_->Offer(HeadAt(5), now_);
  for (size_t w = 0; w < 5; ++w) ASSERT_EQ(Take(w), 5u);
  const std::string text = ParseNote(log_.CheckpointAt(5))->text;
  const auto line = [&](size_t w, uint64_t at = 1'700'000'000) {
    return witnesses_[w].Line(text, at);
  };
  const std::string garbage = witnesses_[1].Line("another head\n", 1'700'000'000);
  EXPECT_FALSE(answers(0, line(0) + line(1, 5) + line(2) + line(3)));
  EXPECT_FALSE(answers(4, garbage)) << "it does not count";
  EXPECT_FALSE(answers(2, line(2)));
  EXPECT_FALSE(answers(3, line(3) + garbage));
  EXPECT_EQ(Cosigned(), 0u);
  EXPECT_TRUE(answers(1, line(1)));
  ASSERT_EQ(Lines(), 4u);
  const auto by = VerifyCosignatures(rounds_->cosigned()->checkpoint, {witnesses_[1].key()});
  EXPECT_EQ(by->at(0).timestamp, 1'700'000'000u) << "its own, not the older one that another had";
}

TEST_F(CosigningRoundsTest, TheNextRoundTakesTheNewestHeadAndNoneBetween) {
  Meet(5);
  EXPECT_TRUE(rounds_->Offer(HeadAt(6), now_)) << "somebody has to wake";
  EXPECT_FALSE(rounds_->Offer(HeadAt(9), now_)) << "who is awake already";
  EXPECT_EQ(Take(0), 0u) << "the interval is not over";
  EXPECT_LE(rounds_->WaitMicros(0, now_), kInterval);
  now_ += kInterval;
  EXPECT_EQ(Take(0), 9u);
}

TEST_F(CosigningRoundsTest, OneSlowWitnessHoldsNobodyUp) {
  rounds_->Offer(HeadAt(5), now_);
  ASSERT_EQ(Take(4), 5u);  // and does not answer
  for (const uint64_t size : {uint64_t{6}, uint64_t{7}, uint64_t{8}}) {
    const uint64_t asked = size == 6 ? 5 : size;
    if (size > 6) rounds_->Offer(HeadAt(size), now_);
    for (size_t w = 0; w < 4; ++w) ASSERT_EQ(Take(w), asked);
    for (size_t w = 0; w < 4; ++w) Cosigns(w);
    EXPECT_EQ(Cosigned(), asked);
    now_ += kInterval;
  }
  EXPECT_FALSE(Cosigns(4)) << "a head that is no longer the newest is of no use";
  EXPECT_EQ(Take(4), 8u);
  EXPECT_TRUE(Cosigns(4));
}

TEST_F(CosigningRoundsTest, WithoutQuorumTheRoundWaitsForWhoeverComesBack) {
  rounds_->Offer(HeadAt(5), now_);
  for (size_t w = 0; w < 5; ++w) ASSERT_EQ(Take(w), 5u);
  for (size_t w = 0; w < 3; ++w) Cosigns(w);
  Fails(3);
  Fails(4);
  rounds_->Offer(HeadAt(6), now_);
  now_ += kWitnessBackoffMinMicros;
  EXPECT_EQ(Take(3), 5u) << "the head that three have cosigned already";
  EXPECT_EQ(rounds_->AwayMicros(now_), kWitnessBackoffMinMicros);
  EXPECT_TRUE(Cosigns(3));
  EXPECT_EQ(Cosigned(), 5u);
  EXPECT_EQ(rounds_->AwayMicros(now_), 0u);
}

TEST_F(CosigningRoundsTest, ARoundThatGrewOldGivesWayButNotUnderSomebodyWhoIsAsked) {
  rounds_->Offer(HeadAt(5), now_);
  for (size_t w = 0; w < 5; ++w) ASSERT_EQ(Take(w), 5u);
  for (size_t w = 0; w < 3; ++w) Cosigns(w);
  Fails(3);
  rounds_->Offer(HeadAt(6), now_);
  now_ += kStaleRoundMicros;
  EXPECT_EQ(Take(0), 0u) << "the fifth may still answer";
  Fails(4);
  EXPECT_EQ(Take(0), 6u);
}

TEST_F(CosigningRoundsTest, AWitnessThatSomebodyElseShowedANewerHeadIsAskedForOneBeyondIt) {
  rounds_->Offer(HeadAt(5), now_);
  for (size_t w = 0; w < 5; ++w) ASSERT_EQ(Take(w), 5u);
  rounds_->Offer(HeadAt(8), now_);
  for (size_t w = 0; w < 3; ++w) Cosigns(w);
  Fails(3, WitnessOutcome::kAhead, 7);
  Fails(4);
  EXPECT_EQ(Take(3), 8u) << "at once: it did not fail";
}

TEST_F(CosigningRoundsTest, FailuresAreLeftAloneForLongerAndLongerUpToABound) {
  rounds_->Offer(HeadAt(5), now_);
  uint64_t longest = 0;
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(Take(0), 5u) << i;
    Fails(0);
    const uint64_t from = now_;
    while (Take(0) == 0) now_ += 10'000;
    longest = std::max(longest, now_ - from);
    Fails(0);
    now_ += kWitnessBackoffMaxMicros;
  }
  EXPECT_GT(longest, kWitnessBackoffMaxMicros / 2);
  EXPECT_LE(longest, kWitnessBackoffMaxMicros + 10'000);
}

TEST_F(CosigningRoundsTest, ARefusalIsLeftAloneForLongerThanAnAbsence) {
  rounds_->Offer(HeadAt(5), now_);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(Take(0), 5u);
    Fails(0, WitnessOutcome::kUnknownLog);
    now_ += kWitnessRefusedBackoffMaxMicros;
  }
  ASSERT_EQ(Take(0), 5u);
  Fails(0, WitnessOutcome::kUnknownLog);
  now_ += kWitnessRefusedBackoffMaxMicros / 2 - 1;
  EXPECT_EQ(Take(0), 0u);
}

TEST_F(CosigningRoundsTest, RetryAfterIsBelievedUpToABound) {
  rounds_->Offer(HeadAt(5), now_);
  ASSERT_EQ(Take(0), 5u);
  Fails(0, WitnessOutcome::kBusy, 0, 7);
  now_ += 6'999'999;
  EXPECT_EQ(Take(0), 0u);
  now_ += 1;
  ASSERT_EQ(Take(0), 5u);
  Fails(0, WitnessOutcome::kBusy, 0, uint64_t{1} << 60);
  now_ += kWitnessRetryAfterMaxMicros;
  EXPECT_EQ(Take(0), 5u);
}

TEST_F(CosigningRoundsTest, TheLagCountsFromTheOldestHeadBeyondTheQuorums) {
  EXPECT_EQ(rounds_->LagEntries(), 0u);
  Meet(5);
  EXPECT_EQ(rounds_->LagEntries(), 0u);
  EXPECT_EQ(rounds_->LagMicros(now_ + 1'000'000), 0u);
  const uint64_t since = now_ += 1000;
  rounds_->Offer(HeadAt(7), now_);
  now_ += 1'000'000;
  rounds_->Offer(HeadAt(9), now_);
  EXPECT_EQ(rounds_->LagEntries(), 4u);
  EXPECT_EQ(rounds_->LagMicros(now_), now_ - since);
  const uint64_t began = now_;
  for (size_t w = 0; w < 4; ++w) ASSERT_EQ(Take(w), 9u);
  now_ += 100'000;
  rounds_->Offer(HeadAt(10), now_);
  for (size_t w = 0; w < 4; ++w) Cosigns(w);
  EXPECT_EQ(rounds_->LagEntries(), 1u);
  EXPECT_EQ(rounds_->LagMicros(now_), now_ - began) << "at most the round's age";
}

TEST_F(CosigningRoundsTest, ALogAtRestIsCosignedAnew) {
  Meet(5);
  now_ += kRefreshMicros - 1;
  EXPECT_EQ(Take(0), 0u);
  now_ += 1;
  EXPECT_EQ(Take(0), 5u);
  EXPECT_EQ(rounds_->AwayMicros(now_ + 5), 5u) << "so that an absence shows";
  for (size_t w = 1; w < 4; ++w) ASSERT_EQ(Take(w), 5u);
  for (size_t w = 0; w < 4; ++w) Cosigns(w);
  EXPECT_EQ(rounds_->AwayMicros(now_ + 5), 0u);
}

TEST_F(CosigningRoundsTest, WhatAnEarlierRunHadCosignedIsNoQuorumOfThisOne) {
  rounds_->Restore(HeadAt(5));
  EXPECT_EQ(Cosigned(), 5u);
  EXPECT_FALSE(rounds_->met_once());
  rounds_->Offer(HeadAt(5), now_);
  EXPECT_EQ(rounds_->LagEntries(), 0u);
  for (size_t w = 0; w < 5; ++w) ASSERT_EQ(Take(w), 5u);
  EXPECT_FALSE(rounds_->EachTried());
  for (size_t w = 0; w < 4; ++w) Cosigns(w);
  EXPECT_TRUE(rounds_->met_once());
  EXPECT_FALSE(rounds_->EachTried());
  Fails(4);
  EXPECT_TRUE(rounds_->EachTried());
}

TEST_F(CosigningRoundsTest, WhoContradictsUsDoesSoUntilItSaysOtherwise) {
  rounds_->Offer(HeadAt(5), now_);
  const auto contradicting = [&](auto answer) {
    now_ += 2 * kWitnessRefusedBackoffMaxMicros;
    EXPECT_EQ(Take(0), 5u);
    answer();
    return rounds_->Contradicting();
  };
  EXPECT_EQ(contradicting([&] { Fails(0, WitnessOutcome::kAhead, 6); }), 1u);
  EXPECT_EQ(contradicting([&] { Fails(0); }), 1u) << "being away takes nothing back";
  EXPECT_EQ(contradicting([&] { Fails(0, WitnessOutcome::kBadAnswer); }), 1u);
  EXPECT_EQ(contradicting([&] { Cosigns(0); }), 0u);
  rounds_->Offer(HeadAt(7), now_);
  for (size_t w = 1; w < 5; ++w) {
    ASSERT_EQ(Take(w), 5u);
    Fails(w, WitnessOutcome::kForked);
  }
  EXPECT_EQ(rounds_->Contradicting(), 4u);
  now_ += 2 * kWitnessRefusedBackoffMaxMicros;
  ASSERT_EQ(Take(1), 7u);
  Fails(1, WitnessOutcome::kAhead, 7);
  EXPECT_EQ(rounds_->Contradicting(), 3u) << "its larger head is within ours";
}

// Whatever happens to whom, no head counts but one that four have cosigned, and none goes back.
TEST_F(CosigningRoundsTest, RandomFates) {
  testing::FakeRandom fate(7);
  uint64_t size = 1;
  uint64_t last = 0;
  rounds_->Offer(HeadAt(size), now_);
  for (int step = 0; step < 5000; ++step) {
    const std::string bytes = fate.Bytes(3);
    const size_t w = static_cast<uint8_t>(bytes[0]) % 5;
    now_ += static_cast<uint8_t>(bytes[1]) * 4000;
    if (bytes[2] % 11 == 0 && size < 30) rounds_->Offer(HeadAt(++size), now_);
    if (!asks_[w].has_value()) {
      Take(w);
      continue;
    }
    bytes[2] % 3 == 0 ? Fails(w) : Cosigns(w);
    asks_[w].reset();
    if (Cosigned() == 0) continue;
    ASSERT_GE(Cosigned(), last);
    last = Cosigned();
    ASSERT_GE(Lines(), 4u);
  }
  EXPECT_EQ(last, size);
}

}  // namespace
}  // namespace auditledger
