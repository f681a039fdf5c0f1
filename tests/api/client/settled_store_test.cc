#include "api/client/settled_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/api/client/spool_fixture.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::NewEvent;
using testing::SharedSpoolKey;
using testing::StatusIs;
using testing::TempDir;
using testing::TestWorld;

constexpr auto kLoss = absl::StatusCode::kDataLoss;

v1::Receipt ReceiptOf(uint64_t index) {
  v1::Receipt receipt;
  receipt.set_index(index);
  receipt.set_leaf("leaf");
  return receipt;
}

class SettledStoreTest : public ::testing::Test {
 protected:
  SettledStoreTest() { keep_.receipts = KeepReceipts::kUntilWitnessed; }
  void SetUp() override {
    SpoolOptions options;
    options.folder = dir_ / "spool";
    options.stream = "ehr-1";
    ASSERT_OK_AND_ASSIGN(spool_,
                         Spool::Open(world_.On(SpoolSystem::Machine()), SharedSpoolKey(), options));
    ASSERT_OK(spool_->Append(NewEvent(1)));
  }
  absl::StatusOr<std::unique_ptr<SettledStore>> Open() {
    return SettledStore::Open(*spool_, keep_);
  }
  static std::vector<uint64_t> IndicesOf(const SettledStore& store) {
    std::vector<uint64_t> out;
    const auto kept = store.KeptReceipts();
    EXPECT_OK(kept);
    for (const KeptReceipt& one : *kept) out.push_back(one.index);
    return out;
  }

  TempDir dir_;
  TestWorld world_;
  std::unique_ptr<Spool> spool_;
  SettledStoreOptions keep_;
};

TEST_F(SettledStoreTest, ReceiptsAreKeptWithTheirEventsUntilAWitnessedHeadCoversThem) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    for (uint64_t i = 10; i < 20; ++i) ASSERT_OK(store->Keep(NewEvent(i), ReceiptOf(i)));
    ASSERT_OK(store->Sync());
    EXPECT_EQ(store->receipts(), 10u);
    ASSERT_OK_AND_ASSIGN(const auto kept, store->KeptReceipts());
    EXPECT_EQ(kept[3].index, 13u);
    EXPECT_EQ(kept[3].receipt.leaf(), "leaf");
    EXPECT_EQ(kept[3].event.SerializeAsString(), NewEvent(13).SerializeAsString());
    ASSERT_OK(store->Witnessed(15));  // entries 0 to 14
    EXPECT_EQ(store->receipts(), 5u);
    ASSERT_OK(store->Witnessed(15));
    EXPECT_EQ(store->receipts(), 5u);
  }
  // A start: what lies in a file with others is there again, and goes with the next head.
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_EQ(store->receipts(), 10u);
  ASSERT_OK(store->Keep(NewEvent(20), ReceiptOf(20)));
  ASSERT_OK(store->Sync());
  ASSERT_OK(store->Witnessed(20));
  EXPECT_EQ(store->receipts(), 1u);
  EXPECT_EQ(IndicesOf(*store), std::vector<uint64_t>{20});  // the file of the others is gone
}

TEST_F(SettledStoreTest, AReceiptOfALaterEntryHoldsBackThoseBehindIt) {
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  for (const uint64_t index : {5u, 50u, 6u})
    ASSERT_OK(store->Keep(NewEvent(index), ReceiptOf(index)));
  ASSERT_OK(store->Witnessed(7));
  EXPECT_EQ(store->receipts(), 2u);
  ASSERT_OK(store->Witnessed(51));
  EXPECT_EQ(store->receipts(), 0u);
}

TEST_F(SettledStoreTest, NoneIsKeptWhereNoneIsWanted) {
  keep_.receipts = KeepReceipts::kNo;
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  ASSERT_OK(store->Keep(NewEvent(1), ReceiptOf(1)));
  EXPECT_EQ(store->receipts(), 0u);
  EXPECT_TRUE(IndicesOf(*store).empty());
}

TEST_F(SettledStoreTest, RefusedEventsStayWithTheReason) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_OK(store->Refuse(NewEvent(1), absl::InvalidArgumentError("agent: is missing")));
    ASSERT_OK(store->Refuse(NewEvent(2), absl::AlreadyExistsError(std::string(5000, 'x'))));
    ASSERT_OK(store->Sync());
  }
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_EQ(store->refused(), 2u);
  ASSERT_OK_AND_ASSIGN(const auto refused, store->RefusedEvents());
  ASSERT_EQ(refused.size(), 2u);
  EXPECT_THAT(refused[0].why, HasSubstr("agent: is missing"));
  EXPECT_EQ(refused[0].event.SerializeAsString(), NewEvent(1).SerializeAsString());
  EXPECT_EQ(refused[1].why.size(), 1024u);
}

TEST_F(SettledStoreTest, BothAreBounded) {
  keep_.max_receipt_bytes = keep_.max_refused_bytes = 4000;
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  constexpr auto kFull = absl::StatusCode::kResourceExhausted;
  absl::Status kept;
  absl::Status refused;
  while (kept.ok()) kept = store->Keep(NewEvent(1), ReceiptOf(1));
  while (refused.ok()) refused = store->Refuse(NewEvent(1), absl::InvalidArgumentError("no"));
  EXPECT_THAT(kept, StatusIs(kFull, HasSubstr("spool/receipts is full")));
  EXPECT_THAT(refused, StatusIs(kFull, HasSubstr("spool/refused is full")));
  // Room again, when somebody has them.
  ASSERT_OK(store->Sync());
  ASSERT_OK_AND_ASSIGN(const auto all, store->RefusedEvents());
  ASSERT_OK(store->TakeRefused(all.back().number));
  EXPECT_EQ(store->refused(), 0u);
  EXPECT_OK(store->Refuse(NewEvent(1), absl::InvalidArgumentError("no")));
  EXPECT_OK(store->status());
}

TEST_F(SettledStoreTest, WhatIsTakenIsGoneAndNothingElse) {
  const absl::Status no = absl::InvalidArgumentError("no");
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_OK(store->TakeRefused(9));  // there is none
    for (uint64_t i = 1; i <= 3; ++i) ASSERT_OK(store->Refuse(NewEvent(i), no));
    ASSERT_OK(store->Sync());
    ASSERT_OK_AND_ASSIGN(const auto all, store->RefusedEvents());
    EXPECT_EQ(all[2].number, 3u);
    ASSERT_OK(store->TakeRefused(2));  // it lies with the third
    EXPECT_EQ(store->refused(), 3u);
    ASSERT_OK(store->Refuse(NewEvent(4), no));
    ASSERT_OK(store->Sync());
    ASSERT_OK(store->TakeRefused(3));
    EXPECT_EQ(store->refused(), 1u);
  }
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  ASSERT_OK_AND_ASSIGN(const auto left, store->RefusedEvents());
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].number, 4u);
  EXPECT_EQ(left[0].event.SerializeAsString(), NewEvent(4).SerializeAsString());
}

TEST_F(SettledStoreTest, OfAnErasedEventOnlyItsNameIsKept) {
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  v1::AuditEvent event = NewEvent(1);
  event.set_event_id("id");
  event.mutable_source()->set_stream_id("s@1");
  event.mutable_source()->set_stream_sequence(7);
  ASSERT_OK(store->NoteErased(event, absl::FailedPreconditionError("erased")));
  ASSERT_OK(store->Sync());
  ASSERT_OK_AND_ASSIGN(const auto kept, store->RefusedEvents());
  ASSERT_EQ(kept.size(), 1u);
  v1::AuditEvent expected;
  expected.set_event_id("id");
  expected.mutable_source()->set_stream_id("s@1");
  expected.mutable_source()->set_stream_sequence(7);
  EXPECT_EQ(kept[0].event.SerializeAsString(), expected.SerializeAsString());
  EXPECT_THAT(kept[0].why, HasSubstr("erased"));
}

TEST_F(SettledStoreTest, ReceiptsOfAnotherSpoolAreNotTaken) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_OK(store->Keep(NewEvent(1), ReceiptOf(1)));
  }
  spool_.reset();
  std::filesystem::remove(dir_ / "spool/events-0000000000000001");
  std::filesystem::remove(dir_ / "spool/state");
  SetUp();
  EXPECT_THAT(Open(), StatusIs(kLoss, HasSubstr("another spool")));
}

TEST(SettledRecordsTest, AreReadStrictly) {
  const std::string kept = EncodeKeptReceipt(NewEvent(1), ReceiptOf(7));
  EXPECT_EQ(kept.substr(0, 8), std::string("\0\0\0\0\0\0\0\7", 8));
  EXPECT_OK(ParseKeptReceipt(kept));
  const size_t event_end = 12 + NewEvent(1).ByteSizeLong();
  for (size_t cut = 0; cut < event_end; ++cut) {
    EXPECT_THAT(ParseKeptReceipt(kept.substr(0, cut)), StatusIs(kLoss)) << cut;
  }
  EXPECT_THAT(ParseKeptReceipt(kept + "\xff"), StatusIs(kLoss));
  const std::string refused = EncodeRefusedEvent("why", NewEvent(1));
  EXPECT_OK(ParseRefusedEvent(refused));
  for (size_t cut = 0; cut < 7; ++cut) {
    EXPECT_THAT(ParseRefusedEvent(refused.substr(0, cut)), StatusIs(kLoss)) << cut;
  }
  EXPECT_THAT(ParseRefusedEvent(refused + "\xff"), StatusIs(kLoss));
}

}  // namespace
}  // namespace auditledger
