#include "ledger/record_scan.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ledger/key_format.h"
#include "leveldb/db.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using namespace std::string_literals;

class RecordScanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    leveldb::Options options;
    options.create_if_missing = true;
    leveldb::DB* db = nullptr;
    ASSERT_TRUE(leveldb::DB::Open(options, dir_ / "db", &db).ok());
    db_.reset(db);
  }
  void Put(const std::string& key) { ASSERT_TRUE(db_->Put({}, key, "v" + key).ok()); }
  void PutLeaf(uint64_t index) { Put(RecordKey(RecordKind::kLeaf, index)); }

  std::vector<uint64_t> Leaves(uint64_t begin, uint64_t end, size_t most = SIZE_MAX) {
    std::vector<uint64_t> found;
    const std::unique_ptr<leveldb::Iterator> it(db_->NewIterator({}));
    EXPECT_OK(ScanRecords(
        *it, RecordKind::kLeaf, begin, end,
        [&](uint64_t index, absl::string_view value) {
          EXPECT_EQ(value, "v" + RecordKey(RecordKind::kLeaf, index));
          found.push_back(index);
          return found.size() < most;
        },
        [&](absl::string_view key) {
          strange_.emplace(key);
          return absl::OkStatus();
        }));
    return found;
  }

  TempDir dir_;
  std::unique_ptr<leveldb::DB> db_;
  std::set<std::string> strange_;
};

using Indexes = std::vector<uint64_t>;

TEST_F(RecordScanTest, WalksOneKindOverChunksAndGaps) {
  const Indexes all = {0, 1, 4095, 4096, 4097, 8191, 5 * 4096, uint64_t{1} << 50, UINT64_MAX};
  for (const uint64_t index : all) {
    PutLeaf(index);
    Put(RecordKey(RecordKind::kPayload, index));
    Put(TileKey({0, index / 256}));
  }
  Put(RecordKey(RecordKind::kIdentity, 3 * 4096));  // a chunk without leaves
  for (const char* key : {kHeadKey, kFormatKey}) Put(key);
  EXPECT_EQ(Leaves(0, UINT64_MAX), Indexes(all.begin(), all.end() - 1));
  EXPECT_EQ(Leaves(1, 4096), (Indexes{1, 4095}));
  EXPECT_EQ(Leaves(1, 4097), (Indexes{1, 4095, 4096}));
  EXPECT_EQ(Leaves(4098, 5 * 4096), (Indexes{8191}));
  EXPECT_EQ(Leaves(3 * 4096, 5 * 4096 + 1), (Indexes{5 * 4096}));
  EXPECT_EQ(Leaves(6 * 4096, uint64_t{1} << 50), Indexes{});
  EXPECT_EQ(Leaves(0, 0), Indexes{});
  EXPECT_EQ(Leaves(7, 5), Indexes{});
  EXPECT_EQ(Leaves(0, UINT64_MAX, 2), (Indexes{0, 1}));
  EXPECT_TRUE(strange_.empty());
}

TEST_F(RecordScanTest, EveryRangeOfSmallWorldsIsFound) {
  const Indexes all = {4094, 4095, 4096, 4098, 3 * 4096 - 1};
  for (const uint64_t index : all) PutLeaf(index);
  for (uint64_t begin = 4090; begin < 3 * 4096 + 3; begin += begin < 4100 ? 1 : 97) {
    for (uint64_t end = begin; end < 3 * 4096 + 3; end += end < 4100 ? 1 : 97) {
      Indexes wanted;
      for (const uint64_t index : all) {
        if (index >= begin && index < end) wanted.push_back(index);
      }
      ASSERT_EQ(Leaves(begin, end), wanted) << begin << " to " << end;
    }
  }
}

TEST_F(RecordScanTest, StrangeKeysAmongThemAreTold) {
  for (const uint64_t index : {5, 6}) PutLeaf(index);
  const std::string strange = RecordKey(RecordKind::kLeaf, 5) + "x";
  Put(strange);
  EXPECT_EQ(Leaves(0, UINT64_MAX), (Indexes{5, 6}));
  EXPECT_EQ(strange_, std::set<std::string>{strange});
  const std::unique_ptr<leveldb::Iterator> it(db_->NewIterator({}));
  EXPECT_THAT(ScanRecords(
                  *it, RecordKind::kLeaf, 0, 10, [](uint64_t, absl::string_view) { return true; },
                  [](absl::string_view) { return absl::DataLossError("strange"); }),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(RecordScanTest, OtherKeysAreAllThatIsNoRecord) {
  for (const uint64_t index : {0, 4096, 9000}) {
    PutLeaf(index);
    Put(RecordKey(RecordKind::kPayload, index));
    Put(RecordKey(RecordKind::kIdentity, index));
  }
  const std::set<std::string> others = {kHeadKey,
                                        kFormatKey,
                                        TileKey({0, 0}),
                                        TileKey({0, 20}),
                                        TileKey({1, 0}),
                                        StreamKey(3),
                                        "A",
                                        "E",
                                        "E\0\0L"s,
                                        "zz",
                                        "E\0\0\0\0\0\0\0\1M\0\0"s,
                                        "E\0\x10\0\0\0\0\0\0L\0\0"s};
  for (const std::string& key : others) Put(key);
  std::set<std::string> found;
  const std::unique_ptr<leveldb::Iterator> it(db_->NewIterator({}));
  ScanOtherKeys(*it, [&](absl::string_view key, absl::string_view value) {
    EXPECT_EQ(value, "v" + std::string(key));
    found.emplace(key);
  });
  EXPECT_EQ(found, others);
}

}  // namespace
}  // namespace auditledger
