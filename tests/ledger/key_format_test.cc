#include "ledger/key_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "merkle/sha256.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using namespace std::string_literals;

TEST(KeyFormatTest, KeysAreAPrefixAndBigEndianNumbers) {
  EXPECT_EQ(RecordKey(RecordKind::kLeaf, 0x0102), "L\0\0\0\0\0\0\1\2"s);
  EXPECT_EQ(RecordKey(RecordKind::kPayload, UINT64_MAX), "P" + std::string(8, '\xff'));
  EXPECT_EQ(RecordKey(RecordKind::kIdentity, 0), "I" + std::string(8, '\0'));
  EXPECT_EQ(TileKey({3, 1}), "T\3\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(StreamKey(256), "S\0\0\1\0"s);
}

TEST(KeyFormatTest, KeysSortAsTheirNumbers) {
  std::vector<std::string> keys;
  for (const uint64_t i : {uint64_t{0}, uint64_t{1}, uint64_t{255}, uint64_t{256}, UINT64_MAX}) {
    keys.push_back(RecordKey(RecordKind::kLeaf, i));
    EXPECT_EQ(IndexOfRecordKey(RecordKind::kLeaf, keys.back()).value(), i);
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(NumberOfStreamKey(StreamKey(UINT32_MAX)).value(), UINT32_MAX);
}

TEST(KeyFormatTest, OtherKeysAreDataLoss) {
  const auto is_lost = StatusIs(absl::StatusCode::kDataLoss);
  const std::string key = RecordKey(RecordKind::kLeaf, 7);
  EXPECT_THAT(IndexOfRecordKey(RecordKind::kPayload, key), is_lost);
  EXPECT_THAT(IndexOfRecordKey(RecordKind::kLeaf, key.substr(0, 8)), is_lost);
  EXPECT_THAT(IndexOfRecordKey(RecordKind::kLeaf, key + "x"), is_lost);
  EXPECT_THAT(NumberOfStreamKey("S\0\0\0"s), is_lost);
  EXPECT_THAT(NumberOfStreamKey("T\0\0\0\0"s), is_lost);
}

TEST(KeyFormatTest, HeadReadsBackAndRefusesEveryOtherByteAndLength) {
  const Head head{0x0102030405060708, Sha256({"root"}), 42};
  const std::string bytes = EncodeHead(head);
  EXPECT_EQ(bytes.size(), 53u);
  EXPECT_EQ(ParseHead(bytes).value(), head);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_THAT(ParseHead(damaged), StatusIs(absl::StatusCode::kDataLoss)) << i;
    EXPECT_THAT(ParseHead(bytes.substr(0, i)), StatusIs(absl::StatusCode::kDataLoss)) << i;
  }
  EXPECT_THAT(ParseHead(bytes + '\0'), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(KeyFormatTest, FormatReadsBackAndIsStrict) {
  EXPECT_EQ(EncodeFormat(kDatabaseFormat), "\1\0\0\0\1"s);
  EXPECT_EQ(ParseFormat(EncodeFormat(7)).value(), 7u);
  for (const std::string& bytes : {""s, "\1\0\0\0"s, "\1\0\0\0\1x"s, "\2\0\0\0\1"s}) {
    EXPECT_THAT(ParseFormat(bytes), StatusIs(absl::StatusCode::kDataLoss));
  }
}

}  // namespace
}  // namespace auditledger
