// The receipts and heads that every client in another language is held to
// (tests/testdata/seal/receipts.json), judged by the C++ client: same verdicts.
//
// Covers: api/client/receipt_check
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/client/receipt_check.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/verify.h"
#include "tests/merkle/seal_vectors.h"

namespace auditledger {
namespace {

using testing::Bytes;

PinnedLog Pinned(const nlohmann::json& file) {
  const nlohmann::json& pinned = file["pinned"];
  PinnedLog log{pinned["origin"], NoteVerifier::Parse(pinned["vkey"].get<std::string>()).value()};
  for (const std::string vkey : pinned["other_vkeys"]) {
    log.other_keys.push_back(NoteVerifier::Parse(vkey).value());
  }
  return log;
}

TEST(ReceiptVectorsTest, EveryReceiptIsJudgedAsItShouldBe) {
  const nlohmann::json file = testing::SealVectors("receipts.json");
  const PinnedLog log = Pinned(file);
  for (const nlohmann::json& vector : file["receipts"]) {
    v1::Receipt receipt;
    ASSERT_TRUE(receipt.ParseFromString(Bytes(vector["receipt"])));
    const absl::Status status = CheckReceipt(receipt, Bytes(vector["event"]), log);
    EXPECT_EQ(absl::StatusCodeToString(status.code()), vector["verdict"])
        << vector["name"] << ": " << status;
  }
  EXPECT_GE(file["receipts"].size(), 60u);
}

TEST(ReceiptVectorsTest, EveryPairOfHeadsIsJudgedAsItShouldBe) {
  const nlohmann::json file = testing::SealVectors("receipts.json");
  const PinnedLog log = Pinned(file);
  for (const nlohmann::json& vector : file["heads"]) {
    const Checkpoint before =
        OpenPinnedHead(vector["old_note"].get<std::string>(), log)->checkpoint;
    const Checkpoint after = OpenPinnedHead(vector["new_note"].get<std::string>(), log)->checkpoint;
    std::vector<Hash> proof;
    for (const nlohmann::json& hash : vector["proof"]) proof.push_back(testing::HashOf(hash));
    const absl::Status status =
        VerifyConsistency(before.size, before.root, after.size, after.root, proof);
    EXPECT_EQ(absl::StatusCodeToString(status.code()), vector["verdict"])
        << vector["name"] << ": " << status;
  }
  EXPECT_GE(file["heads"].size(), 14u);
}

// The event that stands for all: what the ledger would seal of it is what a client compares with.
TEST(ReceiptVectorsTest, ItsEventsAreCanonical) {
  const nlohmann::json file = testing::SealVectors("receipts.json");
  v1::AuditEvent event;
  ASSERT_TRUE(event.ParseFromString(Bytes(file["receipts"][0]["event"])));
  EXPECT_EQ(event.SerializeAsString(), Bytes(file["receipts"][0]["event"]));
}

}  // namespace
}  // namespace auditledger
