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
  ReceiptWriter(head).Append(entry, opening, v1::BatchAppendEventsResponse::kReceiptsFieldNumber,
                             written);
  EXPECT_EQ(written, message.SerializeAsString()) << message.DebugString();
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
    writer.Append(entry, index == 0, v1::BatchAppendEventsResponse::kReceiptsFieldNumber, written);
    *message.add_receipts() = ToReceipt(entry, head, index == 0);
  }
  EXPECT_EQ(written, message.SerializeAsString());
}

}  // namespace
}  // namespace auditledger
