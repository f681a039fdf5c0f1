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

TEST(KeyFormatTest, AnEntrysKeysLieInItsChunk) {
  EXPECT_EQ(RecordKey(RecordKind::kLeaf, 0x0102), "E\0\0\0\0\0\0\0\0L\1\2"s);
  EXPECT_EQ(RecordKey(RecordKind::kLeaf, 4095), "E\0\0\0\0\0\0\0\0L\x0f\xff"s);
  EXPECT_EQ(RecordKey(RecordKind::kPayload, 4096), "E\0\0\0\0\0\0\0\1P\0\0"s);
  EXPECT_EQ(RecordKey(RecordKind::kIdentity, UINT64_MAX),
            "E\0\x0f\xff\xff\xff\xff\xff\xffI\x0f\xff"s);
  EXPECT_EQ(TileKey({0, 17}), "E\0\0\0\0\0\0\0\1T\0\1"s);
  EXPECT_EQ(TileKey({3, 1}), "T\3\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(StreamKey(256), "S\0\0\1\0"s);
}

// What LevelDB's cheap compaction rests on.
TEST(KeyFormatTest, NewKeysSortBehindAllOfOlderChunksAndBeforeAllOthers) {
  for (const RecordKind kind : {RecordKind::kLeaf, RecordKind::kPayload, RecordKind::kIdentity}) {
    EXPECT_GT(RecordKey(kind, 2 * kChunkEntries), TileKey({0, 2 * kChunkEntries / 256 - 1}));
    EXPECT_LT(RecordKey(kind, UINT64_MAX), kFormatKey);
  }
  EXPECT_LT(std::string(kHeadKey), StreamKey(0));
  EXPECT_LT(StreamKey(UINT32_MAX), TileKey({1, 0}));
}

TEST(KeyFormatTest, KeysSortAsTheirNumbersAndReadBack) {
  std::vector<std::string> keys;
  for (const uint64_t i : {uint64_t{0}, uint64_t{1}, uint64_t{255}, uint64_t{256}, uint64_t{4095},
                           uint64_t{4096}, uint64_t{1} << 40, UINT64_MAX}) {
    keys.push_back(RecordKey(RecordKind::kLeaf, i));
    EXPECT_EQ(IndexOfRecordKey(RecordKind::kLeaf, keys.back()).value(), i);
    EXPECT_EQ(ChunkOfKey(keys.back()).value(), i / kChunkEntries);
    for (const uint8_t level : {0, 1, 7}) {
      const TileId id{level, i / 256};
      EXPECT_EQ(IdOfTileKey(TileKey(id)).value(), id);
    }
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
  EXPECT_THAT(IndexOfRecordKey(RecordKind::kLeaf, "E\0\0\0\0\0\0\0\0L\x10\0"s), is_lost);
  EXPECT_THAT(IndexOfRecordKey(RecordKind::kLeaf, "E\0\x10\0\0\0\0\0\0L\0\0"s), is_lost);
  EXPECT_THAT(ChunkOfKey("E\0\x10\0\0\0\0\0\0"s), is_lost);
  EXPECT_THAT(ChunkOfKey("E\0\0\0\0\0\0\0"s), is_lost);
  EXPECT_THAT(IdOfTileKey("T\0\0\0\0\0\0\0\0\1"s), is_lost);  // level 0 as format 1 had it
  EXPECT_THAT(IdOfTileKey("E\0\0\0\0\0\0\0\0T\0\x10"s), is_lost);
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
  EXPECT_EQ(EncodeFormat(kDatabaseFormat), "\1\0\0\0\2"s);
  EXPECT_EQ(ParseFormat(EncodeFormat(7)).value(), 7u);
  for (const std::string& bytes : {""s, "\1\0\0\0"s, "\1\0\0\0\1x"s, "\2\0\0\0\1"s}) {
    EXPECT_THAT(ParseFormat(bytes), StatusIs(absl::StatusCode::kDataLoss));
  }
}

}  // namespace
}  // namespace auditledger
