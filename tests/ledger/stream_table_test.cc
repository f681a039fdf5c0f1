// Covers: ledger/sequence_ranges, ledger/stream_ranges_file
#include "ledger/stream_table.h"

#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/stream_ranges_file.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using Gaps = std::vector<SequenceRange>;

TEST(StreamTableTest, NumbersStreamsInTheOrderTheyAppear) {
  StreamTable table{LedgerLimits()};
  EXPECT_EQ(table.NumberOf("p", "a").number, 0u);
  EXPECT_TRUE(table.NumberOf("p", "b").is_new);
  EXPECT_FALSE(table.NumberOf("p", "a").is_new);
  EXPECT_EQ(table.NumberOf("pa", "").number, 2u);  // not the same as ("p", "a")
}

TEST(StreamTableTest, OverABoundGapsAreUnknownAndWhatIsNumberedStays) {
  LedgerLimits limits;
  limits.max_streams = 3;
  limits.max_streams_per_principal = 2;
  StreamTable table(limits);
  EXPECT_EQ(table.NumberOf("a", "1").number, 0u);
  EXPECT_EQ(table.NumberOf("a", "2").number, 1u);
  EXPECT_EQ(table.NumberOf("a", "3").number, kGapsUnknown);  // the principal's bound
  EXPECT_FALSE(table.NumberOf("a", "3").is_new);
  EXPECT_EQ(table.NumberOf("b", "1").number, 2u);            // another one has room
  EXPECT_EQ(table.NumberOf("b", "2").number, kGapsUnknown);  // the ledger's
  EXPECT_EQ(table.NumberOf("a", "2").number, 1u);
  table.Received(kGapsUnknown, 7);
  EXPECT_EQ(table.count(), 3u);
}

TEST(StreamTableTest, APrincipalsRestoredStreamsCount) {
  LedgerLimits limits;
  limits.max_streams_per_principal = 1;
  StreamTable table(limits);
  ASSERT_OK(table.Restore(0, EncodeStreamRecord("a", "1")));
  EXPECT_EQ(table.NumberOf("a", "2").number, kGapsUnknown);
  EXPECT_EQ(table.NumberOf("b", "2").number, 1u);
}

TEST(StreamTableTest, GapsAreWhatASetSays) {
  const uint64_t seed = 20231115;
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  StreamTable table{LedgerLimits()};
  ASSERT_TRUE(table.NumberOf("p", "s").is_new);
  std::set<uint64_t> model;
  for (int i = 0; i < 500; ++i) {
    const uint64_t sequence = random() % 300;  // 0 is no number
    table.Received(0, sequence);
    if (sequence != 0) model.insert(sequence);
    Gaps gaps;
    uint64_t next = 1;
    for (const uint64_t there : model) {
      if (there > next) gaps.push_back({next, there - 1});
      next = there + 1;
    }
    const StreamInfo info = table.List(0, 1, 1000)[0];
    ASSERT_EQ(info.gaps, gaps) << i;
    ASSERT_EQ(info.received_count, model.size());
    ASSERT_EQ(info.last_sequence, model.empty() ? 0 : *model.rbegin());
    ASSERT_FALSE(info.gaps_truncated);
  }
}

TEST(StreamTableTest, ListsTruncateAndSaySo) {
  StreamTable table{LedgerLimits()};
  ASSERT_TRUE(table.NumberOf("p", "s").is_new);
  for (const uint64_t sequence : {2, 4, 6}) table.Received(0, sequence);
  EXPECT_EQ(table.List(0, 1, 3)[0].gaps, (Gaps{{1, 1}, {3, 3}, {5, 5}}));
  EXPECT_FALSE(table.List(0, 1, 3)[0].gaps_truncated);
  EXPECT_EQ(table.List(0, 1, 2)[0].gaps, (Gaps{{1, 1}, {3, 3}}));
  EXPECT_TRUE(table.List(0, 1, 2)[0].gaps_truncated);
}

TEST(StreamTableTest, AStreamTornToPiecesStaysBounded) {
  LedgerLimits limits;
  limits.max_ranges_per_stream = 3;
  StreamTable table(limits);
  ASSERT_TRUE(table.NumberOf("p", "s").is_new);
  for (const uint64_t sequence : {1, 3, 5}) table.Received(0, sequence);
  EXPECT_FALSE(table.List(0, 1, 9)[0].gaps_truncated);
  table.Received(0, 7);
  const StreamInfo info = table.List(0, 1, 9)[0];
  EXPECT_TRUE(info.gaps_truncated);
  EXPECT_EQ(info.gaps, (Gaps{{4, 4}, {6, 6}}));  // the oldest was given up
  EXPECT_EQ(info.received_count, 4u);
}

TEST(StreamTableTest, RangesSurviveInAFileAndDamageIsNoticed) {
  ScratchFolder folder;
  StreamTable table{LedgerLimits()};
  ASSERT_TRUE(table.NumberOf("p", "s").is_new);
  for (const uint64_t size : {10, 20, 30}) {
    table.Received(0, size);
    ASSERT_OK(SaveStreamRanges(folder.path(), size, table.SaveRanges(size)));
  }
  const auto restored = [&](uint64_t size) {
    StreamTable other{LedgerLimits()};
    EXPECT_OK(other.Restore(0, EncodeStreamRecord("p", "s")));
    const uint64_t as_of = LoadStreamRanges(folder.path(), size, other);
    return std::make_pair(as_of, other.List(0, 1, 9)[0].received_count);
  };
  EXPECT_EQ(restored(35), std::make_pair(uint64_t{30}, uint64_t{3}));
  EXPECT_EQ(restored(29), std::make_pair(uint64_t{20}, uint64_t{2}));
  EXPECT_EQ(restored(19), std::make_pair(uint64_t{0}, uint64_t{0}));  // only two are kept
  std::string bytes = table.SaveRanges(30);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 1;
    EXPECT_FALSE(table.LoadRanges(bytes).ok()) << i;
    bytes[i] ^= 1;
  }
}

TEST(StreamTableTest, RestoresOnlyWholeRecordsInOrder) {
  StreamTable table{LedgerLimits()};
  const std::string record = EncodeStreamRecord("p", "s");
  EXPECT_THAT(table.Restore(1, record), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(table.Restore(0, record + "x"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_OK(table.Restore(0, record));
  EXPECT_THAT(table.Restore(1, record), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace auditledger::testing
