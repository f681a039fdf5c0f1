// Covers: api/convert
// What is written without messages is what the messages would have been, to the byte.
#include "api/receipt_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "api/convert.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "merkle/header.h"
#include "merkle/sha256.h"

namespace auditledger {
namespace {

constexpr uint32_t kReceipts = v1::BatchAppendEventsResponse::kReceiptsFieldNumber;

// As a message.
v1::Receipt ToReceipt(const AppendedEntry& entry, const PublishedHead& head, bool with_opening) {
  v1::Receipt out;
  out.set_index(entry.index);
  out.set_leaf(entry.leaf);
  *out.mutable_inclusion() = ToInclusion(entry.index, head.head.size, entry.inclusion);
  out.mutable_checkpoint()->set_note(head.checkpoint);
  if (with_opening) {
    out.mutable_opening()->set_seed(entry.seed);
    out.mutable_opening()->set_header(entry.header);
    out.mutable_opening()->set_event(entry.masked_event);
  }
  for (const std::string& name : FlagNames(entry.flags)) out.add_flags(name);
  out.set_repeated_event(entry.repeated);
  out.set_witnessed(head.witnessed);
  return out;
}

AppendedEntry Entry(uint64_t index, size_t hashes) {
  AppendedEntry entry;
  entry.index = index;
  entry.leaf = std::string(index % 400, 'l');
  for (size_t i = 0; i < hashes; ++i) entry.inclusion.push_back(Sha256({std::to_string(i)}));
  return entry;
}

void ExpectTheMessagesBytes(const AppendedEntry& entry, const PublishedHead& head, bool opening) {
  v1::BatchAppendEventsResponse message;
  *message.add_receipts() = ToReceipt(entry, head, opening);
  std::string written;
  ReceiptWriter writer(head);
  writer.Append(entry, ReceiptForm::kWhole, opening, kReceipts, written);
  EXPECT_EQ(written, message.SerializeAsString()) << message.DebugString();
  EXPECT_EQ(writer.SizeOf(entry, ReceiptForm::kWhole, opening, kReceipts), written.size());
}

TEST(ReceiptWriter, SaysWhetherTheHeadIsWitnessed) {
  PublishedHead head{{1'000'000, Hash{}, 7}, "note\n\nsignature\n"};
  head.witnessed = true;
  ExpectTheMessagesBytes(Entry(5, 4), head, false);
}

TEST(ReceiptWriter, WritesWhatTheMessageWouldBe) {
  const PublishedHead head{{1'000'000, Hash{}, 7}, "note\n\nsignature\n"};
  for (const uint64_t index : {0, 1, 127, 128, 70'000}) {
    for (const size_t hashes : {0, 1, 4, 20}) {
      AppendedEntry entry = Entry(index, hashes);
      ExpectTheMessagesBytes(entry, head, false);
      ExpectTheMessagesBytes(entry, head, true);  // an opening with nothing in it
      entry.seed = std::string(32, 's');
      entry.header = std::string(200, 'h');
      entry.flags = kFlagProfile | kFlagClockSkew;
      entry.repeated = true;
      ExpectTheMessagesBytes(entry, head, false);
      ExpectTheMessagesBytes(entry, head, true);
    }
  }
}

TEST(ReceiptWriter, EachReceiptStandsForItself) {
  const PublishedHead head{{9, Hash{}, 7}, "note"};
  ReceiptWriter writer(head);
  std::string written;
  v1::BatchAppendEventsResponse message;
  for (const uint64_t index : {3, 0, 8}) {
    const AppendedEntry entry = Entry(index, index);
    writer.Append(entry, ReceiptForm::kWhole, index == 0, kReceipts, written);
    *message.add_receipts() = ToReceipt(entry, head, index == 0);
  }
  EXPECT_EQ(written, message.SerializeAsString());
}

TEST(ReceiptWriter, AProofThatTheMessageAroundItHasIsLeftOutButForARepeats) {
  const PublishedHead head{{9, Hash{}, 7}, "note"};
  ReceiptWriter writer(head);
  const AppendedEntry entry = Entry(5, 3);
  AppendedEntry repeat = Entry(2, 3);
  repeat.repeated = true;
  v1::BatchAppendEventsResponse message;
  *message.add_receipts() = ToReceipt(entry, head, true);
  *message.add_receipts() = ToReceipt(repeat, head, false);
  message.mutable_receipts(0)->clear_inclusion();
  for (v1::Receipt& receipt : *message.mutable_receipts()) receipt.clear_checkpoint();
  message.mutable_checkpoint()->set_note("note");
  message.mutable_range()->set_first_index(5);
  message.mutable_range()->set_tree_size(9);
  const std::vector<Hash> proof = {Sha256({"left"}), Sha256({"right"})};
  for (const Hash& hash : proof) message.mutable_range()->add_hashes(std::string(hash.view()));

  std::string written;
  writer.Append(entry, ReceiptForm::kShared, true, kReceipts, written);
  EXPECT_EQ(writer.SizeOf(entry, ReceiptForm::kShared, true, kReceipts), written.size());
  writer.Append(repeat, ReceiptForm::kShared, false, kReceipts, written);
  writer.AppendCheckpoint(v1::BatchAppendEventsResponse::kCheckpointFieldNumber, written);
  writer.AppendRange(5, proof, v1::BatchAppendEventsResponse::kRangeFieldNumber, written);
  EXPECT_EQ(written, message.SerializeAsString());
}

TEST(ReceiptWriter, AProofCanBeLeftOut) {
  const PublishedHead head{{9, Hash{}, 7}, "note"};
  ReceiptWriter writer(head);
  AppendedEntry entry = Entry(5, 3);
  entry.header = "h";
  entry.flags = kFlagLate;
  v1::BatchAppendEventsResponse message;
  *message.add_receipts() = ToReceipt(entry, head, true);
  message.mutable_receipts(0)->clear_leaf();
  message.mutable_receipts(0)->clear_inclusion();
  message.mutable_receipts(0)->clear_checkpoint();
  std::string written;
  writer.Append(entry, ReceiptForm::kBare, true, kReceipts, written);
  EXPECT_EQ(written, message.SerializeAsString());
  EXPECT_EQ(writer.SizeOf(entry, ReceiptForm::kBare, true, kReceipts), written.size());
}

}  // namespace
}  // namespace auditledger
