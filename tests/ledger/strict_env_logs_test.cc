#include "ledger/strict_env_logs.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "leveldb/db.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

// Two logs as a crash leaves them while a memtable is being written out: the second goes on where
// the first ends.
class StrictEnvLogsTest : public ::testing::Test {
 protected:
  StrictEnvLogsTest() {
    leveldb::Options options;
    options.create_if_missing = true;
    leveldb::DB* raw = nullptr;
    EXPECT_TRUE(leveldb::DB::Open(options, dir_ / "db", &raw).ok());
    const std::unique_ptr<leveldb::DB> db(raw);
    const std::string written = dir_ / "db/000003.log";
    for (int i = 0; i < 6; ++i) {
      EXPECT_TRUE(db->Put({}, std::to_string(i), std::string(300, 'x')).ok());
      ends_.push_back(std::filesystem::file_size(written));
    }
    std::ifstream in(written, std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    // Within one block records may be moved.
    older_ = bytes.str().substr(0, ends_[2]);
    newer_ = bytes.str().substr(ends_[2]);
    std::filesystem::create_directory(dir_ / "logs");
  }

  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(dir_ / ("logs/" + name), std::ios::binary) << bytes;
  }
  // What is read of the log; the status where it is refused.
  std::pair<leveldb::Status, std::string> Read(const std::string& name, LogReading reading) {
    leveldb::SequentialFile* opened = nullptr;
    const leveldb::Status status =
        OpenLog(*leveldb::Env::Default(), dir_ / ("logs/" + name), reading, &opened, &cut_);
    if (!status.ok()) return {status, ""};
    const std::unique_ptr<leveldb::SequentialFile> file(opened);
    std::string scratch(1 << 20, '\0');
    leveldb::Slice bytes;
    EXPECT_TRUE(file->Read(scratch.size(), &bytes, scratch.data()).ok());
    return {status, bytes.ToString()};
  }
  std::string ReadWhole(const std::string& name, LogReading reading) {
    const auto [status, bytes] = Read(name, reading);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return bytes;
  }
  bool IsCorruption(const std::string& name, LogReading reading) {
    return Read(name, reading).first.IsCorruption();
  }

  const testing::TempDir dir_;
  std::vector<uint64_t> ends_;
  std::string older_;
  std::string newer_;
  bool cut_ = false;
};

TEST_F(StrictEnvLogsTest, WholeLogsAreReadAsTheyAre) {
  Write("000003.log", older_);
  Write("000007.log", newer_);
  for (const LogReading reading :
       {LogReading::kOlderWhole, LogReading::kWithoutTornTail, LogReading::kAllWhole}) {
    EXPECT_EQ(ReadWhole("000003.log", reading), older_);
    EXPECT_EQ(ReadWhole("000007.log", reading), newer_);
    EXPECT_FALSE(cut_);
  }
}

TEST_F(StrictEnvLogsTest, AnyDamageOfAnOlderLogIsCorruption) {
  Write("000007.log", newer_);
  for (const LogReading reading : {LogReading::kOlderWhole, LogReading::kWithoutTornTail}) {
    for (uint64_t bit = 0; bit < older_.size() * 8; bit += 43) {
      std::string damaged = older_;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      Write("000003.log", damaged);
      EXPECT_TRUE(IsCorruption("000003.log", reading)) << bit;
    }
    // Batches that are whole, and not all of them, as well.
    for (const uint64_t size : {ends_[0], ends_[1]}) {
      Write("000003.log", older_.substr(0, size));
      EXPECT_TRUE(IsCorruption("000003.log", reading)) << size;
    }
    for (uint64_t size = 0; size < older_.size(); size += 7) {
      Write("000003.log", older_.substr(0, size));
      EXPECT_TRUE(IsCorruption("000003.log", reading)) << size;
    }
    EXPECT_FALSE(cut_);
  }
}

TEST_F(StrictEnvLogsTest, TheTornTailOfTheNewestIsLeftOutOnRequest) {
  Write("000003.log", older_);
  std::string torn = newer_;
  torn.replace(torn.size() - 100, 50, 50, '\0');
  Write("000007.log", torn);
  EXPECT_EQ(ReadWhole("000007.log", LogReading::kOlderWhole), torn);
  EXPECT_FALSE(cut_);
  EXPECT_EQ(ReadWhole("000007.log", LogReading::kWithoutTornTail),
            newer_.substr(0, ends_[4] - ends_[2]));
  EXPECT_TRUE(cut_);
  EXPECT_TRUE(IsCorruption("000007.log", LogReading::kAllWhole));
}

// A crash inside DB::Open leaves an empty one.
TEST_F(StrictEnvLogsTest, AnEmptyNewerLogMakesNoneOlder) {
  Write("000007.log", newer_.substr(0, newer_.size() - 10));
  Write("000009.log", "");
  Write("000011.ldb", "no log");
  EXPECT_EQ(ReadWhole("000007.log", LogReading::kWithoutTornTail),
            newer_.substr(0, ends_[4] - ends_[2]));
  EXPECT_TRUE(cut_);
}

TEST_F(StrictEnvLogsTest, AMissingLogIsNotFound) {
  EXPECT_TRUE(Read("000003.log", LogReading::kOlderWhole).first.IsNotFound());
}

}  // namespace
}  // namespace auditledger
