#include "ledger/leveldb_engine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "ledger/key_format.h"
#include "ledger/posix_file.h"
#include "ledger/strict_env_tail.h"
#include "leveldb/db.h"
#include "merkle/sha256.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FaultEnv;
using ::auditledger::testing::FileFaults;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;

Head HeadAt(uint64_t size) { return {size, Sha256({std::to_string(size)}), size}; }

class LevelDbEngineTest : public ::testing::Test {
 protected:
  LevelDbEngineTest() { options_.path = dir_ / "db"; }

  absl::Status Open(bool create) {
    engine_.reset();
    options_.create_if_missing = create;
    absl::StatusOr<std::unique_ptr<Engine>> engine = OpenLevelDbEngine(options_);
    if (engine.ok()) engine_ = *std::move(engine);
    return engine.status();
  }
  // One leaf a commit, 500 bytes.
  absl::Status Append(uint64_t index) {
    CommitBatch batch;
    batch.records.push_back({RecordKind::kLeaf, index, std::string(500, 'x')});
    batch.head = HeadAt(index + 1);
    return engine_->Commit(index == 0 ? std::nullopt : std::optional<Head>(HeadAt(index)), batch);
  }
  uint64_t StoredSize() {
    const absl::StatusOr<std::optional<Head>> head = engine_->LoadHead();
    EXPECT_OK(head);
    return head.ok() && head->has_value() ? (*head)->size : 0;
  }
  // The newest file that ends in `suffix`.
  std::string Newest(const std::string& suffix) {
    std::string newest;
    for (const auto& entry : std::filesystem::directory_iterator(options_.path)) {
      const std::string path = entry.path().string();
      if (entry.path().extension() == suffix && path > newest) newest = path;
    }
    return newest;
  }
  std::unique_ptr<leveldb::DB> OpenBare(const std::string& path, leveldb::Env* env) {
    leveldb::Options options;
    options.env = env;
    options.create_if_missing = true;
    options.paranoid_checks = true;
    leveldb::DB* db = nullptr;
    EXPECT_TRUE(leveldb::DB::Open(options, path, &db).ok());
    return std::unique_ptr<leveldb::DB>(db);
  }
  static leveldb::WriteOptions Synced() {
    leveldb::WriteOptions options;
    options.sync = true;
    return options;
  }

  TempDir dir_;
  FaultEnv env_;
  LevelDbOptions options_;
  std::unique_ptr<Engine> engine_;
};

TEST(PaceTest, CommitsWaitLongerTheMoreTablesWait) {
  constexpr size_t kMegabyte = 1'000'000;
  EXPECT_EQ(PaceMicros(0, 4 * kMegabyte), 0u);
  EXPECT_EQ(PaceMicros(kPacedFromFiles - 1, 4 * kMegabyte), 0u);
  EXPECT_EQ(PaceMicros(kPacedFromFiles, kMegabyte), 15'625u);
  EXPECT_EQ(PaceMicros(kPacedFromFiles + 1, kMegabyte), 31'250u);
  EXPECT_EQ(PaceMicros(kPacedFromFiles + 2, kMegabyte), kMaxPaceMicros);
  EXPECT_EQ(PaceMicros(11, 1000), 500u) << "a single event's commit hardly waits";
  EXPECT_EQ(PaceMicros(1000, SIZE_MAX >> 8), kMaxPaceMicros);
  EXPECT_EQ(PaceMicros(-1, kMegabyte), 0u);
}

TEST(PaceTest, CommitsAreSmallerTheMoreTablesWait) {
  EXPECT_EQ(PacedBytes(0), SIZE_MAX);
  EXPECT_EQ(PacedBytes(kPacedFromFiles - 1), SIZE_MAX);
  for (int files = kPacedFromFiles; files < 20; ++files) {
    EXPECT_EQ(PaceMicros(files, PacedBytes(files)), kMaxPaceMicros) << files;
    EXPECT_LT(PaceMicros(files, PacedBytes(files) - 1000), kMaxPaceMicros) << files;
  }
  EXPECT_EQ(PacedBytes(12), 60'000u);
  EXPECT_EQ(PacedBytes(1000), 60'000u);
}

TEST_F(LevelDbEngineTest, IsNotFoundUnlessMade) {
  EXPECT_THAT(Open(false), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(Open(true));
  EXPECT_OK(Open(false));
}

TEST_F(LevelDbEngineTest, KeepsItsRecordsOverARestart) {
  ASSERT_OK(Open(true));
  for (uint64_t i = 0; i < 20; ++i) ASSERT_OK(Append(i));
  ASSERT_OK(Open(false));
  EXPECT_EQ(StoredSize(), 20u);
  EXPECT_OK(engine_->Read(RecordKind::kLeaf, 19));
  EXPECT_OK(Append(20));
}

TEST_F(LevelDbEngineTest, TablesHoldOnceWhatNeighboursShare) {
  options_.write_buffer_bytes = 64 << 10;
  ASSERT_OK(Open(true));
  constexpr uint64_t kEntries = 400;
  for (uint64_t i = 0; i < kEntries; ++i) ASSERT_OK(Append(i));
  ASSERT_OK(Open(false));  // what was in memory becomes a table
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(options_.path)) {
    if (file.path().extension() == ".ldb") bytes += file.file_size();
  }
  EXPECT_GT(bytes, 0u);
  EXPECT_LT(bytes, kEntries * 100) << "of 500 bytes each, all alike";
  EXPECT_OK(engine_->Read(RecordKind::kLeaf, kEntries - 1));
}

TEST_F(LevelDbEngineTest, ASecondOpenerIsRefused) {
  ASSERT_OK(Open(true));
  EXPECT_THAT(OpenLevelDbEngine(options_),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("is in use")));
}

TEST_F(LevelDbEngineTest, ANewerFormatIsRefusedAndAMissingOneIsDamage) {
  ASSERT_OK(Open(true));
  ASSERT_OK(Append(0));
  engine_.reset();
  auto bare = OpenBare(options_.path, leveldb::Env::Default());
  ASSERT_TRUE(bare->Put(Synced(), kFormatKey, EncodeFormat(kDatabaseFormat + 1)).ok());
  bare.reset();
  EXPECT_THAT(Open(false), StatusIs(absl::StatusCode::kFailedPrecondition));
  bare = OpenBare(options_.path, leveldb::Env::Default());
  ASSERT_TRUE(bare->Delete(Synced(), kFormatKey).ok());
  bare.reset();
  EXPECT_THAT(Open(false), StatusIs(absl::StatusCode::kDataLoss));
}

// Both halves of style.md 6.1: what LevelDB does after a failed append, and what the latch does.
TEST_F(LevelDbEngineTest, BareLevelDbGoesOnAfterAFailedAppendAndThenCannotBeOpened) {
  const std::string path = dir_ / "bare";
  auto bare = OpenBare(path, &env_);
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    if (i == 40) env_.good_appends = 1;  // the record's header, then half of its body
    if (!bare->Put(Synced(), std::to_string(i), std::string(500, 'x')).ok()) ++refused;
  }
  EXPECT_EQ(refused, 1) << "59 puts after the failed one were acknowledged";
  bare.reset();
  leveldb::Options options;
  options.paranoid_checks = true;
  leveldb::DB* db = nullptr;
  const leveldb::Status status = leveldb::DB::Open(options, path, &db);
  EXPECT_TRUE(status.IsCorruption()) << status.ToString();
}

TEST_F(LevelDbEngineTest, LatchKeepsAllThatWasAcknowledgedBeforeAFailedAppend) {
  ASSERT_OK(Open(true));
  for (uint64_t i = 0; i < 40; ++i) ASSERT_OK(Append(i));
  absl::Status first;
  {
    const FileFaults faults(FileOperation::kWrite, ".log", ENOSPC, 0, 1);
    first = Append(40);
  }
  EXPECT_THAT(first, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(engine_->latched(), first);
  for (int i = 0; i < 59; ++i) {
    EXPECT_THAT(Append(40), StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  EXPECT_FALSE(engine_->SyncFailed());
  EXPECT_OK(engine_->Read(RecordKind::kLeaf, 39)) << "reads go on";
  ASSERT_OK(Open(false));
  EXPECT_EQ(StoredSize(), 40u);
  EXPECT_OK(Append(40));
}

TEST_F(LevelDbEngineTest, AFailedSyncIsRememberedAndItsOutcomeUnknown) {
  ASSERT_OK(Open(true));
  for (uint64_t i = 0; i < 10; ++i) ASSERT_OK(Append(i));
  {
    const FileFaults faults(FileOperation::kSync, ".log", EIO);
    EXPECT_THAT(Append(10), StatusIs(absl::StatusCode::kUnavailable));
  }
  EXPECT_TRUE(engine_->SyncFailed());
  EXPECT_THAT(Append(10), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(Open(false));
  EXPECT_EQ(StoredSize(), 11u) << "not acknowledged, and there all the same";
}

// reliability.md 2.1: silent in LevelDB. The signer's state tells (ledger/recovery), this test that
// it must.
TEST_F(LevelDbEngineTest, AShortenedWriteAheadLogOpensCleanlyWithASmallerHead) {
  ASSERT_OK(Open(true));
  for (uint64_t i = 0; i < 50; ++i) ASSERT_OK(Append(i));
  engine_.reset();
  const std::string log = Newest(".log");
  std::filesystem::resize_file(log, SizeWithoutZeros(ReadWholeFile(log, 1 << 20).value()) / 2);
  ASSERT_OK(Open(false));
  EXPECT_LT(StoredSize(), 50u);
  EXPECT_GT(StoredSize(), 10u);
}

TEST_F(LevelDbEngineTest, AFlippedBitInTheWriteAheadLogIsDataLoss) {
  ASSERT_OK(Open(true));
  for (uint64_t i = 0; i < 50; ++i) ASSERT_OK(Append(i));
  engine_.reset();
  std::fstream file(Newest(".log"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(5000);
  file.put('\x01');
  file.close();
  EXPECT_THAT(Open(false), StatusIs(absl::StatusCode::kDataLoss));
}

class TableTest : public LevelDbEngineTest {
 protected:
  // Leaves in a table, engine open, nothing of it cached.
  void SetUp() override {
    ASSERT_OK(Open(true));
    for (uint64_t i = 0; i < 30; ++i) ASSERT_OK(Append(i));
    ASSERT_OK(Open(false));  // recovery writes the log into a table
    engine_.reset();
    table_ = Newest(".ldb");
    ASSERT_FALSE(table_.empty());
  }
  std::string table_;
};

TEST_F(TableTest, AFlippedByteInATableIsDataLossByKeyAndByScan) {
  std::fstream file(table_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(100);
  const char old = static_cast<char>(file.get());
  file.seekp(100);
  file.put(static_cast<char>(old ^ 1));
  file.close();
  absl::Status status = Open(false);
  if (status.ok()) status = engine_->Read(RecordKind::kLeaf, 0).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
  if (engine_ == nullptr) return;
  EXPECT_THAT(engine_->Scan(RecordKind::kLeaf, 0, 30, [](uint64_t, auto) { return true; }),
              StatusIs(absl::StatusCode::kDataLoss));
}

// A power cut came between growing the log and writing all of it.
TEST_F(LevelDbEngineTest, ATornLastBatchIsLeftOutAndItsLogKept) {
  ASSERT_OK(Open(true));
  std::vector<uint64_t> ends;
  for (uint64_t i = 0; i < 3; ++i) {
    ASSERT_OK(Append(i));
    ends.push_back(SizeWithoutZeros(ReadWholeFile(Newest(".log"), 1 << 20).value()));
  }
  engine_.reset();
  const std::string log = Newest(".log");
  const std::string copy = dir_ / "copy";
  std::filesystem::copy_file(log, copy);
  const auto damage = [&](uint64_t at) {
    std::fstream(log, std::ios::in | std::ios::out).seekp(static_cast<int64_t>(at))
        << std::string(50, '\0');
  };
  damage(ends[0] + 100);  // not the last
  EXPECT_THAT(Open(false), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(Newest(".cut"), "");
  std::filesystem::copy_file(copy, log, std::filesystem::copy_options::overwrite_existing);
  damage(ends[1] + 100);
  ASSERT_OK(Open(false));
  EXPECT_EQ(StoredSize(), 2u);
  EXPECT_EQ(Newest(".cut"), log + ".cut");
  ASSERT_OK(Append(2));
  ASSERT_OK(Open(false));
  EXPECT_EQ(StoredSize(), 3u);
}

// LevelDB itself passes over it: the database would be gone after a power cut.
TEST_F(LevelDbEngineTest, TheFailedSyncOfItsFolderIsNotPassedOver) {
  {
    const FileFaults faults(FileOperation::kSync, dir_.path(), EIO, 0, 1);
    EXPECT_THAT(Open(true), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_GT(faults.seen(), 1u) << "LevelDB has gone on";
  }
  EXPECT_OK(Open(true));
}

TEST_F(TableTest, AMissingTableIsDataLossAndNotAnAbsentRecord) {
  std::filesystem::remove(table_);
  EXPECT_THAT(Open(false), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(TableTest, ASectorThatCannotBeReadIsDataLossAndNoSignal) {
  const FileFaults faults(FileOperation::kRead, ".ldb", EIO);
  absl::Status status = Open(false);
  if (status.ok()) status = engine_->Read(RecordKind::kLeaf, 0).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace auditledger
