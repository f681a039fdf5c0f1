#include "merkle/wire.h"

#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

WireField Only(absl::string_view bytes) {
  WireReader reader(bytes);
  absl::StatusOr<WireField> field = reader.Next();
  EXPECT_OK(field);
  EXPECT_TRUE(reader.done());
  return field.value_or(WireField{});
}

absl::Status Refusal(absl::string_view bytes) { return WireReader(bytes).Next().status(); }

TEST(WireReader, ReadsEachOfTheFourTypes) {
  EXPECT_EQ(Only("\x08\x96\x01").scalar, 150u);
  EXPECT_EQ(Only({"\x09\x01\x00\x00\x00\x00\x00\x00\x80", 9}).scalar, 0x8000000000000001u);
  EXPECT_EQ(Only({"\x0d\x02\x00\x00\x40", 5}).scalar, 0x40000002u);
  const WireField text = Only(
      "\x12\x03"
      "abc");
  EXPECT_EQ(text.number, 2u);
  EXPECT_EQ(text.type, WireType::kLengthDelimited);
  EXPECT_EQ(text.value, "abc");
  EXPECT_EQ(text.record,
            "\x12\x03"
            "abc");
}

TEST(WireReader, WalksARecordAfterTheOther) {
  WireReader reader(
      "\x08\x01\x12\x01"
      "a\x18\x7f");
  std::vector<uint32_t> numbers;
  while (!reader.done()) {
    const absl::StatusOr<WireField> field = reader.Next();
    ASSERT_OK(field);
    numbers.push_back(field->number);
  }
  EXPECT_EQ(numbers, (std::vector<uint32_t>{1, 2, 3}));
}

TEST(WireReader, TakesTheLargestNumbersThereAre) {
  const WireField field = Only("\xf8\xff\xff\xff\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  EXPECT_EQ(field.number, (1u << 29) - 1);
  EXPECT_EQ(field.scalar, std::numeric_limits<uint64_t>::max());
}

TEST(WireReader, RefusesASecondSpellingOfANumber) {
  EXPECT_THAT(Refusal({"\x88\x00\x01", 3}), StatusIs(kInvalid, HasSubstr("tag")));
  EXPECT_THAT(Refusal({"\x08\x80\x00", 3}), StatusIs(kInvalid, HasSubstr("not minimal")));
  EXPECT_THAT(Refusal({"\x0a\x81\x00"
                       "a",
                       4}),
              StatusIs(kInvalid, HasSubstr("not minimal")));
}

TEST(WireReader, RefusesWhatDoesNotFitSixtyFourBits) {
  EXPECT_THAT(Refusal("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
              StatusIs(kInvalid, HasSubstr("over 64 bits")));
  EXPECT_THAT(Refusal("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
              StatusIs(kInvalid, HasSubstr("over 64 bits")));
}

TEST(WireReader, RefusesGroupsAndFieldNumbersOutOfRange) {
  EXPECT_THAT(Refusal("\x0b\x0c"), StatusIs(kInvalid, HasSubstr("group")));
  EXPECT_THAT(Refusal({"\x00\x00", 2}), StatusIs(kInvalid, HasSubstr("out of range")));
  EXPECT_THAT(Refusal({"\x80\x80\x80\x80\x10\x00", 6}),
              StatusIs(kInvalid, HasSubstr("out of range")));
}

TEST(WireReader, RefusesAnyProperPrefix) {
  const std::string records[] = {"\x08\x96\x01", std::string("\x09\0\0\0\0\0\0\0\0", 9),
                                 std::string("\x0d\0\0\0\0", 5),
                                 "\x12\x03"
                                 "abc"};
  for (const std::string& record : records) {
    for (size_t size = 1; size < record.size(); ++size) {
      EXPECT_THAT(Refusal(record.substr(0, size)), StatusIs(kInvalid, HasSubstr("truncated")));
    }
  }
}

TEST(ReadSingularFields, GivesWhatIsAskedForAndReadsOverTheRest) {
  std::optional<WireField> two, nine;
  ASSERT_OK(
      ReadSingularFields("m",
                         "\x08\x01\x12\x01"
                         "a\x08\x02",
                         {{2, WireType::kLengthDelimited, &two}, {9, WireType::kVarint, &nine}}));
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(two->value, "a");
  EXPECT_FALSE(nine.has_value());
}

TEST(ReadSingularFields, RefusesWhatTwoReadersCouldReadDifferently) {
  std::optional<WireField> out;
  EXPECT_THAT(ReadSingularFields("m", "\x08\x01\x08\x01", {{1, WireType::kVarint, &out}}),
              StatusIs(kInvalid, HasSubstr("m: field 1 occurs twice")));
  out.reset();
  EXPECT_THAT(ReadSingularFields("m", "\x08\x01", {{1, WireType::kLengthDelimited, &out}}),
              StatusIs(kInvalid, HasSubstr("wrong wire type")));
  EXPECT_THAT(ReadSingularFields("m", "\x08", {}), StatusIs(kInvalid, HasSubstr("m: field 1")));
}

TEST(PutLengthDelimitedPrefix, IsWhatTheReaderReads) {
  for (const size_t length : {0, 1, 127, 128, 16383, 16384, 65536}) {
    for (const uint32_t number : {1u, 15u, 16u, (1u << 29) - 1}) {
      std::string bytes;
      PutLengthDelimitedPrefix(bytes, number, length);
      bytes.append(length, 'x');
      const WireField field = Only(bytes);
      EXPECT_EQ(field.number, number);
      EXPECT_EQ(field.value.size(), length);
    }
  }
}

}  // namespace
}  // namespace auditledger
