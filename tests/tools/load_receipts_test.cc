#include "tools/load_receipts.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "auditledger/v1/ledger_service.pb.h"
#include "merkle/proof.h"
#include "tests/testing/rotated_log.h"

namespace auditledger {
namespace {

constexpr uint32_t kStream = 3;

// A log that took events of one stream, and the answers it would give.
class LoadReceiptsTest : public ::testing::Test {
 protected:
  LoadReceiptsTest()
      : events_(LoadEvents::Make({.event_bytes = 300, .run = 7, .recorded_unix_s = 1'700'000'000})
                    .value()) {
    for (uint64_t sequence = 1; sequence <= 5; ++sequence) {
      std::string event;
      events_.AppendEvent(event, kStream, sequence);
      indices_.push_back(log_.AddEvent(event));
    }
  }

  v1::Receipt Receipt(uint64_t sequence) {
    const uint64_t index = indices_[sequence - 1];
    v1::Receipt receipt;
    receipt.set_index(index);
    receipt.set_leaf(log_.leaves()[index]);
    receipt.mutable_inclusion()->set_leaf_index(index);
    receipt.mutable_inclusion()->set_tree_size(log_.size());
    const std::vector<Hash> proof = InclusionProof(index, log_.size(), log_).value();
    for (const Hash& hash : proof) {
      receipt.mutable_inclusion()->add_hashes(std::string(hash.view()));
    }
    receipt.mutable_checkpoint()->set_note(log_.CheckpointAt(log_.size()));
    receipt.mutable_opening()->set_seed(log_.openings()[index]->seed);
    receipt.mutable_opening()->set_header(log_.openings()[index]->header);
    return receipt;
  }

  // The answer to a batch of all events, with something done to the receipt of the third.
  LoadAnswer Batch(const std::function<void(v1::Receipt&)>& change = nullptr) {
    v1::BatchAppendEventsResponse response;
    for (uint64_t sequence = 1; sequence <= 5; ++sequence) {
      *response.add_receipts() = Receipt(sequence);
      if (sequence == 3 && change) change(*response.mutable_receipts(2));
    }
    return {LoadAnswer::kBatch, kStream, 1, 5, response.SerializeAsString()};
  }

  // The same with one proof for all, as the load generator asks for.
  LoadAnswer SharedBatch(
      const std::function<void(v1::BatchAppendEventsResponse&)>& change = nullptr) {
    v1::BatchAppendEventsResponse response;
    for (uint64_t sequence = 1; sequence <= 5; ++sequence) {
      v1::Receipt& receipt = *response.add_receipts();
      receipt = Receipt(sequence);
      *response.mutable_checkpoint() = receipt.checkpoint();
      receipt.clear_inclusion();
      receipt.clear_checkpoint();
    }
    v1::RangeProof& range = *response.mutable_range();
    range.set_first_index(indices_.front());
    range.set_tree_size(log_.size());
    const std::vector<Hash> proof =
        RangeProof({indices_.front(), indices_.back() + 1}, log_.size(), log_).value();
    for (const Hash& hash : proof) range.add_hashes(std::string(hash.view()));
    if (change) change(response);
    return {LoadAnswer::kBatch, kStream, 1, 5, response.SerializeAsString()};
  }

  PinnedLog Pin() const { return {log_.origin(), log_.verifier()}; }
  absl::Status Check(const LoadAnswer& answer) {
    return ReceiptChecker(Pin(), events_).Check(answer).status();
  }

  testing::TestLog log_;
  LoadEvents events_;
  std::vector<uint64_t> indices_;
};

// Of a run in which the log's key is rotated.
TEST_F(LoadReceiptsTest, AnyPinnedKeyMayHaveSigned) {
  const LoadAnswer answer = Batch([&](v1::Receipt& receipt) {
    receipt.mutable_checkpoint()->set_note(testing::CheckpointBy(2, log_, log_.size()));
  });
  EXPECT_FALSE(Check(answer).ok());
  PinnedLog pin = Pin();
  pin.other_keys.push_back(
      NoteVerifier::FromEd25519(log_.origin(), testing::TestPublicKey(2)).value());
  EXPECT_TRUE(ReceiptChecker(pin, events_).Check(answer).ok());
  std::swap(pin.key, pin.other_keys[0]);
  EXPECT_TRUE(ReceiptChecker(pin, events_).Check(answer).ok());
}

TEST_F(LoadReceiptsTest, GoodReceiptsAreCountedWhicheverWayTheyCame) {
  LoadReceipts receipts(Pin(), events_, 2);
  v1::AppendEventResponse unary;
  *unary.mutable_receipt() = Receipt(1);
  receipts.Submit({LoadAnswer::kUnary, kStream, 1, 1, unary.SerializeAsString()});
  v1::AppendEventStreamResponse stream;
  *stream.add_results()->mutable_receipt() = Receipt(2);
  stream.add_results()->mutable_problem()->set_code(8);  // refused: no receipt, no index
  *stream.add_results()->mutable_receipt() = Receipt(4);
  receipts.Submit({LoadAnswer::kStream, kStream, 2, 3, stream.SerializeAsString()});
  receipts.Finish();
  EXPECT_TRUE(receipts.failure().ok()) << receipts.failure();
  EXPECT_EQ(receipts.verified(), 3u);
}

TEST_F(LoadReceiptsTest, EachPartOfAReceiptThatDoesNotHoldIsAFailure) {
  EXPECT_TRUE(Check(Batch()).ok()) << Check(Batch());
  const std::vector<std::function<void(v1::Receipt&)>> changes = {
      [](v1::Receipt& r) { (*r.mutable_leaf())[10] ^= 1; },
      [](v1::Receipt& r) { r.set_index(r.index() + 1); },
      [](v1::Receipt& r) { (*r.mutable_inclusion()->mutable_hashes(0))[0] ^= 1; },
      [](v1::Receipt& r) { r.mutable_inclusion()->mutable_hashes()->RemoveLast(); },
      [](v1::Receipt& r) { r.mutable_inclusion()->set_tree_size(99); },
      [](v1::Receipt& r) { (*r.mutable_opening()->mutable_seed())[0] ^= 1; },
      [](v1::Receipt& r) { r.clear_opening(); },
      [](v1::Receipt& r) { r.mutable_checkpoint()->mutable_note()->back() = '!'; },
      [](v1::Receipt& r) { r.clear_checkpoint(); },
      [this](v1::Receipt& r) { r = Receipt(4); },  // another event's
  };
  for (size_t i = 0; i < changes.size(); ++i) EXPECT_FALSE(Check(Batch(changes[i])).ok()) << i;
}

TEST_F(LoadReceiptsTest, ASharedProofIsCheckedForEachEvent) {
  EXPECT_TRUE(Check(SharedBatch()).ok()) << Check(SharedBatch());
  using Answer = v1::BatchAppendEventsResponse;
  const std::vector<std::function<void(Answer&)>> changes = {
      [](Answer& a) { (*a.mutable_receipts(2)->mutable_leaf())[10] ^= 1; },
      [](Answer& a) { a.mutable_receipts(2)->set_index(1); },
      [](Answer& a) { a.mutable_receipts(2)->clear_opening(); },
      [](Answer& a) { (*a.mutable_range()->mutable_hashes(0))[0] ^= 1; },
      [](Answer& a) { a.mutable_range()->set_tree_size(99); },
      [](Answer& a) { a.mutable_checkpoint()->mutable_note()->back() = '!'; },
      [](Answer& a) { a.mutable_receipts()->RemoveLast(); },
  };
  for (size_t i = 0; i < changes.size(); ++i)
    EXPECT_FALSE(Check(SharedBatch(changes[i])).ok()) << i;
}

TEST_F(LoadReceiptsTest, AHeadOfAnotherKeyIsRefusedAlsoAfterAGoodOne) {
  ReceiptChecker checker(Pin(), events_);
  EXPECT_TRUE(checker.Check(Batch()).ok());
  testing::TestLog::Options options;
  options.key = 2;
  const testing::TestLog forger(options);
  const auto forged = [&](v1::Receipt& receipt) {
    const std::string note = receipt.checkpoint().note();
    receipt.mutable_checkpoint()->set_note(forger.Sign(note.substr(0, note.find("\n\n") + 1)));
  };
  EXPECT_FALSE(checker.Check(Batch(forged)).ok());
}

TEST_F(LoadReceiptsTest, TooFewReceiptsAreAFailure) {
  LoadAnswer answer = Batch();
  answer.count = 6;
  EXPECT_TRUE(absl::IsDataLoss(Check(answer)));
  answer.bytes = "\xff";
  EXPECT_TRUE(absl::IsDataLoss(Check(answer)));
}

TEST_F(LoadReceiptsTest, TwoEventsInOnePlaceAreAFailure) {
  LoadReceipts receipts(Pin(), events_, 1);
  receipts.Submit(Batch());
  receipts.Submit(Batch());
  receipts.Finish();
  EXPECT_TRUE(absl::IsDataLoss(receipts.failure())) << receipts.failure();
  EXPECT_EQ(receipts.verified(), 5u);
}

}  // namespace
}  // namespace auditledger
