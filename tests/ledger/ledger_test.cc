// The facade: what callers are promised, on both engines.
//
// Covers: ledger/acknowledger, ledger/ledger_impl, ledger/new_entry, ledger/reader
// Covers: ledger/request_planner
#include "ledger/ledger.h"

#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/errors.h"
#include "ledger/recovery.h"
#include "merkle/checkpoint.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/verify.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/model_ledger.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

class LedgerTest : public ::testing::TestWithParam<TestLedger::Store> {
 protected:
  void SetUp() override { ASSERT_OK(t.Create()); }
  TestLedger t{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Engines, LedgerTest,
                         ::testing::Values(TestLedger::Store::kMemory, TestLedger::Store::kLevelDb),
                         [](const auto& tested) {
                           return tested.param == TestLedger::Store::kMemory ? "Memory" : "LevelDb";
                         });

TEST_P(LedgerTest, BeginsWithGenesisUnderASignedHead) {
  const auto head = t.ledger->head();
  EXPECT_EQ(head->head.size, 1u);
  ASSERT_OK_AND_ASSIGN(const auto checkpoint,
                       OpenCheckpoint(head->checkpoint, "test.example/log", t.ledger->verifier()));
  EXPECT_EQ(checkpoint.checkpoint.root, head->head.root);
  ASSERT_OK_AND_ASSIGN(const StoredEntry entry, t.ledger->ReadEntry(0, true));
  EXPECT_EQ(entry.payload, StoredEntry::Payload::kNone);
  ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(entry.leaf));
  EXPECT_EQ(leaf.kind, EntryKind::kGenesis);
  EXPECT_THAT(t.Create(), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_P(LedgerTest, EveryReceiptProvesItsEvent) {
  for (int i = 0; i < 5; ++i) {
    std::vector<SealedEvent> events;
    for (int j = 0; j < 100; ++j) events.push_back(t.Seal(absl::StrCat(i, "-", j), "read"));
    ASSERT_OK_AND_ASSIGN(const AppendOutcome outcome, t.Append(std::move(events)));
    ASSERT_EQ(outcome.entries.size(), 100u);
    for (int j = 0; j < 100; ++j) {
      EXPECT_EQ(outcome.entries[j].index, static_cast<uint64_t>(1 + i * 100 + j));
      EXPECT_EQ(outcome.entries[j].flags, kFlagLate);
      ASSERT_OK(CheckReceipt(*t.ledger, outcome, j, MakeEvent(absl::StrCat(i, "-", j), "read")));
    }
  }
  EXPECT_OK(t.Check());
}

TEST_P(LedgerTest, ARepeatGetsItsFirstPlaceAlsoAfterARestart) {
  ASSERT_OK_AND_ASSIGN(const AppendOutcome first, t.AppendOne("a", "read"));
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK_AND_ASSIGN(const AppendOutcome again, t.AppendOne("a", "read"));
    EXPECT_TRUE(again.entries[0].repeated);
    EXPECT_EQ(again.entries[0].index, first.entries[0].index);
    EXPECT_EQ(again.entries[0].leaf, first.entries[0].leaf);
    EXPECT_EQ(again.entries[0].seed, first.entries[0].seed);
    EXPECT_EQ(again.entries[0].header, first.entries[0].header);
    EXPECT_EQ(again.entries[0].flags, first.entries[0].flags);
    EXPECT_OK(CheckReceipt(*t.ledger, again, 0, MakeEvent("a", "read")));
    EXPECT_EQ(t.ledger->head()->head.size, 2u);
    ASSERT_OK(t.Open());
  }
}

TEST_P(LedgerTest, OneRequestMayMixNewAndOldAndSayAThingTwice) {
  ASSERT_OK(t.AppendOne("old", "x").status());
  std::vector<SealedEvent> events;
  for (const char* id : {"n1", "old", "n2", "n1"}) events.push_back(t.Seal(id, "x"));
  ASSERT_OK_AND_ASSIGN(const AppendOutcome outcome, t.Append(std::move(events)));
  const std::vector<std::pair<uint64_t, bool>> expected = {
      {2, false}, {1, true}, {3, false}, {2, true}};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(outcome.entries[i].index, expected[i].first) << i;
    EXPECT_EQ(outcome.entries[i].repeated, expected[i].second) << i;
  }
  EXPECT_OK(t.Check());
}

TEST_P(LedgerTest, AnotherEventUnderTheSameIdIsRefusedAndKeptOnce) {
  ASSERT_OK(t.AppendOne("a", "read").status());
  for (int round = 0; round < 3; ++round) {
    std::vector<SealedEvent> events;
    events.push_back(t.Seal("fresh", "x"));
    events.push_back(t.Seal("a", "DELETED"));
    const auto refused = t.Append(std::move(events));
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kAlreadyExists));
    const Reason reason = ReasonOf(refused.status());
    EXPECT_EQ(reason.reason, kReasonEventIdConflict);
    EXPECT_EQ(reason.metadata.at("first_index"), "1");
    EXPECT_EQ(reason.metadata.at("conflict_index"), "2");
    EXPECT_EQ(reason.metadata.at("position"), "1");
    EXPECT_EQ(t.ledger->head()->head.size, 3u);  // genesis, the event, one piece of evidence
    ASSERT_OK(t.Open());
  }
  ASSERT_OK_AND_ASSIGN(const StoredEntry evidence, t.ledger->ReadEntry(2, true));
  ASSERT_OK_AND_ASSIGN(const Leaf leaf, ParseLeaf(evidence.leaf));
  EXPECT_EQ(leaf.kind, EntryKind::kConflict);
  EXPECT_EQ(ParseConflict(leaf.body)->first_index, 1u);
  EXPECT_EQ(evidence.opening->event, MakeEvent("a", "DELETED"));
  EXPECT_OK(VerifyOpening(leaf, *evidence.opening, std::nullopt));
  EXPECT_OK(t.Check());
}

TEST_P(LedgerTest, EvidenceOfOneIdentityIsBounded) {
  t.options.limits.max_conflicts_per_identity = 2;
  ASSERT_OK(t.Open());
  ASSERT_OK(t.AppendOne("a", "read").status());
  ASSERT_OK(t.AppendOne("b", "read").status());
  const auto evidence_for = [this](const std::string& id, const std::string& content) {
    const auto refused = t.AppendOne(id, content);
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kAlreadyExists));
    return std::make_pair(ReasonOf(refused.status()).metadata.at("conflict_index"),
                          absl::StrContains(refused.status().message(), "is kept as evidence"));
  };
  using Answer = std::pair<std::string, bool>;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(evidence_for("a", "first"), Answer("3", true));
    EXPECT_EQ(evidence_for("a", "second"), Answer("4", true));
    EXPECT_EQ(evidence_for("a", "third"), Answer("4", false));
    EXPECT_EQ(evidence_for("a", "first"), Answer("3", true));
    EXPECT_EQ(evidence_for("b", "first"), Answer("5", true));
    EXPECT_EQ(t.ledger->head()->head.size, 6u);
    ASSERT_OK(t.Open());
  }
  EXPECT_OK(t.Check());
}

TEST_P(LedgerTest, ARequestThatContradictsItselfLeavesNoTrace) {
  std::vector<SealedEvent> events;
  events.push_back(t.Seal("a", "one"));
  events.push_back(t.Seal("a", "two"));
  EXPECT_THAT(t.Append(std::move(events)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(t.ledger->head()->head.size, 1u);
}

TEST_P(LedgerTest, EightThreadsSendingTheSameEventsMakeOneEntryEach) {
  constexpr int kThreads = 8, kEvents = 50;
  Answers answers;
  std::vector<AppendCallback> slots;
  for (int i = 0; i < kThreads * kEvents; ++i) slots.push_back(answers.Slot());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEvents; ++i) {
        std::vector<SealedEvent> events;
        events.push_back(t.Seal(absl::StrCat("e", (i + thread * 7) % kEvents), "x"));
        t.ledger->Append(std::move(events), std::move(slots[thread * kEvents + i]));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int fresh = 0;
  std::set<uint64_t> indices;
  for (const auto& answer : answers.WaitAll()) {
    ASSERT_OK(answer);
    indices.insert(answer->entries[0].index);
    fresh += answer->entries[0].repeated ? 0 : 1;
  }
  EXPECT_EQ(fresh, kEvents);
  EXPECT_EQ(indices.size(), static_cast<size_t>(kEvents));
  EXPECT_EQ(t.ledger->head()->head.size, 1u + kEvents);
  EXPECT_EQ(t.ledger->counters().appended, static_cast<uint64_t>(kEvents));
  EXPECT_EQ(t.ledger->counters().repeated, static_cast<uint64_t>((kThreads - 1) * kEvents));
  EXPECT_OK(t.Check());
}

TEST_P(LedgerTest, ReadsEndAtTheSignedHead) {
  for (int i = 0; i < 9; ++i) ASSERT_OK(t.AppendOne(absl::StrCat(i), "x").status());
  uint64_t next = 3;
  ASSERT_OK(t.ledger->ReadEntries(3, 10, true, [&](StoredEntry entry) {
    EXPECT_EQ(entry.index, next++);
    EXPECT_EQ(entry.opening->event, MakeEvent(absl::StrCat(entry.index - 1), "x"));
    return true;
  }));
  EXPECT_EQ(next, 10u);
  EXPECT_OK(t.ledger->ReadEntries(10, 10, true, [](StoredEntry) { return true; }));
  EXPECT_THAT(t.ledger->ReadEntry(10, false), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(t.ledger->ReadEntries(0, 11, false, [](StoredEntry) { return true; }),
              StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_EQ(ReasonOf(t.ledger->ReadEntry(10, false).status()).reason, kReasonIndexBeyondSize);
  EXPECT_EQ(ReasonOf(t.ledger->Inclusion(0, 11).status()).reason, kReasonTreeSizeUnknown);
  EXPECT_EQ(ReasonOf(t.ledger->Consistency(0, 5).status()).reason, kReasonTreeSizeUnknown);
  EXPECT_THAT(t.ledger->Consistency(5, 4), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(LedgerTest, ProofsForAnyTwoSizesHold) {
  std::vector<PublishedHead> heads = {*t.ledger->head()};
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto outcome, t.AppendOne(absl::StrCat(i), "x"));
    heads.push_back(*outcome.head);
  }
  for (const auto& from : heads) {
    for (const auto& to : heads) {
      if (from.head.size > to.head.size) continue;
      ASSERT_OK_AND_ASSIGN(const auto proof, t.ledger->Consistency(from.head.size, to.head.size));
      EXPECT_OK(
          VerifyConsistency(from.head.size, from.head.root, to.head.size, to.head.root, proof));
      ASSERT_OK_AND_ASSIGN(const auto path, t.ledger->Inclusion(from.head.size - 1, to.head.size));
      EXPECT_OK(VerifyInclusion(from.head.size - 1, to.head.size,
                                LeafHash(t.ledger->ReadEntry(from.head.size - 1, false)->leaf),
                                path, to.head.root));
    }
  }
}

TEST_P(LedgerTest, StreamsTellWhatNeverArrivedAlsoAfterARestart) {
  for (const uint64_t sequence : {5, 1, 2, 9, 5}) {
    ASSERT_OK(t.AppendOne(absl::StrCat("q", sequence), "x", sequence).status());
  }
  ASSERT_OK(t.AppendOne("unnumbered", "x", 0, "s2").status());
  for (int round = 0; round < 2; ++round) {
    const std::vector<StreamInfo> streams = t.ledger->Streams(0, 10, 10);
    ASSERT_EQ(streams.size(), 1u);  // only those that number their events
    EXPECT_EQ(streams[0].stream_id, "s1");
    EXPECT_EQ(streams[0].received_count, 4u);
    EXPECT_EQ(streams[0].last_sequence, 9u);
    EXPECT_EQ(streams[0].gaps, (std::vector<SequenceRange>{{3, 4}, {6, 8}}));
    ASSERT_OK(t.Open());
  }
}

TEST_P(LedgerTest, StreamsAreAsExactWhenTheyComeFromAFile) {
  t.options.limits.identity_run_entries = 16;
  ASSERT_OK(t.Open());
  for (uint64_t i = 1; i < 152; ++i) {
    const uint64_t sequence = i ^ 5;  // out of order; 5 itself never comes
    if (sequence % 40 == 0) continue;
    ASSERT_OK(t.AppendOne(absl::StrCat(sequence), "x", sequence).status());
  }
  const StreamInfo before = t.ledger->Streams(0, 1, 99)[0];
  EXPECT_EQ(before.gaps, (std::vector<SequenceRange>{{5, 5}, {40, 40}, {80, 80}, {120, 120}}));
  t.Close();
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(IdentityPath(t.options.paths))) {
    if (file.path().filename().string().rfind("streams-", 0) == 0) ++files;
  }
  EXPECT_EQ(files, 2);
  ASSERT_OK(t.Open());
  const StreamInfo after = t.ledger->Streams(0, 1, 99)[0];
  EXPECT_EQ(after.gaps, before.gaps);
  EXPECT_EQ(after.received_count, before.received_count);
  EXPECT_EQ(after.last_sequence, before.last_sequence);
}

TEST_P(LedgerTest, ListenersHearOfEachHeadInOrderUntilRemoved) {
  std::mutex mutex;
  std::vector<uint64_t> heard;
  const uint64_t id = t.ledger->AddHeadListener([&](const auto& head) {
    std::lock_guard<std::mutex> lock(mutex);
    heard.push_back(head->head.size);
  });
  for (int i = 0; i < 3; ++i) ASSERT_OK(t.AppendOne(absl::StrCat(i), "x").status());
  ASSERT_OK(t.AppendOne("0", "x").status());  // no new head; and the third was told by now
  {
    std::lock_guard<std::mutex> lock(mutex);
    EXPECT_EQ(heard, (std::vector<uint64_t>{1, 2, 3, 4}));
  }
  t.ledger->RemoveHeadListener(id);
  ASSERT_OK(t.AppendOne("9", "x").status());
  t.ledger->Drain();
  EXPECT_EQ(heard.size(), 4u);
}

TEST_P(LedgerTest, DrainAnswersEverythingOnceAndThenRefuses) {
  Answers answers;
  for (int i = 0; i < 300; ++i) {
    std::vector<SealedEvent> events;
    events.push_back(t.Seal(absl::StrCat(i), "x"));
    t.ledger->Append(std::move(events), answers.Slot());
  }
  SealedEvent late = t.Seal("late", "x");
  t.ledger->Drain();
  for (const auto& answer : answers.WaitAll()) EXPECT_OK(answer);
  for (const int calls : answers.CallsPerSlot()) EXPECT_EQ(calls, 1);
  std::vector<SealedEvent> events;
  events.push_back(std::move(late));
  const auto refused = t.Append(std::move(events));
  EXPECT_EQ(ReasonOf(refused.status()).reason, kReasonShuttingDown);
  EXPECT_OK(t.ledger->ReadEntry(300, true));  // reads go on
  t.ledger->Drain();
}

// A long story told at random: appends, repeats, conflicts, restarts, compared with the model.
class HistoryTest : public ::testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, HistoryTest, ::testing::Range<uint64_t>(1, 7));

void ExpectAsModel(TestLedger& t, ModelLedger& model,
                   const std::vector<ModelLedger::Event>& given) {
  std::vector<SealedEvent> events;
  for (const auto& event : given) events.push_back(t.Seal(event.id, event.content));
  const auto outcome = t.Append(std::move(events));
  const ModelLedger::Answer expected = model.Append(given);
  if (expected.conflict) {
    ASSERT_THAT(outcome, StatusIs(absl::StatusCode::kAlreadyExists));
    const auto metadata = ReasonOf(outcome.status()).metadata;
    EXPECT_EQ(metadata.at("first_index"), absl::StrCat(expected.first_index));
    EXPECT_EQ(metadata.at("conflict_index"), absl::StrCat(expected.conflict_index));
    EXPECT_EQ(metadata.at("position"), absl::StrCat(expected.position));
    return;
  }
  ASSERT_OK(outcome);
  for (size_t i = 0; i < given.size(); ++i) {
    EXPECT_EQ(outcome->entries[i].index, expected.places[i].index);
    EXPECT_EQ(outcome->entries[i].repeated, expected.places[i].repeated);
    EXPECT_OK(CheckReceipt(*t.ledger, *outcome, i, MakeEvent(given[i].id, given[i].content)));
  }
}

TEST_P(HistoryTest, IsWhatTheModelSays) {
  const uint64_t seed = GetParam();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  TestLedger t(seed % 2 == 0 ? TestLedger::Store::kMemory : TestLedger::Store::kLevelDb);
  t.options.limits.identity_run_entries = 16;  // so that runs are written, merged and probed
  ASSERT_OK(t.Create());
  ModelLedger model;
  for (int step = 0; step < 120; ++step) {
    std::vector<ModelLedger::Event> given;
    std::map<std::string, std::string> here;
    for (uint64_t n = 1 + random() % (step % 10 == 0 ? 60 : 4); n > 0; --n) {
      const std::string id = absl::StrCat("e", random() % 400);
      given.push_back({id, here.emplace(id, absl::StrCat(random() % 12 == 0)).first->second});
    }
    ASSERT_NO_FATAL_FAILURE(ExpectAsModel(t, model, given)) << "step " << step;
    ASSERT_EQ(t.ledger->head()->head.size, model.entries().size());
    if (random() % 12 != 0) continue;
    ASSERT_OK(t.Check());
    ASSERT_OK(t.Open());
  }
  for (uint64_t i = 1; i < model.entries().size(); ++i) {
    ASSERT_OK_AND_ASSIGN(const StoredEntry entry, t.ledger->ReadEntry(i, true));
    EXPECT_EQ(EntryKindName(ParseLeaf(entry.leaf)->kind), model.entries()[i].kind);
    EXPECT_EQ(entry.opening->event,
              MakeEvent(model.entries()[i].event.id, model.entries()[i].event.content));
  }
  EXPECT_OK(t.Check());
}

}  // namespace
}  // namespace auditledger::testing
