#include "ledger/log_file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <memory>

#include "ledger/posix_file.h"
#include "ledger/strict_env.h"
#include "leveldb/db.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FileFaults;

class LogFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    leveldb::WritableFile* file = nullptr;
    ASSERT_TRUE(NewLogFile(path_, &sync_failed_, &file).ok());
    log_.reset(file);
  }
  leveldb::Status Write(const std::string& batch) {
    const leveldb::Status status = log_->Append(batch);
    return status.ok() ? log_->Sync() : status;
  }
  std::string Stored() const { return ReadWholeFile(path_, 64 << 20).value(); }

  const testing::TempDir dir_;
  const std::string path_ = dir_ / "000003.log";
  std::atomic<bool> sync_failed_{false};
  std::unique_ptr<leveldb::WritableFile> log_;
};

TEST_F(LogFileTest, ZerosStandBehindWhatWasAppended) {
  std::string all;
  for (const size_t size : {1u, 300u, 70'000u, 3u, 5'000'000u, 1u, 5'000'000u}) {
    const std::string batch(size, 'x');
    ASSERT_TRUE(Write(batch).ok());
    all += batch;
    const std::string stored = Stored();
    ASSERT_GT(stored.size(), all.size());
    EXPECT_LE(stored.size() - all.size(), kMostZerosAhead);
    EXPECT_TRUE(stored == all + std::string(stored.size() - all.size(), '\0')) << all.size();
  }
}

// A log that stays small has few of them.
TEST_F(LogFileTest, ThereAreAsManyAsTheLogIsLarge) {
  ASSERT_TRUE(Write("x").ok());
  EXPECT_EQ(Stored().size(), 1 + kFewestZerosAhead);
  ASSERT_TRUE(Write(std::string(999'999, 'x')).ok());
  EXPECT_EQ(Stored().size(), 2'000'000u);
}

// No other write goes between: only a batch that comes to the end of the zeros makes the file grow.
TEST_F(LogFileTest, ABatchAmongZerosIsOneWriteAndOneSync) {
  ASSERT_TRUE(Write(std::string(1 << 20, 'x')).ok());
  const uint64_t size = Stored().size();
  const FileFaults writes(FileOperation::kWrite, "000003.log", 0);
  for (int i = 0; i < 256; ++i) ASSERT_TRUE(Write(std::string(4096, 'x')).ok());
  EXPECT_EQ(writes.seen(), 256u);
  EXPECT_EQ(Stored().size(), size);
  ASSERT_TRUE(Write("x").ok());
  EXPECT_GT(Stored().size(), size);
}

TEST_F(LogFileTest, AWriteThatFailedFailsEverySyncAfterIt) {
  ASSERT_TRUE(Write("a").ok());
  {
    const FileFaults faults(FileOperation::kWrite, "000003.log", ENOSPC, 0, 1);
    EXPECT_FALSE(Write("b").ok());
  }
  EXPECT_FALSE(Write("c").ok());
  EXPECT_FALSE(log_->Close().ok());
  EXPECT_FALSE(sync_failed_.load()) << "a full disk is no failed sync";
  EXPECT_EQ(Stored().substr(0, 2), std::string("a\0", 2));
}

TEST_F(LogFileTest, OnlyAFailedSyncIsCalledOne) {
  {
    const FileFaults faults(FileOperation::kSync, "000003.log", EIO, 0, 1);
    EXPECT_FALSE(Write("a").ok());
  }
  EXPECT_TRUE(sync_failed_.load());
}

// Two programs may take turns at a database: this one and LevelDB's own.
TEST(LogOfZerosTest, BareLevelDbReadsIt) {
  const testing::TempDir dir;
  StrictEnv strict(leveldb::Env::Default());
  for (leveldb::Env* env : {static_cast<leveldb::Env*>(&strict), leveldb::Env::Default()}) {
    leveldb::Options options;
    options.create_if_missing = true;
    options.paranoid_checks = true;
    options.env = env;
    leveldb::DB* raw = nullptr;
    const leveldb::Status status = leveldb::DB::Open(options, dir / "db", &raw);
    ASSERT_TRUE(status.ok()) << status.ToString();
    const std::unique_ptr<leveldb::DB> db(raw);
    leveldb::WriteOptions synced;
    synced.sync = true;
    for (int i = 0; i < 50; ++i) {
      std::string value;
      if (env == &strict) {
        ASSERT_TRUE(db->Put(synced, std::to_string(i), std::string(i * 100, 'v')).ok());
      } else {
        EXPECT_TRUE(db->Get({}, std::to_string(i), &value).ok()) << i;
      }
    }
  }
}

}  // namespace
}  // namespace auditledger
