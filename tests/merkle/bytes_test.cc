#include "merkle/bytes.h"

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ByteReader, ReadsWhatWasWritten) {
  std::string out;
  PutU8(out, 0xfe);
  PutU16(out, 0xfedc);
  PutU32(out, 0xfedcba98);
  PutU64(out, 0xfedcba9876543210);
  PutBytes16(out, "abc");
  ByteReader in(out);
  uint8_t u8 = 0;
  uint16_t u16 = 0;
  uint32_t u32 = 0;
  uint64_t u64 = 0;
  absl::string_view bytes;
  EXPECT_OK(in.U8("a", u8));
  EXPECT_OK(in.U16("b", u16));
  EXPECT_OK(in.U32("c", u32));
  EXPECT_OK(in.U64("d", u64));
  EXPECT_OK(in.Bytes16("e", bytes));
  EXPECT_OK(in.Finish("all"));
  EXPECT_EQ(u8, 0xfe);
  EXPECT_EQ(u16, 0xfedc);
  EXPECT_EQ(u32, 0xfedcba98u);
  EXPECT_EQ(u64, 0xfedcba9876543210u);
  EXPECT_EQ(bytes, "abc");
}

// One byte too few for each, which is named; what is there is enough for all smaller ones.
TEST(ByteReader, NothingIsReadBeyondTheEnd) {
  const std::string seven(7, 'x');
  uint8_t u8 = 0;
  uint16_t u16 = 0;
  uint32_t u32 = 0;
  uint64_t u64 = 0;
  absl::string_view bytes;
  EXPECT_THAT(ByteReader("").U8("a", u8), StatusIs(kInvalid, HasSubstr("a: needs 1 bytes, 0")));
  EXPECT_THAT(ByteReader("x").U16("b", u16), StatusIs(kInvalid, HasSubstr("b: needs 2 bytes, 1")));
  EXPECT_THAT(ByteReader("xxx").U32("c", u32), StatusIs(kInvalid, HasSubstr("needs 4 bytes, 3")));
  EXPECT_THAT(ByteReader(seven).U64("d", u64), StatusIs(kInvalid, HasSubstr("needs 8 bytes, 7")));
  EXPECT_THAT(ByteReader(seven).Raw("e", 8, bytes), StatusIs(kInvalid, HasSubstr("e: needs 8")));
  EXPECT_THAT(ByteReader("x").Bytes16("f", bytes), StatusIs(kInvalid, HasSubstr("f: needs 2")));
  EXPECT_THAT(ByteReader({"\0\3ab", 4}).Bytes16("g", bytes),
              StatusIs(kInvalid, HasSubstr("g: needs 3 bytes, 2 left")));
  EXPECT_THAT(ByteReader("x").Finish("h"), StatusIs(kInvalid, HasSubstr("h: 1 trailing")));
}

}  // namespace
}  // namespace auditledger
