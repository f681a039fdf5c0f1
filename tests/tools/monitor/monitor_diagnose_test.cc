// What a stranger shows to make a monitor accuse the wrong one, or go blind.
#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "tests/tools/monitor/log_monitor_fixture.h"
#include "tools/monitor_state.h"

namespace auditledger {
namespace {

using testing::Branch;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MaliciousServer;
using testing::TestLog;

using HostilePlaceTest = testing::LogMonitorFixture;

// Nobody's key is needed for this: the head is genuine, and so are the tiles that lead to it. Only
// those that the mirror's size needs beside them are made up.
TEST_F(HostilePlaceTest, AMadeUpPrefixBesideGenuineTilesBlamesNobody) {
  TestLog log = Branch(1000, 1000, 1);
  MaliciousServer& server = Serve(log);
  server.Show(log, 300);
  ASSERT_OK(Start(log, {server.url()}));
  ASSERT_EQ(Round().size, 300u);
  server.Show(log, 1000);
  std::string tile;
  for (uint64_t i = 256; i < 512; ++i) absl::StrAppend(&tile, LeafHash(log.leaves()[i]).view());
  tile[40] ^= 1;
  server.Lie("tile/0/001", tile);
  server.Lie("tile/entries/003.p/232", "broken");
  ASSERT_OK_AND_ASSIGN(RoundReport report, monitor_->Round(now_us_));
  EXPECT_THAT(Kinds(report), ElementsAre("withheld"));
  EXPECT_EQ(report.evidence_files, 0u);
  std::vector<std::string> leaves(log.leaves().begin() + 768, log.leaves().end());
  leaves[0] += "x";
  server.Lie("tile/entries/003.p/232", EncodeEntryBundle(leaves).value());
  ASSERT_OK_AND_ASSIGN(report, monitor_->Round(now_us_));
  EXPECT_THAT(Kinds(report), ElementsAre("unproven_head"));
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> kept, ListDirectory(dir_ + "/evidence"));
  EXPECT_THAT(kept, ElementsAre(::testing::StartsWith("1000-")));
  server.BeHonest();
  report = Round();
  EXPECT_THAT(Kinds(report), IsEmpty());
  EXPECT_EQ(report.size, 1000u);
}

TEST_F(HostilePlaceTest, ACosignatureOfTheFutureDoesNotSilenceTheAlarm) {
  TestLog log = Branch(20, 20, 1);
  witnesses_ = {NoteVerifier::FromEd25519("witness.example", testing::TestPublicKey(7),
                                          kNoteEd25519Cosignature)
                    .value()};
  MaliciousServer& server = Serve(log);
  ASSERT_OK(Start(log, {server.url()}));
  now_us_ += limits_.max_age_us + limits_.max_ahead_us + 10'000'000;
  const uint64_t latest = (now_us_ + limits_.max_ahead_us) / 1'000'000;
  for (const uint64_t time : {uint64_t{INT64_MAX}, (UINT64_MAX - 5) / 2, UINT64_MAX / 1'000'000,
                              UINT64_MAX / 1'000'000 + now_us_ / 1'000'000, latest + 1}) {
    server.Lie("checkpoint", Cosigned(log, 20, witnesses_[0], time));
    EXPECT_THAT(Kinds(Round()), ElementsAre("clock", "stale")) << time;
  }
  server.Lie("checkpoint", Cosigned(log, 20, witnesses_[0], latest));
  EXPECT_THAT(Kinds(Round()), IsEmpty());

  // A state that believed it once.
  monitor_.reset();
  ASSERT_OK_AND_ASSIGN(MonitorState state, ReadMonitorState(dir_ + "/state"));
  state.cosigned_us = UINT64_MAX;
  ASSERT_OK(WriteMonitorState(dir_ + "/state", state));
  const uint64_t now = now_us_;
  server.BeHonest();
  ASSERT_OK(Start(log, {server.url()}));
  now_us_ = now;
  EXPECT_THAT(Kinds(Round()), IsEmpty());
  now_us_ += limits_.max_ahead_us + limits_.max_age_us + 1;
  EXPECT_THAT(Kinds(Round()), ElementsAre("stale"));
}

// Heads that wait take no room from evidence, and none is thrown away unproven.
TEST_F(HostilePlaceTest, AFullFolderLosesNoHeadAndSaysSoInEveryRound) {
  limits_.max_evidence_files = 2;
  TestLog honest = Branch(30, 30, 1);
  TestLog forked = Branch(2, 30, 2);
  MaliciousServer& server = Serve(honest);
  server.Show(honest, 10);
  ASSERT_OK(Start(honest, {server.url()}));
  ASSERT_EQ(Round().size, 10u);
  RoundReport asked;
  for (const uint64_t size : {20, 21, 22}) {
    ASSERT_OK(monitor_->CheckShown("somebody", forked.CheckpointAt(size), asked));
  }
  EXPECT_THAT(*CountFiles(dir_ + "/evidence", kHeadSuffix), 2u);
  EXPECT_THAT(Kinds(Round()), ElementsAre("evidence_full"));
  ASSERT_OK(monitor_->CheckShown("somebody", forked.CheckpointAt(5), asked));
  ASSERT_OK(monitor_->CheckShown("somebody", forked.CheckpointAt(6), asked));
  EXPECT_OK(Judge(asked.findings.back(), honest)) << "it has room of its own";

  server.Show(honest, 30);
  RoundReport report = Round();
  EXPECT_THAT(Kinds(report), ElementsAre("history", "history", "evidence_full"));
  EXPECT_EQ(*CountFiles(dir_ + "/evidence", kHeadSuffix), 2u) << "there was no room for the proof";
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, ListDirectory(dir_ + "/evidence"));
  for (const std::string& name : names) {
    if (absl::EndsWith(name, kEvidenceSuffix)) ASSERT_OK(RemoveFile(dir_ + "/evidence/" + name));
  }
  report = Round();
  EXPECT_EQ(report.evidence_files, 2u);
  EXPECT_EQ(*CountFiles(dir_ + "/evidence", kHeadSuffix), 0u);
  for (const MonitorFinding& finding : report.findings) {
    if (finding.kind == "history") EXPECT_OK(Judge(finding, honest));
  }
}

TEST_F(HostilePlaceTest, LinesAddedToANoteMakeNoSecondFile) {
  TestLog honest = Branch(30, 30, 1);
  TestLog forked = Branch(2, 30, 2);
  MaliciousServer& server = Serve(honest);
  server.Show(honest, 10);
  ASSERT_OK(Start(honest, {server.url()}));
  ASSERT_EQ(Round().size, 10u);
  const auto unknown = NoteVerifier::FromEd25519("nobody.example", testing::TestPublicKey(7),
                                                 kNoteEd25519Cosignature);
  RoundReport asked;
  for (const uint64_t size : {5, 20}) {
    for (const uint64_t time : {1, 2, 3}) {
      ASSERT_OK(monitor_->CheckShown("x", Cosigned(forked, size, *unknown, time), asked));
    }
  }
  EXPECT_EQ(*CountFiles(dir_ + "/evidence", kHeadSuffix), 1u);
  EXPECT_EQ(*CountFiles(dir_ + "/evidence", kEvidenceSuffix), 1u);
}

TEST_F(HostilePlaceTest, EachForkAtOneMirrorHeadIsSavedAndItsGrowthIsNot) {
  TestLog honest = Branch(30, 30, 1);
  MaliciousServer& server = Serve(honest);
  server.Show(honest, 20);
  ASSERT_OK(Start(honest, {server.url()}));
  ASSERT_EQ(Round().size, 20u);
  for (uint64_t branch = 2; branch < 5; ++branch) {
    TestLog forked = Branch(5, 30, branch);
    for (const uint64_t size : {20, 25, 26}) {
      server.Show(forked, size);
      const RoundReport report = Round();
      ASSERT_EQ(report.findings.size(), 1u);
      EXPECT_OK(Judge(report.findings[0], honest));
      EXPECT_EQ(report.evidence_files, 2 * (branch - 2) + (size == 20 ? 1 : 2));
    }
    server.BeHonest();
  }
}

TEST_F(HostilePlaceTest, AForkTooFarAheadIsProvenOrKept) {
  TestLog honest = Branch(1000, 1000, 1);
  TestLog forked = Branch(5, 1000, 2);
  MaliciousServer& server = Serve(honest);
  server.Show(honest, 300);
  ASSERT_OK(Start(honest, {server.url()}));
  ASSERT_EQ(Round().size, 300u);
  limits_.max_new_entries = 100;
  ASSERT_OK(Start(honest, {server.url()}));
  server.Show(honest, 900);
  const uint64_t before = server.requests();
  EXPECT_THAT(Kinds(Round()), ElementsAre("too_far"));
  EXPECT_LT(server.requests(), before + 10) << "tiles alone are read";
  EXPECT_EQ(*CountFiles(dir_ + "/evidence", kHeadSuffix), 0u);
  server.Show(forked, 900);
  const RoundReport report = Round();
  ASSERT_THAT(Kinds(report), ElementsAre("too_far", "history"));
  EXPECT_OK(Judge(report.findings[1], honest));
  server.Show(forked, 901);
  server.Lie("tile/0/000", std::nullopt);
  server.Lie("tile/1/000.p/3", std::nullopt);
  Round();
  EXPECT_EQ(*CountFiles(dir_ + "/evidence", kHeadSuffix), 1u);
}

// The monitor dies at each call to the disk: the leaf that breaks the rules is convicted all the
// same.
TEST_F(HostilePlaceTest, AMonitorThatDiesLosesNoLeafThatBreaksTheRules) {
  TestLog log = Branch(259, 259, 1);
  log.AddBytes(std::string("\x01\x02", 2), std::nullopt);
  log.AddEvents(2);
  MaliciousServer& server = Serve(log);
  int deaths = 0;
  for (int crash_at = 1;; ++crash_at) {
    SCOPED_TRACE(crash_at);
    Forget();
    server.Show(log, 258);
    ASSERT_OK(Start(log, {server.url()}));
    ASSERT_EQ(Round().size, 258u);
    server.Show(log, 262);
    int calls = 0;
    bool died = false;
    disk_.SetScript([&](const testing::FaultDisk::Call& call) {
      testing::FaultDisk::Fault fault;
      using Op = testing::FaultDisk::Op;
      if (call.op == Op::kLook || call.op == Op::kRead || ++calls != crash_at) return fault;
      died = true;
      fault.what = testing::FaultDisk::Fault::What::kAbsent;
      fault.crash = true;
      return fault;
    });
    (void)monitor_->Round(now_us_);
    if (!died) break;
    ++deaths;
    monitor_.reset();
    disk_.Restart(testing::Survival::kAll, static_cast<uint64_t>(crash_at));
    ASSERT_OK(Start(log, {server.url()}));
    const RoundReport report = Round();
    EXPECT_EQ(report.size, 262u);
    EXPECT_EQ(report.evidence_files, 1u);
  }
  EXPECT_GT(deaths, 10);
}

}  // namespace
}  // namespace auditledger
