#include "ledger/strict_env.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <memory>

#include "leveldb/db.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FaultEnv;
using ::auditledger::testing::FileFaults;
using ::auditledger::testing::TempDir;

// While it lives, open says EMFILE.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit none = before_;
    none.rlim_cur = 0;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_ = {};
};

class StrictEnvTest : public ::testing::Test {
 protected:
  // Synced puts of 700 bytes, so that records lie across the log's blocks of 32 KiB.
  static constexpr int kPuts = 60;
  void Fill() {
    leveldb::WriteOptions synced;
    synced.sync = true;
    auto db = Open(leveldb::Env::Default());
    for (int i = 0; i < kPuts; ++i) {
      ASSERT_TRUE(db->Put(synced, std::to_string(i), std::string(700, 'v')).ok());
    }
  }
  std::unique_ptr<leveldb::DB> Open(leveldb::Env* env) {
    leveldb::Options options;
    options.env = env;
    options.create_if_missing = true;
    leveldb::DB* db = nullptr;
    const leveldb::Status status = leveldb::DB::Open(options, dir_ / "db", &db);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return std::unique_ptr<leveldb::DB>(db);
  }
  int Found(leveldb::DB& db) {
    int found = 0;
    std::string value;
    for (int i = 0; i < kPuts; ++i) {
      found += db.Get({}, std::to_string(i), &value).ok() ? 1 : 0;
    }
    return found;
  }
  TempDir dir_;
};

TEST_F(StrictEnvTest, ShortReadsLoseNothing) {
  Fill();
  FaultEnv faults;
  faults.read_at_most = 16384;
  StrictEnv strict(&faults);
  EXPECT_EQ(Found(*Open(&strict)), 60);
}

// The control: google/leveldb issue 1285 as Debian ships it.
TEST_F(StrictEnvTest, BareLevelDbLosesEventsToShortReads) {
  Fill();
  FaultEnv faults;
  faults.read_at_most = 16384;
  EXPECT_LT(Found(*Open(&faults)), 60);
}

TEST_F(StrictEnvTest, ReadsTablesExactlyAtAnyOffset) {
  const std::string path = dir_ / "file";
  std::ofstream(path) << "0123456789";
  StrictEnv env(leveldb::Env::Default());
  leveldb::RandomAccessFile* raw = nullptr;
  ASSERT_TRUE(env.NewRandomAccessFile(path, &raw).ok());
  const std::unique_ptr<leveldb::RandomAccessFile> file(raw);
  char scratch[20];
  leveldb::Slice read;
  ASSERT_TRUE(file->Read(3, 4, &read, scratch).ok());
  EXPECT_EQ(read.ToString(), "3456");
  EXPECT_EQ(read.data(), scratch) << "a copy, not a mapping";
  ASSERT_TRUE(file->Read(8, 10, &read, scratch).ok());
  EXPECT_EQ(read.ToString(), "89");
  const FileFaults faults(FileOperation::kRead, path, EIO);
  EXPECT_TRUE(file->Read(0, 1, &read, scratch).IsCorruption());
}

TEST_F(StrictEnvTest, CreatingAndRenamingSyncTheFolder) {
  StrictEnv env(leveldb::Env::Default());
  const FileFaults counted(FileOperation::kSync, dir_.path(), 0);
  leveldb::WritableFile* raw = nullptr;
  ASSERT_TRUE(env.NewWritableFile(dir_ / "a", &raw).ok());
  delete raw;
  EXPECT_EQ(counted.seen(), 1u);
  ASSERT_TRUE(env.RenameFile(dir_ / "a", dir_ / "b").ok());
  EXPECT_EQ(counted.seen(), 2u);
  ASSERT_TRUE(env.NewAppendableFile(dir_ / "b", &raw).ok());
  delete raw;
  EXPECT_EQ(counted.seen(), 3u);
}

TEST_F(StrictEnvTest, AFolderThatCannotBeSyncedCountsAsFailedSync) {
  StrictEnv env(leveldb::Env::Default());
  const FileFaults faults(FileOperation::kSync, dir_.path(), EIO);
  leveldb::WritableFile* raw = nullptr;
  EXPECT_FALSE(env.NewWritableFile(dir_ / "a", &raw).ok());
  EXPECT_EQ(raw, nullptr);
  EXPECT_TRUE(env.SyncFailed());
}

// Out of file descriptors, nothing was promised to the disk that it could have lost.
TEST_F(StrictEnvTest, AFolderThatCannotBeOpenedIsAWriteErrorOnly) {
  StrictEnv env(leveldb::Env::Default());
  const FileFaults faults(FileOperation::kOpen, dir_.path(), EMFILE);
  leveldb::WritableFile* raw = nullptr;
  EXPECT_FALSE(env.NewWritableFile(dir_ / "a", &raw).ok());
  EXPECT_FALSE(env.RenameFile(dir_ / "a", dir_ / "b").ok());
  EXPECT_FALSE(env.SyncFailed());
}

// The renaming may have happened; LevelDB removes the new manifest then, which CURRENT may name.
TEST_F(StrictEnvTest, AfterARenamingInDoubtManifestsStay) {
  StrictEnv env(leveldb::Env::Default());
  for (const char* name : {"CURRENT.new", "MANIFEST-000002", "000003.log"}) {
    std::ofstream(dir_ / name) << "x";
  }
  {
    const FileFaults faults(FileOperation::kSync, dir_.path(), EIO);
    EXPECT_FALSE(env.RenameFile(dir_ / "CURRENT.new", dir_ / "CURRENT").ok());
  }
  EXPECT_TRUE(env.FileExists(dir_ / "CURRENT"));
  EXPECT_FALSE(env.RemoveFile(dir_ / "MANIFEST-000002").ok());
  EXPECT_TRUE(env.FileExists(dir_ / "MANIFEST-000002"));
  EXPECT_TRUE(env.RemoveFile(dir_ / "000003.log").ok());
}

// LevelDB opens the folder itself when it syncs a manifest.
TEST_F(StrictEnvTest, AManifestsFolderThatCannotBeOpenedIsAWriteErrorOnly) {
  StrictEnv env(leveldb::Env::Default());
  leveldb::WritableFile* raw = nullptr;
  ASSERT_TRUE(env.NewWritableFile(dir_ / "MANIFEST-000001", &raw).ok());
  const std::unique_ptr<leveldb::WritableFile> file(raw);
  ASSERT_TRUE(file->Append("x").ok());
  {
    const NoMoreDescriptors none;
    EXPECT_FALSE(file->Sync().ok());
  }
  EXPECT_FALSE(env.SyncFailed());
  EXPECT_TRUE(file->Sync().ok());
}

TEST_F(StrictEnvTest, RemembersTheFirstFailedSync) {
  StrictEnv env(leveldb::Env::Default());
  leveldb::WritableFile* raw = nullptr;
  ASSERT_TRUE(env.NewWritableFile(dir_ / "a.log", &raw).ok());
  const std::unique_ptr<leveldb::WritableFile> file(raw);
  ASSERT_TRUE(file->Append("x").ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_FALSE(env.SyncFailed());
  {
    const FileFaults faults(FileOperation::kSync, "a.log", EIO);
    EXPECT_FALSE(file->Sync().ok());
  }
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_TRUE(env.SyncFailed());
}

// Counts the syncs of its files, each of which takes `sync_micros`.
class CountingEnv : public leveldb::EnvWrapper {
 public:
  CountingEnv() : EnvWrapper(leveldb::Env::Default()) {}
  int syncs = 0;
  uint64_t sync_micros = 0;
  uint64_t NowMicros() override { return now_us_; }
  leveldb::Status NewWritableFile(const std::string& name,
                                  leveldb::WritableFile** result) override {
    leveldb::WritableFile* file = nullptr;
    const leveldb::Status status = target()->NewWritableFile(name, &file);
    *result = status.ok() ? new File(file, *this) : nullptr;
    return status;
  }

 private:
  class File : public leveldb::WritableFile {
   public:
    File(leveldb::WritableFile* file, CountingEnv& env) : file_(file), env_(env) {}
    leveldb::Status Append(const leveldb::Slice& data) override { return file_->Append(data); }
    leveldb::Status Close() override { return file_->Close(); }
    leveldb::Status Flush() override { return file_->Flush(); }
    leveldb::Status Sync() override {
      ++env_.syncs;
      env_.now_us_ += env_.sync_micros;
      return file_->Sync();
    }

   private:
    const std::unique_ptr<leveldb::WritableFile> file_;
    CountingEnv& env_;
  };
  uint64_t now_us_ = 0;
};

// How many syncs `bytes` more of `file` take.
int SyncsOf(CountingEnv& counts, leveldb::WritableFile& file, size_t bytes) {
  counts.syncs = 0;
  for (size_t at = 0; at < bytes; at += 4096) {
    EXPECT_TRUE(file.Append(std::string(4096, 't')).ok());
  }
  return counts.syncs;
}

// Where a sync takes long, small pieces would hold tables up more than they spare commits.
TEST_F(StrictEnvTest, PiecesOfATableGrowWhileSyncsAreSlow) {
  constexpr size_t kFewest = kFewestTableSyncBytes;
  constexpr size_t kMost = kMostTableSyncBytes;
  CountingEnv counts;
  StrictEnv env(&counts);
  leveldb::WritableFile* raw = nullptr;
  ASSERT_TRUE(env.NewWritableFile(dir_ / "000005.ldb", &raw).ok());
  const std::unique_ptr<leveldb::WritableFile> file(raw);
  counts.sync_micros = kSlowTableSyncMicros;
  EXPECT_EQ(SyncsOf(counts, *file, 8 * kFewest), 8) << "not slow yet";
  ++counts.sync_micros;
  EXPECT_EQ(SyncsOf(counts, *file, 2 * kMost - kFewest), 6) << "128 KiB, 256 KiB ... 4 MiB";
  EXPECT_EQ(SyncsOf(counts, *file, 4 * kMost), 4) << "no larger";
  counts.sync_micros = 0;
  EXPECT_EQ(SyncsOf(counts, *file, 2 * kMost - 2 * kFewest), 5) << "4 MiB ... 256 KiB";
  EXPECT_EQ(SyncsOf(counts, *file, 8 * kFewest), 8) << "no smaller";
}

// A commit's sync waits for one piece of a table, not for the whole of it.
TEST_F(StrictEnvTest, TablesAreSyncedInPiecesManifestsWhenAskedOnly) {
  CountingEnv counts;
  StrictEnv env(&counts);
  for (const auto& [name, syncs] : {std::pair("000005.ldb", 4), std::pair("MANIFEST-000006", 0)}) {
    counts.syncs = 0;
    leveldb::WritableFile* raw = nullptr;
    ASSERT_TRUE(env.NewWritableFile(dir_ / name, &raw).ok());
    const std::unique_ptr<leveldb::WritableFile> file(raw);
    for (int i = 0; i < 129; ++i) ASSERT_TRUE(file->Append(std::string(4096, 't')).ok());
    EXPECT_EQ(counts.syncs, syncs) << name;
  }
}

TEST_F(StrictEnvTest, ALockHeldByAnotherIsToldApart) {
  StrictEnv first(leveldb::Env::Default());
  StrictEnv second(leveldb::Env::Default());
  leveldb::FileLock* lock = nullptr;
  leveldb::FileLock* refused = nullptr;
  ASSERT_TRUE(first.LockFile(dir_ / "LOCK", &lock).ok());
  EXPECT_FALSE(second.LockFile(dir_ / "LOCK", &refused).ok());
  EXPECT_TRUE(second.LockRefused());
  EXPECT_FALSE(first.LockRefused());
  ASSERT_TRUE(first.UnlockFile(lock).ok());
}

}  // namespace
}  // namespace auditledger
