#include "merkle/complete_answer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/leaf.h"
#include "tests/testing/indexed_log.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::auditledger::testing::IndexedLog;
using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

const Hash kTag = LeafHash("tag");

// One of each part: a neighbour and an answer in the tag's log, both proofs, and a tail.
CompleteAnswer Example() {
  CompleteAnswer answer;
  answer.checkpoint = "note";
  answer.query = {kTag, {1, 2}, {3, 4}};
  AnswerMap& map = answer.map.emplace();
  map.index_head = 9;
  map.proof = "proof";
  AnswerRange& range = map.range.emplace();
  range.value = {3, LeafHash("root")};
  range.first = 1;
  range.places = {{false, {5, 6, 7, LeafHash("leaf")}}, {true, {8, 0, 0, {}}}};
  range.proof = {LeafHash("range")};
  answer.has_tail = true;
  answer.leaves = {{8, "leaf"}};
  answer.proof = {LeafHash("set")};
  return answer;
}

TEST(CompleteAnswerTest, IsWrittenAsItsHeaderSays) {
  const std::string hex = absl::StrCat(
      "01"
      "00000004"
      "6e6f7465",
      kTag.ToHex(),
      "0000000000000001"
      "0000000000000002"
      "0000000000000003"
      "0000000000000004",
      "01"
      "0000000000000009"
      "01"
      "0005"
      "70726f6f66",
      "0000000000000003", LeafHash("root").ToHex(),
      "0000000000000001"
      "00000002",
      "00"
      "0000000000000005"
      "0000000000000006"
      "0000000000000007",
      LeafHash("leaf").ToHex(),
      "01"
      "0000000000000008",
      "01", LeafHash("range").ToHex(),
      "01"
      "00000001"
      "0000000000000008"
      "0004"
      "6c656166",
      "00000001", LeafHash("set").ToHex());
  EXPECT_EQ(EncodeCompleteAnswer(Example()).value(), testing::BytesFromHex(hex));
}

TEST(CompleteAnswerTest, ParsesToWhatWasWrittenAndBack) {
  CompleteAnswer answer = Example();
  EXPECT_EQ(ParseCompleteAnswer(EncodeCompleteAnswer(answer).value()).value(), answer);
  answer.has_tail = false;
  answer.map->range.reset();
  EXPECT_EQ(ParseCompleteAnswer(EncodeCompleteAnswer(answer).value()).value(), answer);
  answer.map.reset();
  EXPECT_EQ(ParseCompleteAnswer(EncodeCompleteAnswer(answer).value()).value(), answer);
  EXPECT_EQ(ParseCompleteAnswer(EncodeCompleteAnswer({}).value()).value(), CompleteAnswer());
}

TEST(CompleteAnswerTest, EveryCutIsRefusedAndNamesThePart) {
  const std::string whole = EncodeCompleteAnswer(Example()).value();
  const std::vector<std::pair<std::string, size_t>> parts = {{"answer version", 1},
                                                             {"answer checkpoint", 4 + 4},
                                                             {"answer tag", 32},
                                                             {"answer recorded window", 16},
                                                             {"answer event window", 16},
                                                             {"answer has_index_head", 1},
                                                             {"answer index head", 8},
                                                             {"answer map present", 1},
                                                             {"answer map proof", 2 + 5},
                                                             {"answer map count", 8},
                                                             {"answer map root", 32},
                                                             {"answer range first", 8},
                                                             {"answer range places", 4},
                                                             {"answer place", 1},
                                                             {"answer place index", 8},
                                                             {"answer place recorded_at_us", 8},
                                                             {"answer place event_time_us", 8},
                                                             {"answer place leaf_hash", 32},
                                                             {"answer place", 1},
                                                             {"answer place index", 8},
                                                             {"answer range hashes", 1},
                                                             {"answer range hash", 32},
                                                             {"answer has_tail", 1},
                                                             {"answer leaves", 4},
                                                             {"answer leaf index", 8},
                                                             {"answer leaf", 2 + 4},
                                                             {"answer hashes", 4},
                                                             {"answer hash", 32}};
  size_t begin = 0;
  for (const auto& [name, bytes] : parts) {
    for (size_t cut = begin; cut < begin + bytes; ++cut) {
      EXPECT_THAT(ParseCompleteAnswer(whole.substr(0, cut)),
                  StatusIs(kInvalid, HasSubstr(absl::StrCat(name, ": needs"))))
          << "of " << cut << " bytes";
    }
    begin += bytes;
  }
  EXPECT_EQ(begin, whole.size());
  EXPECT_THAT(ParseCompleteAnswer(whole + "x"), StatusIs(kInvalid, HasSubstr("1 trailing")));
}

TEST(CompleteAnswerTest, VersionAndFlagsHaveTheirValues) {
  const std::string whole = EncodeCompleteAnswer(Example()).value();
  const auto with = [&](size_t at, char value) {
    std::string bytes = whole;
    bytes[at] = value;
    return ParseCompleteAnswer(bytes).status();
  };
  EXPECT_THAT(with(0, 2), StatusIs(kInvalid, HasSubstr("version: 2 is unknown")));
  const size_t has_head = 1 + 8 + 32 + 32;
  EXPECT_THAT(with(has_head, 2), StatusIs(kInvalid, HasSubstr("has_index_head: 2 is not 0 or 1")));
  EXPECT_THAT(with(has_head + 9, 2), StatusIs(kInvalid, HasSubstr("map present: 2 is not 0 or 1")));
  const size_t places = has_head + 10 + 7 + 40 + 12;
  EXPECT_THAT(with(places, 2), StatusIs(kInvalid, HasSubstr("place: 2 is not 0 or 1")));
  const size_t has_tail = places + 57 + 9 + 33;
  EXPECT_THAT(with(has_tail, 2), StatusIs(kInvalid, HasSubstr("has_tail: 2 is not 0 or 1")));
}

TEST(CompleteAnswerTest, PartsOfTheLargestSizeAndOneMore) {
  const auto encodes = [](const CompleteAnswer& answer) {
    const auto bytes = EncodeCompleteAnswer(answer);
    EXPECT_TRUE(!bytes.ok() || ParseCompleteAnswer(*bytes).value() == answer);
    return bytes.status();
  };
  const auto refused = [](const char* why) { return StatusIs(kInvalid, HasSubstr(why)); };
  CompleteAnswer answer = Example();
  answer.checkpoint = std::string(kMaxAnswerNoteBytes, 'n');
  EXPECT_OK(encodes(answer));
  answer.checkpoint += "n";
  EXPECT_THAT(encodes(answer), refused("checkpoint bytes: 1000001, at most 1000000"));
  answer = Example();
  answer.map->proof = std::string(65535, 'p');
  EXPECT_OK(encodes(answer));
  answer.map->proof += "p";
  EXPECT_THAT(encodes(answer), refused("map proof bytes: 65536"));
  answer = Example();
  answer.map->range->proof.resize(255);
  EXPECT_OK(encodes(answer));
  answer.map->range->proof.resize(256);
  EXPECT_THAT(encodes(answer), refused("range hashes: 256"));
  answer = Example();
  answer.leaves[0].leaf = std::string(kMaxLeafBytes, 'l');
  EXPECT_OK(encodes(answer));
  answer.leaves[0].leaf += "l";
  EXPECT_THAT(encodes(answer), refused("leaf bytes: 65536"));
}

TEST(CompleteAnswerTest, AnAnswerOfTheLargestSizeAndOneByteMore) {
  CompleteAnswer answer = Example();
  const size_t rest = kMaxAnswerBytes - EncodeCompleteAnswer(answer).value().size();
  for (size_t left = rest; left > 0;) {
    const size_t bytes = std::min<size_t>(left - 10, left < 70'000 ? left - 10 : 60'000);
    answer.leaves.push_back({9, std::string(bytes, 'l')});
    left -= bytes + 10;
  }
  ASSERT_OK_AND_ASSIGN(std::string bytes, EncodeCompleteAnswer(answer));
  EXPECT_EQ(bytes.size(), kMaxAnswerBytes);
  EXPECT_OK(ParseCompleteAnswer(bytes));
  EXPECT_THAT(ParseCompleteAnswer(bytes + "x"), StatusIs(kInvalid, HasSubstr("bytes: 16777217")));
  answer.checkpoint += "n";
  EXPECT_THAT(EncodeCompleteAnswer(answer), StatusIs(kInvalid, HasSubstr("bytes: 16777217")));
  // Where the note's length is believed, a claim costs nothing.
  std::string claim = bytes.substr(0, 5);
  claim[1] = '\x10';
  EXPECT_THAT(ParseCompleteAnswer(claim), StatusIs(kInvalid, HasSubstr("checkpoint bytes")));
}

TEST(AnswerQueryTest, WindowsAreHalfOpenAndTheLastHasNoEnd) {
  const TimeWindow window{10, 20};
  for (const uint64_t time : {10, 19}) EXPECT_TRUE(window.Contains(time));
  for (const uint64_t time : {0, 9, 20, 21}) EXPECT_FALSE(window.Contains(time));
  EXPECT_FALSE(window.IsBefore(19));
  EXPECT_TRUE(window.IsBefore(20));
  EXPECT_TRUE(TimeWindow().Contains(0));
  EXPECT_TRUE(TimeWindow().Contains(UINT64_MAX));
  EXPECT_FALSE(TimeWindow().IsBefore(UINT64_MAX));
}

TEST(AnswerQueryTest, RecordedWithinAsksForNoEventTime) {
  const AnswerQuery query = RecordedWithin(kTag, {10, 20});
  EXPECT_TRUE(IsAnswer(query, 10, 5));
  EXPECT_TRUE(IsAnswer(query, 19, 0));
  EXPECT_FALSE(IsAnswer(query, 20, 15));
  EXPECT_FALSE(IsAnswer(query, 9, 15));
}

TEST(AnswerQueryTest, HappenedWithinAllowsForLateEventsAndClocksThatAreAhead) {
  const uint64_t from = 10 * kAnswerSkewUs;
  const AnswerQuery query = HappenedWithin(kTag, {from, from + 100});
  EXPECT_EQ(query.recorded, (TimeWindow{from - kAnswerSkewUs, kNoEnd}));
  EXPECT_TRUE(IsAnswer(query, UINT64_MAX, from)) << "however late it was recorded";
  EXPECT_TRUE(IsAnswer(query, from - kAnswerSkewUs, from));
  EXPECT_FALSE(IsAnswer(query, from - kAnswerSkewUs - 1, from)) << "dated too far ahead";
  EXPECT_FALSE(IsAnswer(query, from + 50, from + 100));
  EXPECT_FALSE(IsAnswer(query, from + 50, from - 1));
  // Without a time of its own it counts by when it was recorded.
  EXPECT_TRUE(IsAnswer(query, from + 50, 0));
  EXPECT_FALSE(IsAnswer(query, from + 100, 0));
  EXPECT_EQ(HappenedWithin(kTag, {kAnswerSkewUs, 1}).recorded.from_us, 0u);
  EXPECT_EQ(HappenedWithin(kTag, {kAnswerSkewUs + 1, 1}).recorded.from_us, 1u);
  EXPECT_EQ(HappenedWithin(kTag, {5, 9}).recorded.from_us, 0u);
}

TEST(AnswerQueryTest, AWindowHasTimeInIt) {
  EXPECT_OK(CheckAnswerQuery({kTag, {4, 5}, {4, 5}}));
  EXPECT_OK(CheckAnswerQuery({kTag, {}, {}}));
  for (const TimeWindow& empty : {TimeWindow{5, 5}, TimeWindow{5, 4}, TimeWindow{kNoEnd, kNoEnd}}) {
    EXPECT_THAT(CheckAnswerQuery({kTag, empty, {}}), StatusIs(kInvalid, HasSubstr("no time")));
    EXPECT_THAT(CheckAnswerQuery({kTag, {}, empty}), StatusIs(kInvalid, HasSubstr("no time")));
  }
}

}  // namespace
}  // namespace auditledger
