// Covers: verifier/bundle_check, verifier/entry_check, verifier/entry_report, verifier/folder_walk
// Covers: verifier/tree_check
#include "verifier/log_audit.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "merkle/tile.h"
#include "tests/testing/shared_path.h"
#include "tests/verifier/test_export.h"
#include "verifier/evidence_report.h"

namespace auditledger {
namespace {

using ::testing::Contains;
using testing::ExportLog;
using ::testing::HasSubstr;
using testing::ReadFile;
using testing::TempDir;
using testing::TestEvent;
using testing::TestLog;
using testing::WriteFile;

class LogAuditTest : public ::testing::Test {
 protected:
  LogAuditTest() : pin_{log_.origin(), log_.verifier()} {}

  std::string Dir() const { return dir_.File("export"); }
  std::string File(const std::string& name) const { return Dir() + "/" + name; }
  Verdict Audit(bool with_index_key = true) {
    LogInput input;
    input.dir = Dir();
    input.threads = 2;
    if (with_index_key) input.index_key = log_.index_key();
    return VerifyLog(input, pin_, history_);
  }
  // A log's whole story under one key: what the rogue administrator exports.
  Verdict AuditOf(TestLog& log) {
    std::filesystem::remove_all(Dir());
    ExportLog(log, Dir());
    return Audit();
  }

  TestLog log_;
  const Pin pin_;
  TempDir dir_;
  History history_;
};

TEST_F(LogAuditTest, AWholeLogIsVerified) {
  log_.AddEvents(600);
  log_.AddConflict(5, TestEvent(77));
  log_.AddSignedEvent(TestEvent(602), 9);
  log_.AddSystem(EntryKind::kClock, EncodeClockStep({1, 2}));
  ExportLog(log_, Dir());
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("all 604 entries")));
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("602 events are, to the byte")));
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("named in 1 headers")));
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("events of 1 conflict entries happened")));
}

TEST_F(LogAuditTest, ALogExportedInStepsKeepsFormerPartsAndIsVerified) {
  log_.AddEvents(600);
  for (const uint64_t size : {3, 200, 256, 300, 513, 600}) ExportLog(log_, Dir(), size);
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
}

TEST_F(LogAuditTest, WithheldPayloadsAreListedNotHidden) {
  log_.AddEvents(20);
  for (const int i : {3, 4, 5, 9}) log_.openings()[static_cast<size_t>(i)].reset();
  ExportLog(log_, Dir());
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed);
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("4 events, WITHHELD: 3-5, 9")));
  EXPECT_THAT(Audit(false).not_proven, Contains(HasSubstr("tags")));
}

// Each byte of each file: none may pass. log.vkey is not part of this: it is never read.
TEST_F(LogAuditTest, NoFlippedOrMissingByteOfASmallLogIsVerified) {
  log_.AddEvents(4);
  ExportLog(log_, Dir(), 3);
  ExportLog(log_, Dir(), 5);
  ASSERT_EQ(Audit().ExitCode(), kExitUnwitnessed);
  uint64_t tried = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(Dir())) {
    if (!file.is_regular_file()) continue;
    const std::string path = file.path().string();
    const std::string good = ReadFile(path);
    for (size_t i = 0; i < good.size(); ++i, ++tried) {
      std::string bad = good;
      bad[i] ^= 1;
      WriteFile(path, bad);
      ASSERT_NE(Audit().ExitCode(), kExitUnwitnessed) << path << " byte " << i;
    }
    for (const std::string& other : {good.substr(0, good.size() - 1), good + "x", std::string()}) {
      WriteFile(path, other);
      ASSERT_NE(Audit().ExitCode(), kExitUnwitnessed) << path << " of " << other.size() << " bytes";
    }
    WriteFile(path, good);
  }
  EXPECT_GT(tried, 2000u);
  EXPECT_EQ(Audit().ExitCode(), kExitUnwitnessed) << "all is mended again";
}

TEST_F(LogAuditTest, AnEditedEntryIsNamed) {
  log_.AddEvents(300);
  ExportLog(log_, Dir());
  std::string bundle = ReadFile(File("tile/entries/001.p/45"));
  bundle[2 + 5] ^= 1;  // in the first leaf of the second bundle
  WriteFile(File("tile/entries/001.p/45"), bundle);
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("entry 256: the leaf in tile/entries/001.p/45")));
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("the entries lead to root")));
}

TEST_F(LogAuditTest, ATileThatLiesIsToldFromAnEntryThatWasChanged) {
  log_.AddEvents(300);
  ExportLog(log_, Dir());
  std::string tile = ReadFile(File("tile/1/000.p/1"));
  tile[0] ^= 1;
  WriteFile(File("tile/1/000.p/1"), tile);
  const Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("tile/1/000.p/1")));
  EXPECT_THAT(verdict.proven, Contains(HasSubstr("leaves themselves lead to the signed root")));
}

TEST_F(LogAuditTest, DroppedInsertedAndReorderedEntriesAreRefused) {
  log_.AddEvents(20);
  const std::vector<std::string> leaves = log_.leaves();
  const auto audit = [&](std::vector<std::string> changed) {
    std::filesystem::remove_all(Dir());
    TestLog::Options options;
    TestLog forged = TestLog::Empty(options);
    for (std::string& leaf : changed) forged.AddBytes(std::move(leaf), std::nullopt);
    EXPECT_OK(testing::AppendExport(forged, Dir(), forged.size()));
    // Forged tiles and entries that fit each other, under the head that was signed before.
    ExportLog(forged, Dir());
    WriteFile(File("checkpoint"), log_.CheckpointAt(log_.size()));
    return Audit().ExitCode();
  };
  std::vector<std::string> changed = leaves;
  std::swap(changed[4], changed[5]);
  EXPECT_EQ(audit(changed), 1);
  changed = leaves;
  changed[7] = leaves[8];
  EXPECT_EQ(audit(changed), 1);
  changed = leaves;
  changed.erase(changed.begin() + 3);
  EXPECT_NE(audit(changed), 0);
  changed = leaves;
  changed.insert(changed.begin() + 3, leaves[3]);
  EXPECT_NE(audit(changed), 0);
}

TEST_F(LogAuditTest, SwappedPayloadsAreRefused) {
  log_.AddEvents(20);
  std::swap(log_.openings()[4], log_.openings()[5]);
  const Verdict verdict = AuditOf(log_);
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("entry 4 (payload/000.p/21)")));
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("entry 5 (payload/000.p/21)")));
}

TEST_F(LogAuditTest, AMissingFileCannotBeTold) {
  log_.AddEvents(300);
  for (const char* name : {"tile/0/000", "tile/entries/000", "tile/1/000.p/1", "checkpoint"}) {
    ExportLog(log_, Dir());
    std::filesystem::rename(File(name), dir_.File("away"));
    EXPECT_EQ(Audit().ExitCode(), 2) << name;
    std::filesystem::rename(dir_.File("away"), File(name));
  }
  EXPECT_EQ(Audit().ExitCode(), kExitUnwitnessed);
}

TEST_F(LogAuditTest, WhatIsSlippedInBesideTheLogIsReported) {
  log_.AddEvents(20);
  for (const char* name :
       {"tile/0/001", "tile/junk", "payload/000", "tile/0/000.p/22", "tile/entries/000.p/021"}) {
    std::filesystem::remove_all(Dir());
    ExportLog(log_, Dir());
    WriteFile(File(name), "x");
    const Verdict verdict = Audit();
    EXPECT_EQ(verdict.ExitCode(), 2) << name;
    EXPECT_THAT(verdict.reasons, Contains(HasSubstr(name)));
  }
}

TEST_F(LogAuditTest, AFormerPartThatContradictsTheLogIsRefused) {
  log_.AddEvents(20);
  for (const char* name : {"tile/0/000.p/10", "tile/entries/000.p/10"}) {
    std::filesystem::remove_all(Dir());
    ExportLog(log_, Dir(), 10);
    ExportLog(log_, Dir(), 20);
    std::string part = ReadFile(File(name));
    part[40] ^= 1;
    WriteFile(File(name), part);
    EXPECT_EQ(Audit().ExitCode(), 1) << name;
  }
}

TEST_F(LogAuditTest, AFormerPayloadOpensTheEntriesThatItIsOf) {
  log_.AddEvents(20);
  ExportLog(log_, Dir());
  const auto former = [&](std::vector<std::optional<Opening>> openings) {
    WriteFile(File("payload/000.p/3"), EncodePayloadBundle(openings).value());
    return Audit();
  };
  const auto& all = log_.openings();
  EXPECT_EQ(former({all[0], all[1], all[2]}).ExitCode(), kExitUnwitnessed);
  const Verdict swapped = former({all[0], all[2], all[1]});
  EXPECT_EQ(swapped.ExitCode(), 1) << VerdictText(swapped);
  EXPECT_THAT(swapped.reasons, Contains(HasSubstr("payload/000.p/3: ")));
}

TEST_F(LogAuditTest, WhatIsNoFileOrNoFolderIsReported) {
  log_.AddEvents(20);
  ExportLog(log_, Dir());
  std::filesystem::rename(File("tile/entries/000.p/21"), dir_.File("elsewhere"));
  std::filesystem::create_symlink(dir_.File("elsewhere"), File("tile/entries/000.p/21"));
  Verdict verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 2);
  EXPECT_THAT(verdict.reasons, Contains("tile/entries/000.p/21: is not a regular file"));
  std::filesystem::remove_all(Dir());
  ExportLog(log_, Dir(), log_.size(), false);
  WriteFile(File("payload"), "a file where the folder should be");
  verdict = Audit();
  EXPECT_EQ(verdict.ExitCode(), 2);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("/payload: Not a directory")));
}

TEST_F(LogAuditTest, SignedLogsThatBreakTheLedgersRulesAreRefused) {
  TestLog no_genesis = TestLog::Empty({});
  no_genesis.AddEvents(3);
  EXPECT_EQ(AuditOf(no_genesis).ExitCode(), 1);

  TestLog second_genesis;
  second_genesis.AddSystem(EntryKind::kGenesis, EncodeGenesis(second_genesis.GenesisOf()).value());
  EXPECT_EQ(AuditOf(second_genesis).ExitCode(), 1);

  TestLog other_key = TestLog::Empty({});
  Genesis genesis = other_key.GenesisOf();
  genesis.log_key_hash = Hash();
  other_key.AddSystem(EntryKind::kGenesis, EncodeGenesis(genesis).value());
  EXPECT_EQ(AuditOf(other_key).ExitCode(), 1);

  TestLog other_origin = TestLog::Empty({});
  genesis = other_origin.GenesisOf();
  genesis.origin = "ledger.test/other";
  other_origin.AddSystem(EntryKind::kGenesis, EncodeGenesis(genesis).value());
  EXPECT_EQ(AuditOf(other_origin).ExitCode(), 1);

  TestLog forward_conflict;
  forward_conflict.AddConflict(1, TestEvent(5));
  EXPECT_EQ(AuditOf(forward_conflict).ExitCode(), 1);

  TestLog same_time;
  same_time.AddEvents(254);
  auto [leaf, opening] = same_time.Seal(TestEvent(255), std::nullopt);
  same_time.AddLeaf(leaf, opening);
  same_time.AddLeaf(leaf, opening);  // entry 256, in the next bundle
  const Verdict verdict = AuditOf(same_time);
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("entry 256: recorded no later")));

  TestLog junk;
  junk.AddBytes("junk", std::nullopt);
  EXPECT_EQ(AuditOf(junk).ExitCode(), 1);

  TestLog wrong_tags;
  auto [tagged, behind] = wrong_tags.Seal(TestEvent(1), std::nullopt);
  tagged.tags.pop_back();
  wrong_tags.AddLeaf(tagged, behind);
  EXPECT_EQ(AuditOf(wrong_tags).ExitCode(), 1);
  EXPECT_EQ(Audit(false).ExitCode(), kExitUnwitnessed)
      << "without the index key tags are not checked, and it says so";
}

TEST_F(LogAuditTest, AnUnknownKindIsVerifiedAndSaidToBeUnread) {
  log_.AddSystem(static_cast<EntryKind>(42), "from the future");
  const Verdict verdict = AuditOf(log_);
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("kind 42")));
}

TEST_F(LogAuditTest, ATimeOfZeroIsATimeLikeAnyOther) {
  TestLog log;
  log.AddEvents(255);
  auto [leaf, opening] = log.Seal(TestEvent(256), std::nullopt);
  leaf.recorded_at_us = 0;
  log.AddLeaf(leaf, opening);  // entry 256, the first of its bundle
  log.AddEvents(2);
  const Verdict verdict = AuditOf(log);
  EXPECT_EQ(verdict.ExitCode(), 1);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("entry 256: recorded no later")));
}

TEST_F(LogAuditTest, PayloadsOfKindsFromTheFutureAreListedAsNotProven) {
  for (const uint8_t kind : {8, 42, 43, 44}) {
    auto [leaf, opening] = log_.Seal(TestEvent(1), std::nullopt);
    leaf.kind = static_cast<EntryKind>(kind);
    leaf.tags.clear();
    if (leaf.kind == EntryKind::kOperator) leaf.body = EncodeOperatorAction({"what"}).value();
    log_.AddLeaf(leaf, opening);
  }
  const Verdict verdict = AuditOf(log_);
  EXPECT_EQ(verdict.ExitCode(), kExitUnwitnessed) << VerdictText(verdict);
  EXPECT_THAT(verdict.not_proven, Contains(HasSubstr("payloads of 4 entries that this version")));
  EXPECT_EQ(VerifyEntry(Dir(), 3, pin_).verdict.ExitCode(), kExitUnwitnessed);

  for (const EntryKind kind : {EntryKind::kGenesis, EntryKind::kClock}) {
    TestLog log = kind == EntryKind::kGenesis ? TestLog::Empty({}) : TestLog();
    auto [leaf, opening] = log.Seal(TestEvent(1), std::nullopt);
    leaf.kind = kind;
    leaf.tags.clear();
    leaf.body = kind == EntryKind::kGenesis ? EncodeGenesis(log.GenesisOf()).value()
                                            : EncodeClockStep({1, 2});
    log.AddLeaf(leaf, std::nullopt);
    EXPECT_EQ(AuditOf(log).ExitCode(), 1) << "a commitment with nothing to commit to";
  }
}

TEST_F(LogAuditTest, AnIndexKeyThatGenesisDoesNotNameCannotBeTold) {
  TestLog other({.index_key = std::string(32, 'o')});
  other.AddEvents(2);
  EXPECT_EQ(AuditOf(other).ExitCode(), 0 + 2);
}

TEST_F(LogAuditTest, TheLogItselfProvesThatItExtendsTheLastHeadSeen) {
  const TrustStore store = TrustStore::Open(dir_.File("trust")).value();
  history_.store = &store;
  log_.AddEvents(600);
  ExportLog(log_, Dir(), 300);
  EXPECT_EQ(Audit().ExitCode(), kExitUnwitnessed);
  ExportLog(log_, Dir(), 601);
  const Verdict grown = Audit();
  EXPECT_EQ(grown.ExitCode(), kExitUnwitnessed) << VerdictText(grown);
  EXPECT_THAT(grown.proven, Contains(HasSubstr("size 300 last seen stands unchanged")));

  std::filesystem::remove_all(Dir());
  ExportLog(log_, Dir(), 400);
  const Verdict rolled_back = Audit();
  EXPECT_EQ(rolled_back.ExitCode(), 1);
  EXPECT_THAT(rolled_back.reasons, Contains(HasSubstr("ROLLBACK")));

  TestLog fork;
  fork.AddEvent(TestEvent(999));
  fork.AddEvents(700);
  const Verdict forked = AuditOf(fork);
  EXPECT_EQ(forked.ExitCode(), 1);
  EXPECT_THAT(forked.reasons, Contains(HasSubstr("FORK")));
  ASSERT_EQ(forked.evidence.size(), 1u);
  const EvidenceReport judged = JudgeEvidence(testing::ReadFile(forked.evidence[0]), pin_);
  EXPECT_EQ(judged.verdict.ExitCode(), 1) << EvidenceText(judged);
  EXPECT_EQ(judged.kind, "history");
}

TEST_F(LogAuditTest, OneEntryIsShownOpened) {
  log_.AddEvents(300);
  ExportLog(log_, Dir());
  const EntryReport report = VerifyEntry(Dir(), 270, pin_);
  EXPECT_EQ(report.verdict.ExitCode(), kExitUnwitnessed) << VerdictText(report.verdict);
  EXPECT_THAT(report.event_json, HasSubstr("event-270"));
  EXPECT_EQ(VerifyEntry(Dir(), 301, pin_).verdict.ExitCode(), 2);
  EXPECT_EQ(VerifyEntry(Dir(), 0, pin_).kind, "genesis");
}

}  // namespace
}  // namespace auditledger
