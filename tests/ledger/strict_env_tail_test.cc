#include "ledger/strict_env_tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "leveldb/db.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;

constexpr size_t kSector = 512;

// A log as LevelDB writes it: batches of about `sizes` bytes. `ends`: where each of them ends.
std::string WriteLog(const std::vector<size_t>& sizes, std::vector<uint64_t>& ends,
                     bool zeros = false) {
  const testing::TempDir dir;
  leveldb::Options options;
  options.create_if_missing = true;
  leveldb::DB* raw = nullptr;
  EXPECT_TRUE(leveldb::DB::Open(options, dir / "db", &raw).ok());
  const std::unique_ptr<leveldb::DB> db(raw);
  const std::string log = dir / "db/000003.log";
  for (size_t i = 0; i < sizes.size(); ++i) {
    // Not the same byte throughout: a hole must be seen.
    std::string value;
    while (value.size() < sizes[i]) value += std::to_string(value.size()) + "-";
    if (zeros) value.assign(sizes[i], '\0');
    EXPECT_TRUE(db->Put({}, std::to_string(i), value).ok());
    ends.push_back(std::filesystem::file_size(log));
  }
  std::ifstream in(log, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

class TornTailTest : public ::testing::Test {
 protected:
  // From less than a sector to more than two blocks of 32 KiB.
  const std::vector<size_t> sizes_ = {100, 40000, 300, 5000, 90000};
  std::vector<uint64_t> ends_;
  const std::string log_ = WriteLog(sizes_, ends_);
};

TEST_F(TornTailTest, AWholeLogHasNone) {
  EXPECT_EQ(TornTail(""), std::nullopt);
  EXPECT_EQ(TornTail(log_), std::nullopt);
  for (const uint64_t end : ends_) EXPECT_EQ(TornTail(log_.substr(0, end)), std::nullopt) << end;
}

TEST_F(TornTailTest, ZerosWrittenAheadAreNotCounted) {
  EXPECT_EQ(SizeWithoutZeros(""), 0u);
  EXPECT_EQ(SizeWithoutZeros(std::string(70000, '\0')), 0u);
  for (const uint64_t end : ends_) {
    const std::string log = log_.substr(0, end);
    EXPECT_EQ(SizeWithoutZeros(log), end);
    for (const size_t zeros : {1u, 6u, 7u, 8u, 512u, 40000u}) {
      EXPECT_EQ(SizeWithoutZeros(log + std::string(zeros, '\0')), end) << zeros;
    }
    // Not behind a batch that is torn, nor with anything among them.
    const std::string torn = log.substr(0, end - 20) + std::string(70000, '\0');
    EXPECT_EQ(SizeWithoutZeros(torn), torn.size());
    const std::string more = log + std::string(100, '\0') + "x" + std::string(100, '\0');
    EXPECT_EQ(SizeWithoutZeros(more), more.size());
  }
}

// A batch may end in zeros of its own, at any place before a block's end.
TEST(ZerosOfABatchTest, AreKept) {
  for (size_t size = 32640; size < 32800; ++size) {
    std::vector<uint64_t> ends;
    const std::string log = WriteLog({size}, ends, /*zeros=*/true);
    ASSERT_EQ(SizeWithoutZeros(log), log.size()) << size;
    ASSERT_EQ(SizeWithoutZeros(log + std::string(33000, '\0')), log.size()) << size;
  }
}

TEST_F(TornTailTest, AHoleInTheLastBatchLeavesTheOthers) {
  for (size_t batch = 0; batch < ends_.size(); ++batch) {
    const uint64_t begin = batch == 0 ? 0 : ends_[batch - 1];
    const uint64_t end = ends_[batch];
    for (uint64_t hole = begin; hole < end; hole += kSector) {
      std::string torn = log_.substr(0, end);
      const size_t bytes = std::min<uint64_t>(kSector, end - hole);
      torn.replace(hole, bytes, bytes, '\0');
      EXPECT_EQ(TornTail(torn), begin) << "batch " << batch << ", hole at " << hole;
    }
  }
}

TEST_F(TornTailTest, ADamageBeforeAnotherBatchIsLeftAlone) {
  for (uint64_t at = 0; at < ends_[3]; at += 97) {
    std::string damaged = log_;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    // What was changed may be the filler of a block, which nobody reads.
    EXPECT_EQ(TornTail(damaged), std::nullopt) << at;
  }
}

TEST_F(TornTailTest, WholeIsWhatEndsWithABatchAndHasNoDamage) {
  for (size_t batch = 0; batch + 1 < ends_.size(); ++batch) {
    EXPECT_OK(CheckWholeLog(log_.substr(0, ends_[batch]), "")) << batch;
    EXPECT_THAT(CheckWholeLog(log_.substr(0, ends_[batch] - 1), ""),
                StatusIs(absl::StatusCode::kDataLoss));
  }
  for (uint64_t at = 0; at < log_.size(); at += 97) {
    std::string damaged = log_;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_THAT(CheckWholeLog(damaged, ""), StatusIs(absl::StatusCode::kDataLoss)) << at;
  }
}

TEST_F(TornTailTest, TheNextLogGoesOnWhereItEnds) {
  std::vector<uint64_t> ends;
  const std::string three = WriteLog({100, 200, 300}, ends);
  const std::string third = three.substr(ends[1]);
  EXPECT_OK(CheckWholeLog(three.substr(0, ends[1]), third));
  EXPECT_THAT(CheckWholeLog(three.substr(0, ends[0]), third),
              StatusIs(absl::StatusCode::kDataLoss, ::testing::HasSubstr("begins with 3")));
  EXPECT_THAT(CheckWholeLog("", third), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_OK(CheckWholeLog(three.substr(0, ends[1]), third.substr(0, 20))) << "not to be compared";
  // Also where the header of the last batch lies in two blocks.
  for (size_t filler = 32700; filler < 32740; filler += 3) {
    ends.clear();
    const std::string log = WriteLog({filler, 100}, ends);
    EXPECT_OK(CheckWholeLog(log, third)) << filler;
  }
}

}  // namespace
}  // namespace auditledger
