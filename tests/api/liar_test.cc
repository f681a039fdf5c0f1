// What an emitter believes of a server that holds the log's key and lies: a receipt counts only for
// the very event, under a head of the pinned key that has it. And what it cannot see alone: that
// others are shown another history.
//
// Covers: api/client/ledger_client, api/client/receipt_check, api/client/shared_proof
#include "tests/testing/liar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "api/client/ledger_client.h"
#include "api/client/receipt_check.h"
#include "tests/api/lying_service.h"
#include "tests/testing/rotated_log.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using testing::Liar;
using testing::LyingService;
using testing::ReceiptMessage;
using testing::TestEvent;
using testing::TestLog;

v1::AuditEvent Event(uint64_t number) {
  v1::AuditEvent event;
  EXPECT_TRUE(event.ParseFromString(TestEvent(number)));
  return event;
}

class LiarClientTest : public ::testing::Test {
 protected:
  LiarClientTest() : log_(), service_(log_) { log_.AddEvents(20); }
  LedgerClient Client() {
    LedgerClientOptions options;
    options.ledger = "ledgers/main";
    options.log = Pinned();
    return LedgerClient(service_.channel(), std::move(options));
  }
  PinnedLog Pinned() const { return {log_.origin(), log_.verifier()}; }
  absl::Status SendOne() { return Client().Append(Event(next_++)).status(); }

  uint64_t next_ = 500;
  TestLog log_;
  LyingService service_;
};

TEST_F(LiarClientTest, NoReceiptThatProvesAnythingElseIsBelieved) {
  EXPECT_OK(SendOne());
  TestLog::Options stranger;
  stranger.key = 2;
  TestLog by_another_key(stranger);
  by_another_key.AddEvents(40);
  TestLog::Options elsewhere;
  elsewhere.origin = "ledger.test/elsewhere";
  TestLog other_origin(elsewhere);
  other_origin.AddEvents(40);
  TestLog fork;
  fork.AddEvent(TestEvent(900));
  fork.AddEvents(40);
  const std::vector<std::pair<const char*, LyingService::Lie>> lies = {
      {"the receipt of another entry", [&](auto& r) { r = ReceiptMessage(log_, 3, log_.size()); }},
      {"another's leaf", [&](auto& r) { r.set_leaf(log_.leaves()[3]); }},
      {"another's place", [](auto& r) { r.set_index(r.index() - 1); }},
      {"another's place, in the proof", [](auto& r) { r.mutable_inclusion()->set_leaf_index(3); }},
      {"a proof for another head", [](auto& r) { r.mutable_inclusion()->set_tree_size(7); }},
      {"a head before the entry",
       [&](auto& r) { r.mutable_checkpoint()->set_note(log_.CheckpointAt(r.index())); }},
      {"an older head, and its size",
       [&](auto& r) {
         r.mutable_checkpoint()->set_note(log_.CheckpointAt(10));
         r.mutable_inclusion()->set_tree_size(10);
       }},
      {"the head of a fork",
       [&](auto& r) {
         r.mutable_checkpoint()->set_note(fork.CheckpointAt(r.inclusion().tree_size()));
       }},
      {"a root that was made up",
       [&](auto& r) {
         r.mutable_checkpoint()->set_note(
             log_.CheckpointSaying(r.inclusion().tree_size(), LeafHash("no tree")));
       }},
      {"another key's log", [&](auto& r) { r = ReceiptMessage(by_another_key, 30, 40); }},
      {"another log of the key", [&](auto& r) { r = ReceiptMessage(other_origin, 30, 40); }},
      {"no opening", [](auto& r) { r.clear_opening(); }},
      {"another's opening",
       [&](auto& r) { r.mutable_opening()->set_seed(log_.openings()[3]->seed); }},
      {"another's header",
       [&](auto& r) { r.mutable_opening()->set_header(log_.openings()[3]->header); }},
      {"a proof cut short", [](auto& r) { r.mutable_inclusion()->mutable_hashes()->RemoveLast(); }},
      {"a proof too long",
       [](auto& r) { r.mutable_inclusion()->add_hashes(std::string(32, 'x')); }},
      {"no proof", [](auto& r) { r.mutable_inclusion()->clear_hashes(); }},
      {"a hash of another length",
       [](auto& r) { r.mutable_inclusion()->set_hashes(0, std::string(31, 'x')); }},
      {"no head", [](auto& r) { r.clear_checkpoint(); }},
      {"nothing", [](auto& r) { r.Clear(); }},
  };
  for (const auto& [name, lie] : lies) {
    service_.Tell(lie);
    EXPECT_FALSE(SendOne().ok()) << name;
  }
  service_.Tell(nullptr);
  EXPECT_OK(SendOne());
}

// Before a log's key is rotated the next one is pinned as well; from then on either may sign.
TEST_F(LiarClientTest, TheNextKeyIsBelievedOnceItIsPinned) {
  const NoteVerifier next =
      NoteVerifier::FromEd25519(log_.origin(), testing::TestPublicKey(2)).value();
  service_.Tell([&](v1::Receipt& r) {
    r.mutable_checkpoint()->set_note(testing::CheckpointBy(2, log_, r.inclusion().tree_size()));
  });
  EXPECT_THAT(Client().Append(Event(800)).status(),
              testing::StatusIs(absl::StatusCode::kUnauthenticated));
  const auto append = [&](NoteVerifier key, std::vector<NoteVerifier> others) {
    LedgerClientOptions options;
    options.ledger = "ledgers/main";
    options.log = PinnedLog{log_.origin(), std::move(key), std::move(others)};
    return LedgerClient(service_.channel(), std::move(options)).Append(Event(next_++)).status();
  };
  EXPECT_OK(append(log_.verifier(), {next}));
  EXPECT_OK(append(next, {log_.verifier()}));
  const NoteVerifier stranger =
      NoteVerifier::FromEd25519(log_.origin(), testing::TestPublicKey(3)).value();
  EXPECT_FALSE(append(log_.verifier(), {stranger}).ok());
  service_.Tell(nullptr);
  EXPECT_OK(append(log_.verifier(), {next})) << "the log's own key still signs";
  EXPECT_OK(append(next, {stranger, log_.verifier()}));
}

TEST_F(LiarClientTest, ARefusalDressedUpAsAReceiptIsNone) {
  const v1::AuditEvent event = Event(next_);
  log_.AddConflict(1, event.SerializeAsString());
  const uint64_t conflict = log_.size() - 1;
  service_.Tell([&](v1::Receipt& r) { r = ReceiptMessage(log_, conflict, log_.size()); });
  EXPECT_THAT(Client().Append(event).status(), testing::StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(LiarClientTest, EachReceiptOfABatchIsForItsOwnEvent) {
  const auto lost = testing::StatusIs(absl::StatusCode::kDataLoss);
  const std::vector<v1::AuditEvent> events = {Event(601), Event(602), Event(603)};
  for (const bool shares : {true, false}) {
    service_.SharesProofs(shares);
    EXPECT_OK(Client().AppendBatch(events).status());
    const uint64_t first = log_.size();
    service_.Tell([&](v1::Receipt& r) { r = ReceiptMessage(log_, first, log_.size()); });
    EXPECT_THAT(Client().AppendBatch(events).status(), lost);
    service_.Tell(nullptr);
    service_.TellOfBatches([](auto& answer) { answer.mutable_receipts()->RemoveLast(); });
    EXPECT_THAT(Client().AppendBatch(events).status(), lost);
    service_.TellOfBatches(nullptr);
  }
}

// The head that whole receipts share is not taken for that of one under another.
TEST_F(LiarClientTest, EachReceiptOfABatchIsUnderItsOwnHead) {
  service_.SharesProofs(false);
  const std::vector<v1::AuditEvent> events = {Event(601), Event(602), Event(603)};
  TestLog::Options stranger;
  stranger.key = 2;
  const TestLog forger(stranger);
  service_.TellOfBatches([&](auto& answer) {
    std::string& note = *answer.mutable_receipts(1)->mutable_checkpoint()->mutable_note();
    note = forger.Sign(note.substr(0, note.find("\n\n") + 1));
  });
  EXPECT_THAT(Client().AppendBatch(events).status(),
              testing::StatusIs(absl::StatusCode::kUnauthenticated));
}

class LiarBatchTest : public LiarClientTest {
 protected:
  using Answer = v1::BatchAppendEventsResponse;
  using Lie = LyingService::BatchLie;

  absl::Status Send() {
    std::vector<v1::AuditEvent> events;
    for (int i = 0; i < 5; ++i) events.push_back(Event(next_++));
    return Client().AppendBatch(events).status();
  }
  // Each is refused, and says so.
  void ExpectRefused(const std::vector<std::pair<const char*, Lie>>& lies) {
    EXPECT_OK(Send());
    for (const auto& [reason, lie] : lies) {
      service_.TellOfBatches(lie);
      const absl::Status status = Send();
      EXPECT_FALSE(status.ok()) << reason;
      EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(reason));
    }
    service_.TellOfBatches(nullptr);
    EXPECT_OK(Send());
  }
  // What the range proof would be for other entries.
  void ProveInstead(LeafRange range, Answer& answer) {
    const uint64_t size = answer.range().tree_size();
    const auto proof = RangeProof(range, size, log_).value();
    answer.mutable_range()->set_first_index(range.begin);
    answer.mutable_range()->clear_hashes();
    for (const Hash& hash : proof) answer.mutable_range()->add_hashes(std::string(hash.view()));
  }
  v1::Receipt Repeat(uint64_t index) {
    v1::Receipt receipt = ReceiptMessage(log_, index, log_.size());
    receipt.clear_checkpoint();
    receipt.set_repeated_event(true);
    return receipt;
  }
};

TEST_F(LiarBatchTest, NoSharedProofOfAnythingElseIsBelieved) {
  ExpectRefused({
      {"computed", [&](Answer& a) { a.mutable_receipts(1)->set_leaf(log_.leaves()[3]); }},
      {"computed", [](Answer& a) { (*a.mutable_receipts(4)->mutable_leaf())[9] ^= 1; }},
      {"computed", [](Answer& a) { a.mutable_receipts(0)->clear_leaf(); }},
      {"where ", [](Answer& a) { a.mutable_receipts()->SwapElements(0, 1); }},
      {"where ", [](Answer& a) { a.mutable_receipts(2)->set_index(3); }},
      {"where ", [](Answer& a) { a.mutable_range()->set_first_index(3); }},
      {"commitment",  // the leaves of others, truly proven
       [&](Answer& a) {
         for (int i = 0; i < 5; ++i) {
           const uint64_t other = 3 + static_cast<uint64_t>(i);
           a.mutable_receipts(i)->set_index(other);
           a.mutable_receipts(i)->set_leaf(log_.leaves()[other]);
         }
         ProveInstead({3, 8}, a);
       }},
      {"computed",  // the right leaves, a place before
       [&](Answer& a) {
         for (v1::Receipt& r : *a.mutable_receipts()) r.set_index(r.index() - 1);
         const uint64_t first = a.range().first_index() - 1;
         ProveInstead({first, first + 5}, a);
       }},
      {"exactly", [](Answer& a) { a.mutable_range()->add_hashes(std::string(32, 'x')); }},
      {"exactly", [](Answer& a) { a.mutable_range()->mutable_hashes()->RemoveLast(); }},
      {"exactly", [](Answer& a) { a.mutable_range()->clear_hashes(); }},
      {"computed", [](Answer& a) { (*a.mutable_range()->mutable_hashes(0))[0] ^= 1; }},
      {"computed", [](Answer& a) { a.mutable_range()->mutable_hashes()->SwapElements(0, 1); }},
      {"32", [](Answer& a) { a.mutable_range()->mutable_hashes(0)->pop_back(); }},
      {"range: ", [](Answer& a) { a.mutable_range()->set_tree_size(3); }},
      {"2^63", [](Answer& a) { a.mutable_range()->set_tree_size(~uint64_t{0}); }},
      {"no range proof", [](Answer& a) { a.clear_range(); }},
      {"5 events", [](Answer& a) { a.mutable_receipts()->RemoveLast(); }},
      {"5 events", [](Answer& a) { *a.add_receipts() = a.receipts(0); }},
      {"5 events", [](Answer& a) { a.Clear(); }},
  });
}

TEST_F(LiarBatchTest, NoSharedProofIsBelievedUnderAHeadThatHasItNot) {
  TestLog::Options stranger;
  stranger.key = 2;
  const TestLog forger(stranger);
  TestLog fork;
  fork.AddEvent(TestEvent(900));
  fork.AddEvents(80);
  ExpectRefused({
      {"computed",
       [&](Answer& a) {
         a.mutable_checkpoint()->set_note(fork.CheckpointAt(a.range().tree_size()));
       }},
      {"computed",
       [&](Answer& a) {
         a.mutable_checkpoint()->set_note(
             log_.CheckpointSaying(a.range().tree_size(), LeafHash("no tree")));
       }},
      {"another index or head",
       [&](Answer& a) { a.mutable_checkpoint()->set_note(log_.CheckpointAt(10)); }},
      {"another index or head",
       [](Answer& a) {
         a.mutable_range()->set_tree_size(a.range().tree_size() + 1);
         a.mutable_range()->add_hashes(std::string(32, 'x'));
       }},
      {"",  // another key's
       [&](Answer& a) {
         std::string& note = *a.mutable_checkpoint()->mutable_note();
         note = forger.Sign(note.substr(0, note.find("\n\n") + 1));
       }},
      {"", [](Answer& a) { a.mutable_checkpoint()->clear_note(); }},
      {"a range proof without a checkpoint", [](Answer& a) { a.clear_checkpoint(); }},
      {"",
       [](Answer& a) {
         a.clear_checkpoint();
         a.clear_range();
       }},
  });
}

TEST_F(LiarBatchTest, WhatIsNewAndWhatIsARepeatEachHasItsOwnProofOnly) {
  ExpectRefused({
      {"receipts[2] has a checkpoint beside",
       [&](Answer& a) {
         a.mutable_receipts(2)->mutable_checkpoint()->set_note(log_.CheckpointAt(10));
       }},
      {"receipts[2] is of a new entry and has its own proof",
       [&](Answer& a) { a.mutable_receipts(2)->mutable_inclusion(); }},
      {"receipts[2] is of a repeated event and has no proof",
       [](Answer& a) { a.mutable_receipts(2)->set_repeated_event(true); }},
      {"a range proof where no entry is new",
       [&](Answer& a) {
         for (v1::Receipt& r : *a.mutable_receipts()) r = Repeat(r.index());
       }},
      {"where ",  // one of those in between
       [&](Answer& a) { *a.mutable_receipts(2) = Repeat(a.receipts(2).index()); }},
      {"commitment",  // another event's, at the end
       [&](Answer& a) {
         *a.mutable_receipts(4) = Repeat(3);
         const uint64_t first = a.range().first_index();
         ProveInstead({first, first + 4}, a);
       }},
  });
  service_.TellOfBatches([&](Answer& a) {
    *a.mutable_receipts(4) = Repeat(a.receipts(4).index());
    const uint64_t first = a.range().first_index();
    ProveInstead({first, first + 4}, a);
  });
  EXPECT_OK(Send()) << "a repeat that is where it says";
}

// For all sizes and every point to fork at: no event of the one history has a receipt in the other.
TEST_F(LiarClientTest, NoForkOfAnySizeHasAReceiptForAnEventOfTheTruth) {
  constexpr uint64_t kSize = 64;
  Liar liar(kSize);
  const PinnedLog pinned{liar.truth().origin(), liar.truth().verifier()};
  for (uint64_t point = 0; point < kSize; ++point) {
    for (uint64_t size = std::max<uint64_t>(point, 1) + 1; size <= kSize; ++size) {
      TestLog& fork = liar.fork(point);
      const std::string event = liar.truth().openings()[size - 1]->event;
      v1::Receipt receipt = ReceiptMessage(liar.truth(), size - 1, size);
      ASSERT_OK(CheckReceipt(receipt, event, pinned));
      receipt.mutable_checkpoint()->set_note(fork.CheckpointAt(size));
      ASSERT_FALSE(CheckReceipt(receipt, event, pinned).ok());
      ASSERT_FALSE(CheckReceipt(ReceiptMessage(fork, size - 1, size), event, pinned).ok());
    }
  }
}

// Alone, an emitter takes a fork's receipt for its event: the operator shows it a history of its
// own. Whoever holds the receipt against the log that others see has the proof.
TEST_F(LiarClientTest, AForkShownToOneEmitterAloneIsBelievedAndItsReceiptConvicts) {
  TestLog fork;
  fork.AddEvent(TestEvent(900));
  fork.AddEvents(30);
  service_.Serve(fork);
  ASSERT_OK_AND_ASSIGN(const v1::Receipt receipt, Client().Append(Event(700)));
  log_.AddEvents(30);
  Evidence evidence;
  evidence.kind = Evidence::Kind::kReceipt;
  evidence.first = receipt.checkpoint().note();
  evidence.second = log_.CheckpointAt(log_.size());
  evidence.index = receipt.index();
  evidence.first_hash = LeafHash(receipt.leaf());
  evidence.second_hash = LeafHash(log_.leaves()[receipt.index()]);
  for (const std::string& raw : receipt.inclusion().hashes()) {
    evidence.proof.push_back(Hash::FromBytes(raw).value());
  }
  evidence.second_proof = InclusionProof(receipt.index(), log_.size(), log_).value();
  ASSERT_OK_AND_ASSIGN(const std::string judged,
                       CheckEvidence(evidence, {log_.origin(), log_.verifier()}));
  EXPECT_THAT(judged, ::testing::HasSubstr("FORK: "));
}

}  // namespace
}  // namespace auditledger
