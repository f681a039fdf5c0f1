// A ledger damaged in every way its disk can think of, repaired from a mirror and a backup: what is
// served afterwards is what was acknowledged, under the same head; and a copy that lies, or a run
// that is cut short, changes nothing.
//
// AUDITLEDGER_REPAIR_ROUNDS sets how many random damages (40; nightly more).
// Covers: ledger/repair_backup, ledger/repair_leaves, ledger/repair_rebuild
// Covers: ledger/repair_records, ledger/repair_secrets
#include "ledger/repair.h"

#include <cstdio>
#include <cstdlib>
#include <random>

#include "absl/strings/numbers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/ledger/repair_fixture.h"
#include "tests/testing/seed.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;

TEST(IndexRangesTest, NamesTwentyRangesAndCountsTheRest) {
  IndexRanges ranges;
  EXPECT_EQ(ranges.ToString(), "0");
  for (const uint64_t index : {17, 18, 19, 300}) ranges.Add(index);
  EXPECT_EQ(ranges.ToString(), "4 [17-19, 300]");
  for (uint64_t i = 2; i < kMaxNamedRanges; ++i) ranges.Add(300 + 2 * i);
  EXPECT_FALSE(ranges.is_cut());
  ranges.Add(1000);
  EXPECT_TRUE(ranges.is_cut());
  EXPECT_EQ(ranges.count(), 4 + kMaxNamedRanges - 2 + 1);
  EXPECT_THAT(ranges.ToString(), ::testing::EndsWith("338, ...]"));
}

TEST_F(RepairTest, AWholeLedgerIsLeftAlone) {
  const auto before = DigestsBelow(base_);
  Leaves mirror(leaves_);
  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(WithBoth(mirror)));
  EXPECT_FALSE(report.log_changed);
  EXPECT_EQ(report.logged, "");
  EXPECT_EQ(mirror.reads, 0);
  EXPECT_EQ(DigestsBelow(base_), before);
}

TEST_F(RepairTest, AnEditedLeafComesBackFromAMirrorAlone) {
  EditLeaf(17);
  EditLeaf(300);
  ASSERT_FALSE(IsWhole(Check()));
  Leaves mirror(leaves_);
  RepairOptions options = WithMirror(mirror);
  options.paths.key_dir.clear();  // whoever repairs need not hold the keys
  options.paths.seed_dir.clear();
  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(options));
  EXPECT_EQ(report.leaves.ToString(), "2 [17, 300]");
  EXPECT_TRUE(IsWhole(report.after));
  EXPECT_EQ(report.after.head.root, head_.head.root);
  EXPECT_THAT(report.logged, HasSubstr("repair to size 600: leaves 2 [17, 300], payloads 0"));
  EXPECT_TRUE(fs::exists(report.damaged_log));
  EXPECT_EQ(mirror.reads, 4) << "the damaged bundles alone, proven and then taken";
  EXPECT_TRUE(IsWhole(Check()));
  ExpectServesAll(report);
}

TEST_F(RepairTest, ALeafAndItsTileEditedTogetherAreProvenByTheMirror) {
  Raw([&](leveldb::DB& db) {
    std::string leaf = leaves_[17];
    leaf[10] = static_cast<char>(leaf[10] ^ 1);
    std::string tile;
    ASSERT_TRUE(db.Get(leveldb::ReadOptions(), TileKey({0, 0}), &tile).ok());
    tile.replace(17 * Hash::kSize, Hash::kSize, std::string(LeafHash(leaf).view()));
    ASSERT_TRUE(db.Put(leveldb::WriteOptions(), RecordKey(RecordKind::kLeaf, 17), leaf).ok());
    ASSERT_TRUE(db.Put(leveldb::WriteOptions(), TileKey({0, 0}), tile).ok());
  });
  Leaves mirror(leaves_);
  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(WithMirror(mirror)));
  EXPECT_EQ(report.leaves.ToString(), "1 [17]");
  EXPECT_TRUE(IsWhole(report.after));
  ExpectServesAll(report);
}

// Tiles follow from leaves: nobody else is needed.
TEST_F(RepairTest, TilesAndHeadAreMadeAnewWithoutAnyCopy) {
  Raw([&](leveldb::DB& db) {
    for (const TileId id : {TileId{0, 1}, TileId{0, 2}, TileId{1, 0}}) {
      ASSERT_TRUE(db.Delete(leveldb::WriteOptions(), TileKey(id)).ok());
    }
    ASSERT_TRUE(db.Put(leveldb::WriteOptions(), kHeadKey, "not a head").ok());
    ASSERT_TRUE(db.Put(leveldb::WriteOptions(), TileKey({0, 77}), "beyond").ok());
  });
  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(Options()));
  EXPECT_TRUE(report.log_changed);
  EXPECT_EQ(report.leaves.count(), 0u);
  EXPECT_TRUE(IsWhole(report.after));
  ExpectServesAll(report);
}

TEST_F(RepairTest, ALyingMirrorChangesNothing) {
  EditLeaf(17);
  const auto before = DigestsBelow(base_);
  Leaves honest(leaves_);
  // Another history; its very entry made up; everything but what is needed.
  for (const std::vector<uint64_t>& lies :
       {std::vector<uint64_t>{17}, std::vector<uint64_t>{17, 18, 599}}) {
    Leaves liar(leaves_);
    for (const uint64_t index : lies) liar.leaves()[index][11] ^= 1;
    RepairOptions options = Options();
    options.mirrors.push_back({"liar", honest.Head(kEntries), &liar});
    const auto refused = RepairLedger(options);
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_THAT(refused.status().message(), HasSubstr("do not lead to the head that the signer"));
    EXPECT_EQ(DigestsBelow(base_), before);
  }
  Leaves shorter(std::vector<std::string>(leaves_.begin(), leaves_.begin() + 10));
  EXPECT_THAT(RepairLedger(WithMirror(shorter, 10)), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(DigestsBelow(base_), before);
  // Lies elsewhere do no harm: only what is damaged is taken.
  Leaves elsewhere(leaves_);
  elsewhere.leaves()[16][11] ^= 1;
  RepairOptions options = Options();
  options.mirrors.push_back({"liar", honest.Head(kEntries), &elsewhere});
  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(options));
  EXPECT_EQ(report.leaves.ToString(), "1 [17]");
  ExpectServesAll(report);
}

// Whoever repairs to less than what was signed, or to another history, makes a fork.
TEST_F(RepairTest, AHeadThatTheSignersStateContradictsIsRefused) {
  EditLeaf(17);
  Leaves mirror(leaves_);
  RepairOptions forked = WithMirror(mirror);
  forked.mirrors[0].head.root = LeafHash("another");
  EXPECT_THAT(RepairLedger(forked), StatusIs(absl::StatusCode::kFailedPrecondition));
  fs::remove_all(damaged_->Paths().state_dir);
  fs::copy(folder_->path() + "/state-100/clinic", damaged_->Paths().state_dir,
           fs::copy_options::recursive);
  const auto before = DigestsBelow(base_);
  const auto refused = RepairLedger(WithMirror(mirror));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(refused.status().message(), HasSubstr("the state is an old copy"));
  RepairOptions with_backup = Options();
  with_backup.backup = Backup();
  EXPECT_THAT(RepairLedger(with_backup), StatusIs(absl::StatusCode::kFailedPrecondition));
  fs::remove(damaged_->Paths().state_dir + "/signer.state");
  const auto lost = RepairLedger(WithMirror(mirror));
  EXPECT_THAT(lost, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(lost.status().message(), HasSubstr("nothing can be proven right"));
}

// The log itself shows that more was signed, also where its head cannot be read.
TEST_F(RepairTest, ALogFarBeyondTheSignersStateIsNotCutBackToIt) {
  fs::remove_all(damaged_->Paths().state_dir);
  fs::copy(folder_->path() + "/state-100/clinic", damaged_->Paths().state_dir,
           fs::copy_options::recursive);
  EditLeaf(17);
  for (const bool with_head : {true, false}) {
    if (!with_head) {
      Raw([](leveldb::DB& db) {
        ASSERT_TRUE(db.Put(leveldb::WriteOptions(), kHeadKey, "not a head").ok());
      });
    }
    const auto before = DigestsBelow(base_);
    Leaves mirror(std::vector<std::string>(leaves_.begin(), leaves_.begin() + 99));
    RepairOptions options = WithMirror(mirror, 99);
    options.limits.max_commit_entries = 100;
    const auto refused = RepairLedger(options);
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(refused.status().message(), HasSubstr("the state is an old copy"));
    EXPECT_EQ(DigestsBelow(base_), before);
  }
}

TEST_F(RepairTest, PayloadsIdentitiesAndSecretsComeBackFromABackup) {
  Raw([&](leveldb::DB& db) {
    std::string other;
    ASSERT_TRUE(db.Get(leveldb::ReadOptions(), RecordKey(RecordKind::kPayload, 30), &other).ok());
    ASSERT_TRUE(db.Put(leveldb::WriteOptions(), RecordKey(RecordKind::kPayload, 31), other).ok());
    ASSERT_TRUE(db.Delete(leveldb::WriteOptions(), RecordKey(RecordKind::kPayload, 40)).ok());
    ASSERT_TRUE(db.Get(leveldb::ReadOptions(), RecordKey(RecordKind::kIdentity, 50), &other).ok());
    ASSERT_TRUE(db.Put(leveldb::WriteOptions(), RecordKey(RecordKind::kIdentity, 51), other).ok());
    ASSERT_TRUE(db.Delete(leveldb::WriteOptions(), RecordKey(RecordKind::kIdentity, 60)).ok());
  });
  const std::string seeds = damaged_->Paths().seed_dir + "/seeds-0000000000000000";
  Flip(seeds, (70 * 64 + 30) * 8);
  Leaves mirror(leaves_);
  RepairOptions without = WithMirror(mirror);
  ASSERT_OK_AND_ASSIGN(const RepairReport nothing, RepairLedger(without));
  EXPECT_FALSE(nothing.log_changed) << "leaves hold commitments only";
  EXPECT_FALSE(IsWhole(nothing.after));
  RepairOptions keyless = WithBoth(mirror);
  keyless.paths.key_dir.clear();
  keyless.paths.seed_dir.clear();
  EXPECT_THAT(RepairLedger(keyless), StatusIs(absl::StatusCode::kInvalidArgument));

  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(WithBoth(mirror)));
  EXPECT_EQ(report.leaves.count(), 0u);
  EXPECT_EQ(report.payloads.count(), 2u) << report.payloads.ToString();
  EXPECT_EQ(report.identities.count(), 2u) << report.identities.ToString();
  EXPECT_EQ(report.secrets.ToString(), "1 [70]");
  EXPECT_TRUE(IsWhole(report.after)) << report.after.findings[0].what;
  ExpectServesAll(report);
}

// The contents of two acknowledged events, exchanged: the backup's own digests hold, the keys tell.
TEST_F(RepairTest, AnEditedBackupGivesNothing) {
  ASSERT_OK(damaged_->Open());
  const BackupFolders edited{base_ + "/backup", base_ + "/secrets"};
  const auto exchange = [](uint64_t first, std::vector<BackupEntry>& entries) {
    if (first > 0) return;
    std::swap(entries.at(11).payload, entries.at(12).payload);
    std::swap(entries.at(15).identity, entries.at(16).identity);
  };
  ASSERT_OK(MakeBackup(*damaged_->ledger, edited, exchange));
  damaged_->Close();
  Raw([&](leveldb::DB& db) {
    ASSERT_TRUE(db.Delete(leveldb::WriteOptions(), RecordKey(RecordKind::kPayload, 11)).ok());
    ASSERT_TRUE(db.Delete(leveldb::WriteOptions(), RecordKey(RecordKind::kIdentity, 15)).ok());
  });
  Leaves mirror(leaves_);
  RepairOptions options = WithMirror(mirror);
  options.backup = edited;
  ASSERT_OK_AND_ASSIGN(const RepairReport refused, RepairLedger(options));
  EXPECT_EQ(refused.payloads.count() + refused.identities.count(), 0u);
  EXPECT_FALSE(IsWhole(refused.after));
  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(WithBoth(mirror)));
  EXPECT_EQ(report.payloads.ToString(), "1 [11]");
  EXPECT_EQ(report.identities.ToString(), "1 [15]");
  ExpectServesAll(report);
}

TEST_F(RepairTest, AnErasedSecretStaysErased) {
  const std::string seeds = damaged_->Paths().seed_dir + "/seeds-0000000000000000";
  std::string bytes = ReadAll(seeds);
  bytes.replace(70 * 64, 64, "\xff" + std::string(63, '\0'));
  std::ofstream(seeds, std::ios::binary) << bytes;
  EditLeaf(17);
  Leaves mirror(leaves_);
  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(WithBoth(mirror)));
  EXPECT_EQ(report.secrets.count(), 0u);
  EXPECT_EQ(ReadAll(seeds), bytes);
}

// The backup is from before the erasure: what it has of the entry stays out.
TEST_F(RepairTest, ABackupBringsNoErasedSecretBack) {
  ASSERT_OK(damaged_->Open());
  const auto event = [&](const std::string& id, const std::string& who) {
    SealInput input;
    input.event = MakeEvent(id, "erases", {"s1", 0});
    input.principal = who;
    input.stream_id = "s1";
    input.event_id = id;
    return damaged_->ledger->sealer().Seal(std::move(input)).value();
  };
  ASSERT_OK_AND_ASSIGN(
      const AppendOutcome request,
      damaged_->ledger->RequestErasure({ErasureReason::kOther, {{70, 70}}}, event("ask", "one")));
  ASSERT_OK(damaged_->ledger->Erase(request.entries[0].index, event("approve", "two")).status());
  damaged_->Close();
  const std::string seeds = damaged_->Paths().seed_dir + "/seeds-0000000000000000";
  std::string bytes = ReadAll(seeds);
  const std::string erased = bytes.substr(70 * 64, 64);
  bytes.replace(70 * 64, 64, std::string(64, '?'));  // damaged: it could be anything
  std::ofstream(seeds, std::ios::binary) << bytes;
  RepairOptions options = Options();
  options.backup = Backup();
  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(options));
  EXPECT_EQ(ReadAll(seeds).substr(70 * 64, 64), erased);
  EXPECT_FALSE(fs::exists(damaged_->Paths().data_dir + "/erasures"))
      << "the next start carries all of them out once more";
  EXPECT_EQ(report.after.findings_total - report.after.findings_rebuildable, 0u);
}

// A file of another size is opened by nobody, and what is in it is still there.
TEST_F(RepairTest, AStrayByteNeitherLosesSecretsNorBringsDestroyedOnesBack) {
  const std::string seeds = damaged_->Paths().seed_dir + "/seeds-0000000000000000";
  std::string bytes = ReadAll(seeds);
  bytes.replace(70 * 64, 64, "\xff" + std::string(63, '\0'));
  for (const bool with_backup : {false, true}) {
    std::ofstream(seeds, std::ios::binary) << bytes << "x";
    Leaves mirror(leaves_);
    const RepairOptions options = with_backup ? WithBoth(mirror) : WithMirror(mirror);
    ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(options));
    EXPECT_EQ(report.secrets.count(), 0u) << report.secrets.ToString();
    EXPECT_TRUE(ReadAll(seeds) == bytes);
    EXPECT_TRUE(ReadAll(absl::StrCat(seeds, ".damaged-", with_backup ? 2 : 1)) == bytes + "x");
  }
  // In front of them it moves them all.
  std::ofstream(seeds, std::ios::binary) << "x" << bytes;
  Leaves mirror(leaves_);
  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(WithBoth(mirror)));
  EXPECT_GT(report.secrets.count(), 500u);
  EXPECT_TRUE(ReadAll(seeds).substr(64, (kEntries - 1) * 64) ==
              bytes.substr(64, (kEntries - 1) * 64));
}

TEST_F(RepairTest, SecretsThatTheDiskDoesNotGiveAreNotReplacedByNothing) {
  const std::string seeds = damaged_->Paths().seed_dir + "/seeds-0000000000000000";
  Flip(seeds, (70 * 64 + 30) * 8);
  EditLeaf(17);
  const std::string before = ReadAll(seeds);
  for (const bool with_backup : {false, true}) {
    BadSector disk(seeds, 80 * 64);
    SetFileSystemForTesting(&disk);
    Leaves mirror(leaves_);
    const auto report = RepairLedger(with_backup ? WithBoth(mirror) : WithMirror(mirror));
    SetFileSystemForTesting(nullptr);
    ASSERT_OK(report);
    if (with_backup) {
      EXPECT_EQ(report->secrets.ToString(), "2 [70, 80]");
      EXPECT_TRUE(ReadAll(seeds + ".damaged-1") == before);
      EXPECT_TRUE(IsWhole(Check()));
    } else {
      EXPECT_THAT(report->secrets_given_up, ::testing::ElementsAre("seeds-0000000000000000"));
      EXPECT_TRUE(ReadAll(seeds) == before);
    }
  }
}

// A table or a write-ahead log that is gone takes many entries of all kinds with it, the manifest
// the whole database.
TEST_F(RepairTest, WholeFilesThatAreGoneComeBack) {
  for (const char* what : {".ldb", ".log", "MANIFEST", "CURRENT", "all"}) {
    SCOPED_TRACE(what);
    TearDown();
    SetUp();
    const std::string log = LogPath(damaged_->Paths());
    if (std::string(what) == "all") {
      fs::remove_all(log);
    } else if (what[0] == '.') {
      fs::remove(LogFile(what));
    } else {
      for (const auto& file : fs::directory_iterator(log)) {
        if (absl::StartsWith(file.path().filename().string(), what)) fs::remove(file.path());
      }
    }
    Leaves mirror(leaves_);
    ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(WithBoth(mirror)));
    EXPECT_TRUE(IsWhole(report.after)) << report.after.findings[0].what;
    EXPECT_EQ(report.after.head.root, head_.head.root);
    ExpectServesAll(report);
  }
}

// Without a backup the entries are provable again, and their contents lost: said, by index.
TEST_F(RepairTest, AMirrorAloneBringsTheLeavesOfALostLogBack) {
  fs::remove(LogFile(".log"));
  Leaves mirror(leaves_);
  ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(WithMirror(mirror)));
  EXPECT_TRUE(report.log_changed);
  EXPECT_GT(report.leaves.count(), 0u);
  EXPECT_EQ(report.after.head.root, head_.head.root);
  EXPECT_FALSE(IsWhole(report.after));
  for (const Finding& finding : report.after.findings) {
    if (IsRebuildable(finding.part)) continue;
    EXPECT_TRUE(finding.part == FindingPart::kPayload || finding.part == FindingPart::kIdentity)
        << finding.what;
  }
}

// A start refuses an older copy of the data as a rollback. With a mirror of what came since it is
// extended to what was signed, and with a newer backup the contents come too.
TEST_F(RepairTest, AnOlderCopyOfTheDataIsExtendedToWhatWasSigned) {
  for (const bool with_backup : {false, true}) {
    TearDown();
    SetUp();
    fs::remove_all(base_ + "/data");
    fs::copy(folder_->path() + "/data-99", base_ + "/data", fs::copy_options::recursive);
    EXPECT_THAT(damaged_->Open().message(), HasSubstr("rollback"));
    damaged_->Close();
    Leaves mirror(leaves_);
    ASSERT_OK_AND_ASSIGN(const RepairReport report,
                         RepairLedger(with_backup ? WithBoth(mirror) : WithMirror(mirror)));
    EXPECT_EQ(report.leaves.ToString(), "501 [99-599]");
    EXPECT_EQ(report.after.head.root, head_.head.root);
    EXPECT_EQ(IsWhole(report.after), with_backup);
    if (with_backup) ExpectServesAll(report);
  }
}

// The disk is lost and the backup is older than the mirror: the entries since are proven, their
// contents are gone, and the ledger goes on, after this start and the next.
TEST_F(RepairTest, ALedgerWhoseNewestContentsAreLostIsServed) {
  fs::remove_all(base_ + "/data");
  fs::copy(folder_->path() + "/data-99", base_ + "/data", fs::copy_options::recursive);
  Leaves mirror(leaves_);
  ASSERT_OK(RepairLedger(WithMirror(mirror)));
  for (int start = 0; start < 2; ++start) {
    ASSERT_OK(damaged_->Open()) << start;
    EXPECT_OK(damaged_->ledger->ReadEntry(50, true));
    EXPECT_FALSE(damaged_->ledger->ReadEntry(300, true).ok());
    EXPECT_OK(damaged_->ledger->ReadEntry(300, false));
    damaged_->Close();
  }
  // Seeds that are not there are no repair's loss.
  fs::rename(base_ + "/seeds", base_ + "/elsewhere");
  fs::create_directory(base_ + "/seeds");
  EXPECT_THAT(damaged_->Open(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

// Of what lies beyond the signed head nobody was told: it stays where it is whole.
TEST_F(RepairTest, UnsignedEntriesStayWhereTheyAreWhole) {
  for (const bool damaged_tail : {false, true}) {
    TearDown();
    SetUp();
    fs::remove_all(damaged_->Paths().state_dir);
    fs::copy(folder_->path() + "/state-599/clinic", damaged_->Paths().state_dir,
             fs::copy_options::recursive);
    EditLeaf(17);
    if (damaged_tail) EditLeaf(kEntries - 1);
    const uint64_t signed_size = kEntries - 2;
    Leaves mirror(std::vector<std::string>(leaves_.begin(), leaves_.begin() + signed_size));
    ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(WithMirror(mirror, signed_size)));
    EXPECT_EQ(report.leaves.ToString(), "1 [17]");
    EXPECT_EQ(report.left_out, damaged_tail ? 2u : 0u);
    EXPECT_EQ(report.after.head.size, damaged_tail ? signed_size : kEntries);
    ASSERT_OK(damaged_->Open());
  }
}

// Cut short at any change of a name, it leaves a ledger that is refused or damaged as before, never
// one that serves what is wrong; and the next run finishes it.
TEST_F(RepairTest, ARunThatIsCutShortIsFinishedByTheNext) {
  Leaves mirror(leaves_);
  int pending = 0;
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    TearDown();
    SetUp();
    EditLeaf(17);
    Flip(damaged_->Paths().seed_dir + "/seeds-0000000000000000", (70 * 64 + 30) * 8);
    NthChangeFails disk(n);
    SetFileSystemForTesting(&disk);
    const auto first = RepairLedger(WithBoth(mirror));
    SetFileSystemForTesting(nullptr);
    if (!disk.reached()) break;
    EXPECT_FALSE(first.ok());
    if (!CheckNoRepairPending(damaged_->Paths().data_dir).ok()) {
      const absl::Status refused = damaged_->Open();
      EXPECT_THAT(refused.message(), HasSubstr("a repair was cut short"));
      ++pending;
    }
    damaged_->Close();
    ASSERT_OK_AND_ASSIGN(const RepairReport second, RepairLedger(WithBoth(mirror)));
    EXPECT_TRUE(IsWhole(second.after));
    EXPECT_TRUE(IsWhole(Check()));
    ASSERT_OK(damaged_->Open());
    ASSERT_LT(n, 200);
  }
  EXPECT_GT(pending, 3);
}

TEST_F(RepairTest, WhateverIsDamagedAtRandomIsSaidAndRepaired) {
  const char* wanted = std::getenv("AUDITLEDGER_REPAIR_ROUNDS");
  int rounds = 40;
  ASSERT_TRUE(wanted == nullptr || absl::SimpleAtoi(wanted, &rounds));
  std::mt19937_64 random(TestSeed());
  int repaired = 0;
  for (int round = 0; round < rounds; ++round) {
    TearDown();
    SetUp();
    std::vector<std::string> files;
    for (const std::string& dir : {LogPath(damaged_->Paths()), damaged_->Paths().seed_dir}) {
      for (const auto& file : fs::directory_iterator(dir)) {
        if (file.file_size() > 0) files.push_back(file.path().string());
      }
    }
    std::sort(files.begin(), files.end());
    std::string trace;
    for (uint64_t hits = 1 + random() % 3; hits > 0; --hits) {
      const std::string& file = files[random() % files.size()];
      if (!fs::exists(file) || fs::file_size(file) == 0) continue;
      const uint64_t size = fs::file_size(file);
      const uint64_t how = random() % 6;
      absl::StrAppend(&trace, file, how == 0 ? " deleted " : how == 1 ? " cut " : " flipped ");
      if (how == 0) fs::remove(file);
      if (how == 1) fs::resize_file(file, random() % size);
      if (how > 1) Flip(file, random() % (size * 8));
    }
    SCOPED_TRACE(trace);
    Leaves mirror(leaves_);
    ASSERT_OK_AND_ASSIGN(const RepairReport report, RepairLedger(WithBoth(mirror)));
    repaired += report.log_changed || report.secrets.count() > 0 ? 1 : 0;
    EXPECT_TRUE(IsWhole(report.after)) << report.after.findings[0].what;
    EXPECT_EQ(report.after.head.root, head_.head.root);
    ExpectServesAll(report);
  }
  EXPECT_GT(repaired, rounds / 3);
  std::printf("repaired %d of %d random damages; the others harmed nothing\n", repaired, rounds);
}

}  // namespace
}  // namespace auditledger::testing
