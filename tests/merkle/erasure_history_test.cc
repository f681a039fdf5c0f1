#include "merkle/erasure_history.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

const EntryRanges kSome = {{3, 5}, {9, 9}};

class ErasureHistoryTest : public ::testing::Test {
 protected:
  absl::Status Request(uint64_t index, const EntryRanges& ranges,
                       ErasureReason reason = ErasureReason::kSubjectRequest) {
    return history_.Add(index, EntryKind::kErasureRequest,
                        EncodeErasureRequest({reason, ranges}).value());
  }
  absl::Status Erase(uint64_t index, const EntryRanges& ranges, uint64_t request,
                     ErasureReason reason = ErasureReason::kSubjectRequest) {
    return history_.Add(index, EntryKind::kErasure,
                        EncodeErasure({{reason, ranges}, request}).value());
  }
  absl::Status Hold(uint64_t index, const EntryRanges& ranges) {
    LegalHold hold;
    hold.ranges = ranges;
    return history_.Add(index, EntryKind::kLegalHold, EncodeLegalHold(hold).value());
  }
  absl::Status Lift(uint64_t index, uint64_t placed) {
    LegalHold hold;
    hold.lifts = true;
    hold.placed = placed;
    return history_.Add(index, EntryKind::kLegalHold, EncodeLegalHold(hold).value());
  }
  static auto Breaks(const std::string& rule) {
    return StatusIs(absl::StatusCode::kDataLoss, HasSubstr(rule));
  }

  ErasureHistory history_;
};

TEST_F(ErasureHistoryTest, SaysWhichEntryErasedWhich) {
  ASSERT_OK(Request(20, kSome));
  EXPECT_EQ(history_.ErasedBy(4), std::nullopt) << "asked for, not done";
  ASSERT_OK(Erase(21, kSome, 20));
  for (const uint64_t index : {3, 4, 5, 9}) EXPECT_EQ(history_.ErasedBy(index), 21u) << index;
  for (const uint64_t index : {0, 2, 6, 8, 10, 21}) {
    EXPECT_EQ(history_.ErasedBy(index), std::nullopt) << index;
  }
  ASSERT_NE(history_.FindRequest(20), nullptr);
  EXPECT_EQ(history_.FindRequest(20)->done_by, 21u);
  EXPECT_EQ(history_.FindRequest(21), nullptr);
  EXPECT_EQ(history_.ranges(), 2u);
  ASSERT_OK(Request(22, {{6, 8}}));
  ASSERT_OK(Erase(23, {{6, 8}}, 22));
  EXPECT_EQ(history_.ErasedBy(5), 21u);
  EXPECT_EQ(history_.ErasedBy(6), 23u);
}

TEST_F(ErasureHistoryTest, AnErasureCarriesOutOneRequestAsItStands) {
  EXPECT_THAT(Erase(20, kSome, 19), Breaks("entry 19, which is no request"));
  ASSERT_OK(Request(20, kSome));
  EXPECT_THAT(Erase(21, {{3, 5}}, 20), Breaks("other entries, or for another reason"));
  EXPECT_THAT(Erase(22, kSome, 20, ErasureReason::kOther), Breaks("for another reason"));
  EXPECT_EQ(history_.ErasedBy(3), std::nullopt) << "what is refused counts for nothing";
  ASSERT_OK(Erase(23, kSome, 20));
  EXPECT_THAT(Erase(24, kSome, 20), Breaks("which entry 23 did before"));
}

TEST_F(ErasureHistoryTest, NothingIsErasedTwice) {
  ASSERT_OK(Request(20, kSome));
  ASSERT_OK(Erase(21, kSome, 20));
  for (const EntryRange& again : EntryRanges{{0, 3}, {4, 4}, {5, 8}, {7, 12}, {0, 19}}) {
    SCOPED_TRACE(again.first);
    ASSERT_OK(Request(30 + again.first, {again}));
    EXPECT_THAT(Erase(50 + again.first, {again}, 30 + again.first),
                Breaks("was erased by entry 21"));
    ASSERT_TRUE(history_.FirstErased({again}).has_value());
    EXPECT_EQ(history_.FirstErased({again})->by, 21u);
  }
  EXPECT_EQ(history_.FirstErased({{0, 2}, {6, 8}, {10, 19}}), std::nullopt);
  EXPECT_EQ(history_.FirstErased({{0, 2}, {6, 19}})->index, 9u);
}

TEST_F(ErasureHistoryTest, NobodyNamesWhatIsNotEarlier) {
  EXPECT_THAT(Request(9, kSome), Breaks("entry 9, which is not earlier"));
  EXPECT_OK(Request(10, kSome));
  EXPECT_THAT(Hold(9, kSome), Breaks("not earlier"));
  EXPECT_OK(Hold(10, kSome));
  EXPECT_THAT(Erase(9, kSome, 10), Breaks("not earlier"));
}

TEST_F(ErasureHistoryTest, WhatAHoldStandsOnIsNotErased) {
  ASSERT_OK(Hold(20, {{5, 6}}));
  EXPECT_TRUE(history_.HoldStands(20));
  ASSERT_OK(Request(21, kSome));
  EXPECT_THAT(Erase(22, kSome, 21), Breaks("the legal hold of entry 20"));
  EXPECT_EQ(history_.HeldBy({{0, 4}, {7, 9}}), std::nullopt);
  EXPECT_EQ(history_.HeldBy({{6, 6}}), 20u);
  EXPECT_THAT(Lift(23, 21), Breaks("of entry 21, where none stands"));
  ASSERT_OK(Lift(24, 20));
  EXPECT_FALSE(history_.HoldStands(20));
  EXPECT_THAT(Lift(25, 20), Breaks("where none stands"));
  EXPECT_OK(Erase(26, kSome, 21));
}

TEST_F(ErasureHistoryTest, AHoldOnTheWholeLogHoldsWhatComesLaterToo) {
  ASSERT_OK(Hold(20, {}));
  EXPECT_EQ(history_.HeldBy({{1'000'000, 1'000'000}}), 20u);
}

TEST_F(ErasureHistoryTest, BodiesThatDoNotParseAreBroken) {
  for (const EntryKind kind :
       {EntryKind::kErasure, EntryKind::kErasureRequest, EntryKind::kLegalHold}) {
    EXPECT_TRUE(ErasureHistory::Takes(kind));
    EXPECT_THAT(history_.Add(7, kind, "\2"), Breaks("version"));
  }
  EXPECT_FALSE(ErasureHistory::Takes(EntryKind::kEvent));
}

}  // namespace
}  // namespace auditledger
