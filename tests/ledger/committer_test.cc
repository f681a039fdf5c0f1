// Admission and grouping: bounds of the queue, pauses, and that nothing is lost on the way.
//
// Covers: ledger/pause_gate
#include "ledger/committer.h"

#include <condition_variable>
#include <future>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/errors.h"
#include "ledger/timestamp_store.h"
#include "merkle/cose_receipt.h"
#include "merkle/system_entries.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

// Holds the committer inside a commit until it is let go.
class Gatekeeper {
 public:
  void Stop(TestLedger& t) {
    t.faults->before_commit = [this] {
      std::unique_lock<std::mutex> lock(mutex_);
      waiting_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
    };
  }
  void AwaitCommit() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return waiting_; });
  }
  void Release() {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool waiting_ = false;
  bool open_ = false;
};

class CommitterTest : public ::testing::Test {
 protected:
  std::vector<SealedEvent> Events(int count, const std::string& prefix) {
    std::vector<SealedEvent> events;
    for (int i = 0; i < count; ++i) events.push_back(t.Seal(absl::StrCat(prefix, "-", i), "x"));
    return events;
  }
  EntryKind KindAt(uint64_t index) {
    return ParseLeaf(t.ledger->ReadEntry(index, false)->leaf)->kind;
  }
  TestLedger t;
  Gatekeeper gate;
};

TEST_F(CommitterTest, AFullQueueRefusesWithAHintAndLosesNothing) {
  t.options.limits.max_queue_entries = 10;
  ASSERT_OK(t.Create());
  gate.Stop(t);
  Answers answers;
  t.ledger->Append(Events(1, "first"), answers.Slot());
  gate.AwaitCommit();  // it has left the queue
  t.ledger->Append(Events(4, "second"), answers.Slot());
  t.ledger->Append(Events(6, "third"), answers.Slot());  // exactly full
  EXPECT_EQ(t.ledger->counters().queued_entries, 10u);
  EXPECT_GT(t.ledger->counters().queued_bytes, 0u);
  const auto refused = t.Append(Events(1, "over"));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(refused.status()).reason, kReasonOverloaded);
  EXPECT_NE(ReasonOf(refused.status()).metadata.at("retry_after_ms"), "0");
  gate.Release();
  for (const auto& answer : answers.WaitAll()) EXPECT_OK(answer);
  EXPECT_EQ(t.ledger->head()->head.size, 12u);
  EXPECT_EQ(t.ledger->counters().refused_overload, 1u);
  EXPECT_EQ(t.ledger->counters().queued_entries, 0u);
  EXPECT_EQ(t.ledger->counters().queued_bytes, 0u);
  EXPECT_OK(t.Check());
}

// A store that has fallen behind gets small commits, so that none of them waits long; a request is
// never split.
TEST_F(CommitterTest, CommitsAreAsSmallAsTheStoreAsks) {
  ASSERT_OK(t.Create());
  for (const auto& [now, commits] : {std::pair<size_t, uint64_t>(SIZE_MAX, 2), {1, 4}}) {
    Gatekeeper keeper;
    keeper.Stop(t);
    const uint64_t before = t.ledger->counters().commits;
    Answers answers;
    t.ledger->Append(Events(1, absl::StrCat("first", now)), answers.Slot());
    keeper.AwaitCommit();
    t.faults->commit_bytes_now = now;
    for (const char* name : {"a", "b", "c"}) {
      t.ledger->Append(Events(3, absl::StrCat(name, now)), answers.Slot());
    }
    keeper.Release();
    for (const auto& answer : answers.WaitAll()) EXPECT_OK(answer);
    EXPECT_EQ(t.ledger->counters().commits - before, commits) << now;
  }
  EXPECT_OK(t.Check());
}

TEST_F(CommitterTest, AnAnchorIsAnEntryOfALogThatHadThatHead) {
  ASSERT_OK(t.Create());
  ASSERT_OK(t.AppendOne("a", "x").status());
  const Head stamped = t.ledger->head()->head;
  ASSERT_OK(t.AppendOne("b", "x").status());
  const Anchor anchor{stamped.size, stamped.root, LeafHash("token"), 17};
  Answers answers;
  t.ledger->AppendAnchor(anchor, answers.Slot());
  const auto answer = answers.WaitAll()[0];
  ASSERT_OK(answer);
  EXPECT_EQ(answer->entries[0].index, 3u);
  const Leaf leaf = ParseLeaf(t.ledger->ReadEntry(3, false)->leaf).value();
  EXPECT_EQ(leaf.kind, EntryKind::kAnchor);
  EXPECT_EQ(ParseAnchor(leaf.body).value(), anchor);
  EXPECT_EQ(EncodeLeaf(leaf).value(), answer->entries[0].leaf);
  EXPECT_EQ(t.ledger->counters().appended, 2u) << "events alone";
  ASSERT_OK(t.Open());
  ASSERT_OK(t.AppendOne("c", "x").status());
  EXPECT_OK(t.Check());
}

TEST_F(CommitterTest, AnAnchorOfAHeadThatTheLogNeverHadIsRefused) {
  ASSERT_OK(t.Create());
  const Head head = t.ledger->head()->head;
  Answers answers;
  t.ledger->AppendAnchor({head.size, LeafHash("another"), Hash(), 1}, answers.Slot());
  t.ledger->AppendAnchor({head.size + 1, head.root, Hash(), 1}, answers.Slot());
  t.ledger->AppendAnchor({0, EmptyRoot(), Hash(), 1}, answers.Slot());
  t.ledger->AppendAnchor(
      {head.size, head.root, Hash(), t.clock.wall_us + kMaxAnchorAheadMicros + 1'000'000},
      answers.Slot());
  for (const auto& answer : answers.WaitAll()) {
    EXPECT_THAT(answer, StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(t.ledger->head()->head.size, head.size);
}

// Waits for one.
absl::StatusOr<CoseHead> SignCose(Ledger& ledger) {
  std::promise<absl::StatusOr<CoseHead>> promise;
  ledger.SignCoseHead([&](absl::StatusOr<CoseHead> head) { promise.set_value(std::move(head)); });
  return promise.get_future().get();
}

TEST_F(CommitterTest, TheNewestHeadIsSignedForCoseReceiptsInTurnWithTheAppends) {
  ASSERT_OK(t.Create());
  gate.Stop(t);
  Answers answers;
  t.ledger->Append(Events(2, "first"), answers.Slot());
  gate.AwaitCommit();
  t.ledger->Append(Events(3, "second"), answers.Slot());
  std::promise<absl::StatusOr<CoseHead>> promise;
  t.ledger->SignCoseHead([&](absl::StatusOr<CoseHead> head) { promise.set_value(head); });
  gate.Release();
  ASSERT_OK_AND_ASSIGN(const CoseHead signed_head, promise.get_future().get());
  EXPECT_EQ(signed_head.head->head.size, 6u) << "that of the commit it stood in line with";
  CoseReceipt receipt = signed_head.receipt;
  EXPECT_EQ(receipt.size, 6u);
  receipt.index = 4;
  receipt.path = t.ledger->Inclusion(4, 6).value();
  EXPECT_OK(VerifyCoseInclusion(receipt, LeafHash(t.ledger->ReadEntry(4, false)->leaf),
                                t.ledger->verifier()));
  ASSERT_OK_AND_ASSIGN(const CoseHead again, SignCose(*t.ledger));
  EXPECT_EQ(again.receipt, signed_head.receipt) << "without anything to commit";
  EXPECT_EQ(t.ledger->counters().queued_entries, 0u);
}

TEST_F(CommitterTest, ACoseSignatureThatFailsStopsNobody) {
  ASSERT_OK(t.Create());
  t.faults->sign = Faults::How::kErrorAndAbsent;
  EXPECT_FALSE(SignCose(*t.ledger).ok());
  t.faults->sign = Faults::How::kNone;
  EXPECT_OK(t.AppendOne("a", "x").status());
  EXPECT_OK(SignCose(*t.ledger));
  t.ledger->Drain();
  EXPECT_EQ(ReasonOf(SignCose(*t.ledger).status()).reason, kReasonShuttingDown);
}

TEST_F(CommitterTest, TheQueueIsBoundedInBytesToo) {
  ASSERT_OK(t.Create());
  const size_t one = Events(1, "measure")[0].Bytes();
  t.options.limits.max_queue_bytes = 2 * one + one / 2;
  ASSERT_OK(t.Open());
  gate.Stop(t);
  Answers answers;
  t.ledger->Append(Events(1, "0"), answers.Slot());
  gate.AwaitCommit();
  t.ledger->Append(Events(1, "1"), answers.Slot());
  t.ledger->Append(Events(1, "2"), answers.Slot());
  EXPECT_EQ(ReasonOf(t.Append(Events(1, "3")).status()).reason, kReasonOverloaded);
  gate.Release();
  for (const auto& answer : answers.WaitAll()) EXPECT_OK(answer);
}

TEST_F(CommitterTest, WhatQueuesDuringACommitShareTheNextOne) {
  t.options.limits.max_commit_entries = 5;
  ASSERT_OK(t.Create());
  gate.Stop(t);
  Answers answers;
  t.ledger->Append(Events(1, "first"), answers.Slot());
  gate.AwaitCommit();
  for (int i = 0; i < 4; ++i) t.ledger->Append(Events(2, absl::StrCat(i)), answers.Slot());
  gate.Release();
  const auto outcomes = answers.WaitAll();
  for (const auto& outcome : outcomes) ASSERT_OK(outcome);
  // 1, then 2 + 2 (a request is never split over commits), then 2 + 2.
  EXPECT_EQ(t.ledger->counters().commits, 3u);
  EXPECT_EQ(outcomes[1]->head, outcomes[2]->head);
  EXPECT_EQ(outcomes[3]->head, outcomes[4]->head);
  EXPECT_NE(outcomes[2]->head, outcomes[3]->head);
}

TEST_F(CommitterTest, AnAppendTakesOneToMaxCommitEntries) {
  t.options.limits.max_commit_entries = 5;
  ASSERT_OK(t.Create());
  EXPECT_THAT(t.Append({}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(t.Append(Events(6, "six")), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_OK(t.Append(Events(5, "five")).status());
}

// One emitter that invents streams costs itself its gaps, and nobody else anything.
TEST_F(CommitterTest, AStreamTooManyIsAcceptedWithItsGapsUnknown) {
  t.options.limits.max_streams_per_principal = 2;
  ASSERT_OK(t.Create());
  t.principal = "spiffe://test/a";
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK(t.AppendOne(absl::StrCat("a", i), "x", 1, absl::StrCat("s", i)).status());
  }
  EXPECT_EQ(t.ledger->counters().streams_over_cap, 2u);
  t.principal = "spiffe://test/b";
  ASSERT_OK(t.AppendOne("b", "x", 3, "s9").status());
  for (int round = 0; round < 2; ++round) {
    const std::vector<StreamInfo> streams = t.ledger->Streams(0, 9, 9);
    ASSERT_EQ(streams.size(), 3u);
    EXPECT_EQ(streams[2].principal, "spiffe://test/b");
    EXPECT_EQ(streams[2].gaps, (std::vector<SequenceRange>{{1, 2}}));
    ASSERT_OK(t.Open());
  }
  EXPECT_OK(t.Check());
}

TEST_F(CommitterTest, EventsWithoutANumberTakeNoStream) {
  t.options.limits.max_streams = 1;
  ASSERT_OK(t.Create());
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(t.AppendOne(absl::StrCat("a", i), "x", 0, absl::StrCat("s", i)).status());
  }
  EXPECT_TRUE(t.ledger->Streams(0, 9, 9).empty());
  EXPECT_EQ(t.ledger->counters().streams_over_cap, 0u);
  ASSERT_OK(t.AppendOne("b", "x", 1, "numbered").status());
  EXPECT_EQ(t.ledger->Streams(0, 9, 9).size(), 1u);
  EXPECT_OK(t.Check());
}

TEST_F(CommitterTest, PausesOnAFullDiskAndResumesByItself) {
  std::atomic<uint64_t> free{1 << 30};
  t.options.free_bytes = [&free] { return free.load(); };
  ASSERT_OK(t.Create());
  const uint64_t low = t.options.limits.low_water_bytes;
  const uint64_t resume = t.options.limits.resume_water_bytes;
  struct Step {
    uint64_t free;
    bool serves;
  };
  int n = 0;
  for (const Step step : {Step{low, true}, Step{low - 1, false}, Step{low, false},
                          Step{resume - 1, false}, Step{resume, true}, Step{low, true}}) {
    free = step.free;
    t.clock.Pass(kDiskCheckMicros);
    const auto answer = t.AppendOne(absl::StrCat("e", n++), "x");
    EXPECT_EQ(answer.ok(), step.serves) << step.free;
    EXPECT_EQ(t.ledger->status().state, step.serves ? LedgerState::kServing : LedgerState::kPaused);
    if (step.serves) continue;
    EXPECT_THAT(answer, StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_EQ(ReasonOf(answer.status()).reason, kReasonLedgerPaused);
    EXPECT_EQ(ReasonOf(answer.status()).metadata.count("retry_after_ms"), 1u);
  }
  EXPECT_EQ(t.ledger->head()->head.size, 4u);
}

// Who reads while the disk is full is on record until the reserve is used; a wrong clock has none.
TEST_F(CommitterTest, EntriesAboutReadsHaveAReserveWhileTheDiskIsFull) {
  std::atomic<uint64_t> free{1 << 30};
  t.options.free_bytes = [&free] { return free.load(); };
  t.options.limits.access_reserve_bytes = 3000;
  ASSERT_OK(t.Create());
  int n = 0;
  uint64_t used = 0;
  const auto append = [&](bool may_use_reserve) {
    SealedEvent event = t.Seal(absl::StrCat("e", n++), "x");
    event.may_use_reserve = may_use_reserve;
    used = event.Bytes();
    std::vector<SealedEvent> events;
    events.push_back(std::move(event));
    return t.Append(std::move(events)).status();
  };
  for (int round = 0; round < 2; ++round) {
    free = t.options.limits.low_water_bytes - 1;
    t.clock.Pass(kDiskCheckMicros);
    const uint64_t before = t.ledger->head()->head.size;
    EXPECT_THAT(append(false), StatusIs(absl::StatusCode::kUnavailable));
    absl::Status status;
    while ((status = append(true)).ok()) continue;
    EXPECT_EQ(ReasonOf(status).reason, kReasonLedgerPaused);
    EXPECT_EQ(t.ledger->head()->head.size - before, 3000 / used) << "as many as fit, and no more";
    free = t.options.limits.resume_water_bytes;
    t.clock.Pass(kDiskCheckMicros);
    EXPECT_OK(append(false)) << "and the reserve is whole again";
  }
  t.clock.wall_us -= t.options.limits.max_clock_step_back_us + 1'000'000;
  EXPECT_THAT(append(true), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(CommitterTest, AClockStepBackPausesUntilItCaughtUpAndIsRecorded) {
  ASSERT_OK(t.Create());
  const uint64_t tolerated = t.options.limits.max_clock_step_back_us;
  t.clock.Pass(10'000'000);
  ASSERT_OK(t.AppendOne("a", "x").status());
  t.clock.wall_us -= tolerated - 1000;  // within bounds
  ASSERT_OK(t.AppendOne("b", "x").status());
  const uint64_t before = t.ledger->head()->head.time_us;
  t.clock.wall_us -= 2000;  // in sum beyond them
  const auto paused = t.AppendOne("c", "x");
  EXPECT_EQ(ReasonOf(paused.status()).reason, kReasonLedgerPaused);
  EXPECT_EQ(t.ledger->status().state, LedgerState::kPaused);
  t.clock.Pass(tolerated / 2);
  EXPECT_FALSE(t.AppendOne("c", "x").ok());
  t.clock.Pass(tolerated);
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);  // by itself
  ASSERT_OK_AND_ASSIGN(const auto outcome, t.AppendOne("c", "x"));
  EXPECT_EQ(KindAt(3), EntryKind::kClock);
  EXPECT_EQ(outcome.entries[0].index, 4u);
  const Leaf leaf = ParseLeaf(t.ledger->ReadEntry(3, false)->leaf).value();
  ASSERT_OK_AND_ASSIGN(const ClockStep step, ParseClockStep(leaf.body));
  EXPECT_GT(step.before_us, step.after_us + tolerated);
  EXPECT_GT(leaf.recorded_at_us, before);
  ASSERT_OK(t.AppendOne("d", "x").status());
  EXPECT_EQ(t.ledger->head()->head.size, 6u);  // recorded once
  EXPECT_OK(t.Check());
}

TEST_F(CommitterTest, AClockAheadPausesAndLeavesNothingBehind) {
  ASSERT_OK(t.Create());
  const uint64_t tolerated = t.options.limits.max_clock_step_forward_us;
  const uint64_t year = uint64_t{365} * 86400 * 1'000'000;
  ASSERT_OK(t.AppendOne("a", "x").status());
  const uint64_t before = t.ledger->head()->head.time_us;
  t.clock.wall_us += 10 * year;
  EXPECT_EQ(t.ledger->status().state, LedgerState::kPaused);
  const auto paused = t.AppendOne("b", "x");
  EXPECT_EQ(ReasonOf(paused.status()).reason, kReasonLedgerPaused);
  EXPECT_THAT(paused.status().message(), ::testing::HasSubstr("--accept_clock"));
  t.clock.wall_us -= 10 * year;
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);  // by itself
  ASSERT_OK(t.AppendOne("b", "x").status());
  EXPECT_EQ(KindAt(2), EntryKind::kClock);
  EXPECT_LT(t.ledger->head()->head.time_us, before + 1'000'000);
  t.clock.wall_us += tolerated - 1000;
  EXPECT_OK(t.AppendOne("c", "x").status());
  t.clock.wall_us += tolerated + 1000;  // on top of what a commit took up
  EXPECT_FALSE(t.AppendOne("d", "x").ok());
  EXPECT_OK(t.Check());
}

// A glitch between two commits is nobody's business but the pollster's.
TEST_F(CommitterTest, AskingForTheStateDoesNotMoveTheClock) {
  ASSERT_OK(t.Create());
  ASSERT_OK(t.AppendOne("a", "x").status());
  const uint64_t glitch = t.options.limits.max_clock_step_forward_us / 2;
  t.clock.wall_us += glitch;
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
  t.clock.wall_us -= glitch;
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
  ASSERT_OK(t.AppendOne("b", "x").status());
  EXPECT_EQ(KindAt(2), EntryKind::kEvent);
  EXPECT_OK(t.Check());
}

TEST_F(CommitterTest, TimeRisesStrictlyThoughTheClockStands) {
  ASSERT_OK(t.Create());
  t.clock.wall_us -= 1'000'000;  // tolerated: less than the step
  for (int i = 0; i < 3; ++i) ASSERT_OK(t.Append(Events(50, absl::StrCat(i))).status());
  EXPECT_OK(t.Check());
}

TEST_F(CommitterTest, QueuedAppendsFailWithTheCommitThatLatches) {
  ASSERT_OK(t.Create());
  t.faults->commit = Faults::How::kErrorAndAbsent;
  gate.Stop(t);
  Answers answers;
  t.ledger->Append(Events(1, "first"), answers.Slot());
  gate.AwaitCommit();
  t.ledger->Append(Events(3, "queued"), answers.Slot());
  gate.Release();
  for (const auto& answer : answers.WaitAll()) {
    EXPECT_EQ(ReasonOf(answer.status()).reason, kReasonStorageFailed);
  }
  t.ledger->Drain();
  for (const int calls : answers.CallsPerSlot()) EXPECT_EQ(calls, 1);
  EXPECT_EQ(t.sync_failures, 0);  // nothing says that a sync failed
}

}  // namespace
}  // namespace auditledger::testing
