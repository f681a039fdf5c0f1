#include "ledger/tile_folder.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/cleanup/cleanup.h"
#include "gtest/gtest.h"
#include "merkle/proof.h"
#include "tests/ledger/fault_disk.h"
#include "tests/testing/rotated_log.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;

TileFolder::Log LogIn(const std::string& dir, const TestLog& log) {
  return {dir, log.origin(), log.verifier()};
}

// Goes on to `size` and publishes that head.
absl::Status PublishTo(TileFolder& folder, TestLog& log, uint64_t size) {
  for (uint64_t i = folder.size(); i < size; ++i) {
    const absl::Status appended = folder.Append(log.leaves()[i]);
    if (!appended.ok()) return appended;
  }
  return folder.Publish(log.CheckpointAt(size));
}

// What a reader who holds the head of `size` must find: every leaf and node, by exact paths.
void ExpectServes(const std::string& dir, TestLog& log, uint64_t size) {
  TileFolderReader reader(dir);
  TileNodeReader nodes(reader, size);
  ASSERT_OK_AND_ASSIGN(const Hash root, RootAt(size, nodes));
  EXPECT_EQ(root, log.RootAt(size)) << size;
  for (uint64_t bundle = 0; bundle * kTileWidth < size; ++bundle) {
    const uint64_t width = std::min(kTileWidth, size - bundle * kTileWidth);
    ASSERT_OK_AND_ASSIGN(const std::vector<std::string> leaves, reader.ReadEntries(bundle, width));
    for (uint64_t i = 0; i < width; ++i) {
      EXPECT_EQ(leaves[i], log.leaves()[bundle * kTileWidth + i]);
    }
  }
}

class TileFolderTest : public ::testing::Test {
 protected:
  TestLog log_;
  TempDir temp_;
  const std::string dir_ = temp_ / "public";
};

TEST_F(TileFolderTest, EveryPublishedHeadIsServedWholeAcrossReopenings) {
  log_.AddEvents(700);
  for (const uint64_t size : {1, 2, 255, 256, 257, 511, 512, 513, 600, 701}) {
    ASSERT_OK_AND_ASSIGN(const auto folder, TileFolder::Open(LogIn(dir_, log_)));
    ASSERT_OK(PublishTo(*folder, log_, size));
    EXPECT_EQ(folder->published()->checkpoint.size, size);
    ExpectServes(dir_, log_, size);
  }
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/tile/0/002.p/189"));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/tile/1/000.p/2"));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/tile/entries/002.p/189"));
}

TEST_F(TileFolderTest, FollowsTheLogsKeyByItsLeaves) {
  log_.AddEvents(5);
  log_.AddSystem(EntryKind::kKeyChange, KeyChangeBody(log_.origin(), 1, 2));
  log_.AddEvents(300);
  {
    ASSERT_OK_AND_ASSIGN(const auto folder, TileFolder::Open(LogIn(dir_, log_)));
    ASSERT_OK(PublishTo(*folder, log_, 6));
    for (uint64_t i = 6; i < 20; ++i) ASSERT_OK(folder->Append(log_.leaves()[i]));
    EXPECT_THAT(folder->Publish(log_.CheckpointAt(20)),
                StatusIs(absl::StatusCode::kFailedPrecondition))
        << "the retired key";
    ASSERT_OK(folder->Publish(CheckpointBy(2, log_, 20)));
    EXPECT_EQ(folder->key_changes().size(), 1u);
  }
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/key-changes"));
  // Whichever key it is opened with.
  TileFolder::Log by_new = LogIn(dir_, log_);
  by_new.key = NoteVerifier::FromEd25519(log_.origin(), TestPublicKey(2)).value();
  for (const TileFolder::Log& log : {LogIn(dir_, log_), by_new}) {
    ASSERT_OK_AND_ASSIGN(const auto folder, TileFolder::Open(log));
    EXPECT_EQ(folder->published()->checkpoint.size, 20u);
  }
  ASSERT_OK_AND_ASSIGN(const auto folder, TileFolder::Open(by_new));
  for (uint64_t i = 20; i < 307; ++i) ASSERT_OK(folder->Append(log_.leaves()[i]));
  ASSERT_OK(folder->Publish(CheckpointBy(2, log_, 307)));
  ExpectServes(dir_, log_, 307);
}

TEST_F(TileFolderTest, PartialFormsOfTheHeadBeforeStayOneHeadLonger) {
  log_.AddEvents(300);
  ASSERT_OK_AND_ASSIGN(const auto folder, TileFolder::Open(LogIn(dir_, log_)));
  const auto has = [&](const char* path) { return std::filesystem::exists(dir_ + "/" + path); };
  ASSERT_OK(PublishTo(*folder, log_, 100));
  ASSERT_OK(PublishTo(*folder, log_, 260));
  EXPECT_TRUE(has("tile/0/000.p/100") && has("tile/entries/000.p/100"));
  ASSERT_OK(PublishTo(*folder, log_, 270));
  EXPECT_FALSE(has("tile/0/000.p") || has("tile/entries/000.p"));
  EXPECT_TRUE(has("tile/0/001.p/4") && has("tile/0/001.p/14"));
}

TEST_F(TileFolderTest, APartialTileThatDidNotChangeLastIsWrittenAllTheSame) {
  log_.AddEvents(300);
  ASSERT_OK_AND_ASSIGN(const auto folder, TileFolder::Open(LogIn(dir_, log_)));
  // The first 256 leaves change level 1, the last ones only level 0.
  ASSERT_OK(PublishTo(*folder, log_, 259));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/tile/1/000.p/1"));
}

TEST_F(TileFolderTest, ReadableByAWebServerWhateverTheUmask) {
  const mode_t before = umask(0077);
  log_.AddEvents(5);
  ASSERT_OK_AND_ASSIGN(const auto folder, TileFolder::Open(LogIn(dir_, log_)));
  ASSERT_OK(PublishTo(*folder, log_, 6));
  umask(before);
  struct stat info = {};
  for (const char* path : {"", "/tile", "/tile/entries", "/tile/0/000.p"}) {
    ASSERT_EQ(stat((dir_ + path).c_str(), &info), 0) << path;
    EXPECT_EQ(info.st_mode & 0777, 0755u) << path;
  }
  for (const char* path : {"/checkpoint", "/tile/entries/000.p/6"}) {
    ASSERT_EQ(stat((dir_ + path).c_str(), &info), 0) << path;
    EXPECT_EQ(info.st_mode & 0777, 0644u) << path;
  }
}

TEST_F(TileFolderTest, AHeadThatTheLeavesDoNotLeadToIsNotPublished) {
  log_.AddEvents(5);
  ASSERT_OK_AND_ASSIGN(const auto folder, TileFolder::Open(LogIn(dir_, log_)));
  ASSERT_OK(PublishTo(*folder, log_, 3));
  ASSERT_OK(folder->Append(log_.leaves()[3]));
  const auto refused = [&](const std::string& note) {
    EXPECT_EQ(folder->Publish(note).code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(folder->published()->checkpoint.size, 3u);
  };
  refused(log_.CheckpointAt(3));
  refused(log_.CheckpointAt(5));
  refused(log_.CheckpointSaying(4, log_.RootAt(3)));
  TestLog::Options other;
  other.key = 2;
  TestLog stranger(other);
  stranger.AddEvents(5);
  refused(stranger.CheckpointSaying(4, log_.RootAt(4)));
  refused("no note");
  ASSERT_OK(folder->Publish(log_.CheckpointAt(4)));
}

TEST_F(TileFolderTest, AFolderOfAnotherLogOrAnotherWriterOrDamagedIsRefused) {
  log_.AddEvents(299);
  {
    ASSERT_OK_AND_ASSIGN(const auto folder, TileFolder::Open(LogIn(dir_, log_)));
    ASSERT_OK(PublishTo(*folder, log_, 300));
    EXPECT_THAT(TileFolder::Open(LogIn(dir_, log_)).status().message(),
                HasSubstr("another process"));
  }
  TestLog::Options other;
  other.origin = "ledger.test/other";
  EXPECT_EQ(TileFolder::Open(LogIn(dir_, TestLog(other))).status().code(),
            absl::StatusCode::kFailedPrecondition);
  other.origin = log_.origin();
  other.key = 2;
  EXPECT_EQ(TileFolder::Open(LogIn(dir_, TestLog(other))).status().code(),
            absl::StatusCode::kFailedPrecondition);

  for (const char* file : {"tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"}) {
    const std::string path = dir_ + "/" + file;
    const auto bytes = [&] {
      std::ifstream in(path, std::ios::binary);
      return std::string(std::istreambuf_iterator<char>(in), {});
    }();
    const auto write = [&](const std::string& text) {
      std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    };
    std::string flipped = bytes;
    flipped[bytes.size() - 1] ^= 1;
    write(flipped);
    EXPECT_EQ(TileFolder::Open(LogIn(dir_, log_)).status().code(), absl::StatusCode::kDataLoss)
        << file;
    write(bytes.substr(0, bytes.size() - 1));
    EXPECT_EQ(TileFolder::Open(LogIn(dir_, log_)).status().code(), absl::StatusCode::kDataLoss)
        << file;
    write(bytes);
  }
  EXPECT_OK(TileFolder::Open(LogIn(dir_, log_)));
}

TEST_F(TileFolderTest, ALeafOverTheFormatsLimitIsRefused) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TileFolder::Open(LogIn(dir_, log_)));
  EXPECT_OK(folder->Append(std::string(kMaxEntryBytes, 'x')));
  EXPECT_EQ(folder->Append(std::string(kMaxEntryBytes + 1, 'x')).code(),
            absl::StatusCode::kInvalidArgument);
}

// Three publications that die at the `crash_at`th call; whatever is left, the folder's head is
// served whole, and the next run goes on from it. False when they were done before.
bool PlayUntil(TestLog& log, int crash_at, Survival survival) {
  const std::vector<uint64_t> sizes = {200, 259, 515};
  FaultDisk disk;
  SetFileSystemForTesting(&disk);
  const absl::Cleanup back = [] { SetFileSystemForTesting(nullptr); };
  int calls = 0;
  disk.SetScript([&](const FaultDisk::Call& call) {
    FaultDisk::Fault fault;
    if (call.op == FaultDisk::Op::kLook || call.op == FaultDisk::Op::kRead) return fault;
    if (++calls != crash_at) return fault;
    fault.what = call.op == FaultDisk::Op::kWrite ? FaultDisk::Fault::What::kTorn
                                                  : FaultDisk::Fault::What::kAbsent;
    fault.bytes = call.bytes / 2;
    fault.crash = true;
    return fault;
  });
  bool finished = true;
  {
    const auto folder = TileFolder::Open(LogIn("/public", log));
    for (const uint64_t size : sizes) {
      finished = finished && folder.ok() && PublishTo(**folder, log, size).ok();
    }
  }
  if (finished) return false;
  disk.Restart(survival, static_cast<uint64_t>(crash_at));
  const auto folder = TileFolder::Open(LogIn("/public", log));
  EXPECT_OK(folder) << "call " << crash_at;
  if (!folder.ok()) return false;
  if ((*folder)->published()) ExpectServes("/public", log, (*folder)->size());
  for (const uint64_t size : sizes) {
    if (size <= (*folder)->size()) continue;
    EXPECT_OK(PublishTo(**folder, log, size));
  }
  ExpectServes("/public", log, sizes.back());
  return calls >= crash_at;
}

TEST(TileFolderCrashTest, AtEveryCallTheHeadInTheFolderIsWhole) {
  TestLog log;
  log.AddEvents(520);
  const std::vector<uint64_t> sizes = {200, 259, 515};
  int crashes = 0;
  for (const Survival survival :
       {Survival::kAll, Survival::kSynced, Survival::kPrefix, Survival::kScattered}) {
    for (int crash_at = 1; PlayUntil(log, crash_at, survival); ++crash_at) ++crashes;
    if (HasFatalFailure()) break;
  }
  EXPECT_GT(crashes, 200);
}

}  // namespace
}  // namespace auditledger::testing
