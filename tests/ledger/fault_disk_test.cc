// The disk that the fault tests trust: what it forgets, tears and fails.
//
// Covers: ledger/posix_file_system
#include "tests/ledger/fault_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <set>

#include "ledger/posix_file.h"
#include "tests/ledger/fault_rig.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using Op = FaultDisk::Op;
using What = FaultDisk::Fault::What;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kBroken = absl::StatusCode::kUnknown;

class FaultDiskTest : public ::testing::Test {
 protected:
  FaultDiskTest() { SetFileSystemForTesting(&disk_); }
  ~FaultDiskTest() override { SetFileSystemForTesting(nullptr); }

  void Put(const std::string& path, const std::string& bytes, bool sync) {
    ASSERT_OK_AND_ASSIGN(const PosixFile file, PosixFile::Open(path, O_RDWR | O_CREAT));
    ASSERT_OK(file.WriteAt(0, bytes));
    if (sync) {
      ASSERT_OK(file.Sync());
    }
  }
  std::string Get(const std::string& path) {
    return ReadWholeFile(path, 1 << 20).value_or("absent");
  }
  // Fails the next call of a kind.
  void FailNext(Op op, FaultDisk::Fault fault) {
    disk_.SetScript([op, fault, done = false](const FaultDisk::Call& call) mutable {
      if (done || call.op != op) return FaultDisk::Fault{};
      done = true;
      return fault;
    });
  }
  FaultDisk disk_;
};

TEST_F(FaultDiskTest, APowerCutKeepsWhatWasSyncedAndAKillKeepsAll) {
  Put("/a", "old", true);
  ASSERT_OK(SyncDirectory("/"));
  Put("/a", "new", false);
  Put("/b", "b", true);  // its name is not
  const auto before = disk_.open_files();
  EXPECT_EQ(before, 0u);
  disk_.Restart(Survival::kAll);
  EXPECT_EQ(Get("/a"), "new");
  EXPECT_EQ(Get("/b"), "b");

  Put("/a", "later", false);
  ASSERT_OK(RemoveFile("/b"));
  ASSERT_OK(MakeDirectory("/folder"));  // syncs the folder above: b is gone for good
  disk_.Restart(Survival::kSynced);
  EXPECT_EQ(Get("/a"), "new");
  EXPECT_THAT(ListDirectory("/").value(), ElementsAre("a", "folder"));
}

TEST_F(FaultDiskTest, AFailedSyncLeavesBytesThatNoLaterSyncWrites) {
  Put("/a", "old", true);
  ASSERT_OK(SyncDirectory("/"));
  ASSERT_OK_AND_ASSIGN(PosixFile file, PosixFile::Open("/a", O_RDWR));
  ASSERT_OK(file.WriteAt(0, "new"));
  FailNext(Op::kSync, {What::kAbsent});
  EXPECT_TRUE(IsSyncFailure(file.Sync()));
  ASSERT_OK(file.Sync());
  EXPECT_EQ(Get("/a"), "new");
  { const PosixFile closed = std::move(file); }
  disk_.Restart(Survival::kSynced);
  EXPECT_EQ(Get("/a"), "old");
}

TEST_F(FaultDiskTest, WritesAreTornOrShortAsTheScriptSays) {
  ASSERT_OK_AND_ASSIGN(PosixFile file, PosixFile::Open("/a", O_RDWR | O_CREAT));
  FailNext(Op::kWrite, {What::kTorn, ENOSPC, 2});
  EXPECT_THAT(file.WriteAt(0, "1234"), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(Get("/a"), "12");
  FailNext(Op::kWrite, {What::kShort, 0, 1});
  ASSERT_OK(file.WriteAt(0, "abcd"));
  FailNext(Op::kRead, {What::kShort, 0, 3});
  EXPECT_EQ(file.ReadExactly(0, 4).value(), "abcd");
}

TEST_F(FaultDiskTest, AfterACrashNothingWorksUntilTheRestart) {
  Put("/a", "a", true);
  FailNext(Op::kRename, {What::kPresent, EIO, 0, true});
  EXPECT_FALSE(RenameDurably("/a", "/b").ok());
  EXPECT_FALSE(SyncDirectory("/").ok());
  EXPECT_FALSE(ReadWholeFile("/b", 10).ok());
  disk_.Restart(Survival::kAll);
  EXPECT_THAT(ListDirectory("/").value(), ElementsAre("b"));
}

// Over many seeds: every prefix, cut at sectors, and every mixture of sectors is met.
TEST_F(FaultDiskTest, PowerCutsTearAndScatterUnsyncedSectors) {
  const std::string old(3 * kSectorBytes, 'o');
  const std::string sector(kSectorBytes, 'n');
  const std::string rest(kSectorBytes, 'o');
  std::set<std::string> prefixes;
  std::set<std::string> mixtures;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    for (const Survival survival : {Survival::kPrefix, Survival::kScattered}) {
      Put("/a", old, true);
      ASSERT_OK(SyncDirectory("/"));
      Put("/a", sector + sector + sector, false);
      disk_.Restart(survival, seed);
      (survival == Survival::kPrefix ? prefixes : mixtures).insert(Get("/a"));
    }
  }
  EXPECT_EQ(prefixes.size(), 4u);
  EXPECT_EQ(prefixes.count(sector + sector + rest), 1u);
  EXPECT_EQ(mixtures.size(), 8u);
}

// The rig is green because the ledger is: it sees each wrong that it looks for.
TEST(FaultRigTest, SeesWhatIsLostMovedAndForked) {
  FaultRig rig;
  ASSERT_OK(rig.Create());
  ASSERT_OK(rig.Append({"a", "b"}));
  const FaultRig::Saved older = rig.Save();
  ASSERT_OK(rig.Open());
  ASSERT_OK(rig.Append({"c"}));
  const FaultRig::Saved saved = rig.Save();
  EXPECT_OK(rig.CheckRestart());

  rig.Load(saved);
  rig.memory.receipts["x"] = {9, "leaf"};
  EXPECT_THAT(rig.CheckRestart(), StatusIs(kBroken, "WRONG: LOST: x"));
  rig.Load(saved);
  rig.memory.receipts["a"].leaf = "another";
  EXPECT_THAT(rig.CheckRestart(), StatusIs(kBroken, "WRONG: CHANGED: a"));
  rig.Load(saved);
  rig.memory.heads[4] = LeafHash("another");
  EXPECT_THAT(rig.CheckRestart(), StatusIs(kBroken, HasSubstr("FORK")));
  // Everything rolled back, the signer's state included: only the receipts know.
  rig.Load(saved);
  rig.disk.Load(*older.disk);
  EXPECT_THAT(rig.CheckRestart(), StatusIs(kBroken, "WRONG: LOST: c"));
}

}  // namespace
}  // namespace auditledger::testing
