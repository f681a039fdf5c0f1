// What an emitter believes of a server that holds the log's key and lies: a receipt counts only for
// the very event, under a head of the pinned key that has it. And what it cannot see alone: that
// others are shown another history.
//
// Covers: api/client/ledger_client, api/client/receipt_check
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
  const std::vector<v1::AuditEvent> events = {Event(601), Event(602), Event(603)};
  EXPECT_OK(Client().AppendBatch(events).status());
  uint64_t first = log_.size();
  service_.Tell([&](v1::Receipt& r) { r = ReceiptMessage(log_, first, log_.size()); });
  EXPECT_THAT(Client().AppendBatch(events).status(),
              testing::StatusIs(absl::StatusCode::kDataLoss));
  service_.Tell(nullptr);
  service_.LeaveOutTheLastReceipt(true);
  EXPECT_THAT(Client().AppendBatch(events).status(),
              testing::StatusIs(absl::StatusCode::kDataLoss));
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
