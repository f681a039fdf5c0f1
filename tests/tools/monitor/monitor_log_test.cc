#include "tools/monitor_log.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "ledger/posix_file.h"
#include "merkle/cosignature.h"
#include "merkle/system_entries.h"
#include "merkle/tlog_proof.h"
#include "tests/ledger/fault_disk.h"
#include "tests/testing/status_matchers.h"
#include "tests/tools/monitor/log_monitor_fixture.h"

namespace auditledger {
namespace {

using testing::Branch;
using testing::Cosigned;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MaliciousServer;
using testing::TestLog;

using LogMonitorTest = testing::LogMonitorFixture;

TEST_F(LogMonitorTest, FollowsAGrowingLogAndKeepsItsOwnCopy) {
  TestLog log;
  log.AddEvents(600);
  MaliciousServer& server = Serve(log);
  for (const uint64_t size : {1, 2, 255, 256, 257, 512, 600, 600}) {
    server.Show(log, size);
    ASSERT_OK(Start(log, {server.url()}));
    const RoundReport report = Round();
    EXPECT_THAT(Kinds(report), IsEmpty());
    EXPECT_EQ(report.size, size);
    EXPECT_EQ(report.root, log.RootAt(size).ToHex());
    ASSERT_OK_AND_ASSIGN(const std::string note,
                         ReadWholeFile(dir_ + "/mirror/checkpoint", 10'000));
    EXPECT_EQ(note, log.CheckpointAt(size));
  }
  const uint64_t before = server.requests();
  Round();
  EXPECT_EQ(server.requests(), before + 1) << "of a head that is known only the head is read";
}

// Each pair of sizes and each fork point of a small world, at one place that changes its story.
TEST_F(LogMonitorTest, EveryForkOfASmallWorldIsProvenAndNothingElseIs) {
  constexpr uint64_t kWorld = 10;
  TestLog honest = Branch(kWorld, kWorld, 1);
  MaliciousServer& server = Serve(honest);
  for (uint64_t fork_at = 1; fork_at < kWorld; ++fork_at) {
    TestLog forked = Branch(fork_at, kWorld, 2);
    for (uint64_t first = 1; first <= kWorld; ++first) {
      for (uint64_t second = 1; second <= kWorld; ++second) {
        SCOPED_TRACE(absl::StrCat("fork at ", fork_at, ": ", first, ", then ", second));
        Forget();
        server.Show(honest, first);
        ASSERT_OK(Start(honest, {server.url()}));
        EXPECT_THAT(Kinds(Round()), IsEmpty());
        server.Show(forked, second);
        const RoundReport report = Round();
        const MonitorFinding* proven = Proven(report);
        ASSERT_EQ(proven != nullptr, std::min(first, second) > fork_at);
        ASSERT_OK(JudgeIfAny(proven, honest));
        EXPECT_EQ(Kinds(report).size() - (proven != nullptr ? 1 : 0), second < first ? 1u : 0u);
        EXPECT_EQ(second < first,
                  absl::StrContains(absl::StrJoin(Kinds(report), " "), "went_back"));
      }
    }
  }
}

TEST_F(LogMonitorTest, PlacesThatShowDifferentHistoriesAreFoundWhateverTheirOrder) {
  constexpr uint64_t kWorld = 9;
  TestLog honest = Branch(kWorld, kWorld, 1);
  TestLog forked = Branch(4, kWorld, 2);
  MaliciousServer& one = Serve(honest);
  MaliciousServer& two = Serve(forked);
  for (uint64_t first = 1; first <= kWorld; ++first) {
    for (uint64_t second = 1; second <= kWorld; ++second) {
      Forget();
      one.Show(honest, first);
      two.Show(forked, second);
      ASSERT_OK(Start(honest, {one.url(), two.url()}));
      const RoundReport report = Round();
      const MonitorFinding* proven = Proven(report);
      ASSERT_EQ(proven != nullptr, std::min(first, second) > 4) << first << " " << second;
      ASSERT_OK(JudgeIfAny(proven, honest));
    }
  }
}

TEST_F(LogMonitorTest, AcrossTilesTheForkIsProvenToo) {
  TestLog honest = Branch(2000, 700, 1);
  TestLog forked = Branch(300, 700, 2);
  MaliciousServer& server = Serve(honest);
  server.Show(honest, 600);
  ASSERT_OK(Start(honest, {server.url()}));
  EXPECT_THAT(Kinds(Round()), IsEmpty());
  server.Show(forked, 700);
  for (int again = 0; again < 2; ++again) {
    const RoundReport report = Round();
    EXPECT_THAT(Kinds(report), ElementsAre("history"));
    EXPECT_OK(Judge(report.findings[0], honest));
    EXPECT_EQ(report.evidence_files, 1u) << "the same thing is written once";
    EXPECT_EQ(report.size, 600u);
  }
  server.Show(honest, 700);
  ASSERT_OK(Start(honest, {server.url()}));
  EXPECT_THAT(Kinds(Round()), ElementsAre("evidence_on_hand"));
  EXPECT_EQ(Round().size, 700u) << "the mirror goes on with the true history";
}

TEST_F(LogMonitorTest, AForkWhoseTilesAreWithheldIsProvenOnceTheMirrorCanJudgeIt) {
  TestLog honest = Branch(20, 20, 1);
  TestLog forked = Branch(5, 20, 2);
  MaliciousServer& one = Serve(honest);
  MaliciousServer& two = Serve(forked);
  one.Show(honest, 8);
  two.Show(forked, 12);
  two.Lie("tile/entries/000.p/12", std::nullopt);
  two.Lie("tile/0/000.p/12", std::nullopt);
  ASSERT_OK(Start(honest, {one.url(), two.url()}));
  EXPECT_THAT(Kinds(Round()), ElementsAre("withheld"));
  one.Show(honest, 20);
  const RoundReport report = Round();
  const MonitorFinding* proven = Proven(report);
  ASSERT_NE(proven, nullptr);
  EXPECT_OK(Judge(*proven, honest));
}

TEST_F(LogMonitorTest, TwoHeadsOfOneSizeConvictThoughNobodyShowsTheirEntries) {
  TestLog honest = Branch(12, 12, 1);
  TestLog forked = Branch(5, 12, 2);
  MaliciousServer& one = Serve(honest);
  MaliciousServer& two = Serve(forked);
  for (MaliciousServer* server : {&one, &two}) {
    server->Lie("tile/entries/000.p/12", std::nullopt);
    server->Lie("tile/0/000.p/12", std::nullopt);
  }
  ASSERT_OK(Start(honest, {one.url(), two.url()}));
  const RoundReport report = Round();
  const MonitorFinding* proven = Proven(report);
  ASSERT_NE(proven, nullptr);
  EXPECT_THAT(*Judge(*proven, honest), HasSubstr("two heads of size 12"));
}

TEST_F(LogMonitorTest, DamagedLeavesAreNamedAndNobodyIsAccused) {
  TestLog log = Branch(400, 400, 1);
  MaliciousServer& server = Serve(log);
  std::vector<std::string> leaves(log.leaves().begin() + 256, log.leaves().begin() + 400);
  leaves[44] += "x";
  leaves[45][3] ^= 1;
  server.Lie("tile/entries/001.p/144", EncodeEntryBundle(leaves).value());
  ASSERT_OK(Start(log, {server.url()}));
  const RoundReport report = Round();
  EXPECT_THAT(Kinds(report), ElementsAre("damaged"));
  EXPECT_THAT(report.findings[0].what, HasSubstr("2 entries: 300, 301"));
  EXPECT_EQ(report.findings[0].severity, Severity::kCannotTell);
  EXPECT_EQ(report.size, 0u);
  server.BeHonest();
  EXPECT_THAT(Kinds(Round()), IsEmpty());
}

TEST_F(LogMonitorTest, TilesThatDoNotLeadToTheHeadProveNothing) {
  TestLog log = Branch(300, 300, 1);
  TestLog other = Branch(270, 300, 2);
  MaliciousServer& server = Serve(log);
  server.Show(log, 290);
  ASSERT_OK(Start(log, {server.url()}));
  ASSERT_EQ(Round().size, 290u);
  server.Show(log, 300);
  server.Lie("tile/entries/001.p/44",
             EncodeEntryBundle(
                 std::vector<std::string>(other.leaves().begin() + 256, other.leaves().end()))
                 .value());
  server.Lie("tile/0/001.p/44", std::string(44 * Hash::kSize, '\0'));
  RoundReport report = Round();
  EXPECT_THAT(Kinds(report), ElementsAre("unproven_head"));
  EXPECT_EQ(report.evidence_files, 0u);
  server.BeHonest();
  report = Round();
  EXPECT_THAT(Kinds(report), IsEmpty()) << "the head that was kept is the log's own";
  EXPECT_EQ(report.size, 300u);
}

// Whatever bytes stand where a file should, an honest log is not accused and the monitor goes on.
TEST_F(LogMonitorTest, HostileFilesProveNothing) {
  TestLog log = Branch(300, 300, 1);
  MaliciousServer& server = Serve(log);
  const std::vector<std::string> paths = {"checkpoint",       "tile/0/000",
                                          "tile/0/001.p/44",  "tile/1/000.p/1",
                                          "tile/entries/000", "tile/entries/001.p/44"};
  const std::vector<std::string> junk = {"",
                                         "x",
                                         std::string(8192, '\0'),
                                         std::string(8191, 'a'),
                                         std::string(20'000'000, 'b'),
                                         std::string("\xff\xff", 2),
                                         log.CheckpointAt(3),
                                         log.CheckpointSaying(uint64_t{1} << 62, LeafHash("x")),
                                         "ledger.test/clinic\n0\n" + EmptyRoot().ToBase64() + "\n"};
  for (const uint64_t known : {0, 290}) {
    for (const std::string& path : paths) {
      for (const std::string& bytes : junk) {
        Forget();
        server.BeHonest();
        ASSERT_OK(Start(log, {server.url()}));
        if (known > 0) {
          server.Show(log, known);
          EXPECT_THAT(Kinds(Round()), IsEmpty());
        }
        server.Show(log, 300);
        server.Lie(path, bytes);
        const RoundReport report = Round();
        EXPECT_EQ(report.evidence_files, 0u) << path;
        for (const MonitorFinding& finding : report.findings) {
          EXPECT_EQ(finding.severity, Severity::kCannotTell) << finding.what;
        }
        server.BeHonest();
        EXPECT_EQ(Round().size, 300u) << path;
      }
    }
  }
}

TEST_F(LogMonitorTest, EntriesThatBreakTheRulesAreProven) {
  TestLog log = Branch(9, 9, 1);
  Leaf leaf;
  leaf.kind = EntryKind::kOperator;
  leaf.recorded_at_us = log.NextTime() - 1000;
  log.AddLeaf(leaf, std::nullopt);
  log.AddBytes(std::string("\x01\x02", 2), std::nullopt);
  log.AddBytes(std::string("\x07\x02", 2), std::nullopt);
  log.AddEvents(2);
  MaliciousServer& server = Serve(log);
  ASSERT_OK(Start(log, {server.url()}));
  const RoundReport report = Round();
  EXPECT_THAT(Kinds(report), ElementsAre("leaf", "leaf", "unknown_leaf"));
  EXPECT_THAT(*Judge(report.findings[0], log), HasSubstr("entry 9 was recorded at"));
  EXPECT_THAT(*Judge(report.findings[1], log), HasSubstr("entry 10 breaks the format"));
  EXPECT_EQ(report.size, 14u) << "the log is followed all the same";
}

// Whether the freeze and what follows came in one round, in two, or to two processes.
TEST_F(LogMonitorTest, AFrozenLogThatGrowsIsProven) {
  for (const int rounds : {1, 2, 3}) {
    TestLog log = Branch(9, 9, 1);
    log.AddSystem(EntryKind::kFreeze, EncodeFreeze(Freeze()).value());
    log.AddBytes(std::string("\x07\x02", 2), std::nullopt);
    log.AddEvents(3);
    MaliciousServer& server = Serve(log);
    Forget();
    ASSERT_OK(Start(log, {server.url()}));
    if (rounds > 1) {
      server.Show(log, 10);
      EXPECT_THAT(Kinds(Round()), IsEmpty());
      if (rounds > 2) {
        ASSERT_OK(Start(log, {server.url()}));
      }
      server.Show(log, 14);
    }
    const RoundReport report = Round();
    EXPECT_EQ(report.size, 14u) << "the log is followed all the same";
    EXPECT_THAT(Kinds(report), ElementsAre("leaf", "unknown_leaf"));
    EXPECT_EQ(report.findings[0].severity, Severity::kMisbehaviour);
    EXPECT_THAT(*Judge(report.findings[0], log),
                HasSubstr("entry 9 freezes the log, and 4 entries stand behind it"));
  }
}

// What lies between two entries need not parse for their order to be judged, and a monitor that was
// started anew in between still knows the time before.
TEST_F(LogMonitorTest, TimesThatFallAcrossEntriesThatDoNotParseAreProven) {
  for (const bool restart : {false, true}) {
    for (const char* bytes : {"\x01\x02", "\x07\x02"}) {
      TestLog log = Branch(9, 9, 1);
      Leaf leaf;
      leaf.kind = EntryKind::kOperator;
      leaf.recorded_at_us = log.NextTime() - 1000;
      log.AddBytes(bytes, std::nullopt);
      log.AddBytes(bytes, std::nullopt);
      log.AddLeaf(leaf, std::nullopt);
      log.AddEvents(2);
      MaliciousServer& server = Serve(log);
      Forget();
      ASSERT_OK(Start(log, {server.url()}));
      if (restart) {
        server.Show(log, 11);
        Round();
        server.Show(log, log.size());
        ASSERT_OK(Start(log, {server.url()}));
      }
      const RoundReport report = Round();
      EXPECT_EQ(report.size, 14u);
      const auto order = std::find_if(report.findings.begin(), report.findings.end(),
                                      [](const MonitorFinding& f) { return f.kind == "order"; });
      ASSERT_NE(order, report.findings.end());
      EXPECT_EQ(order->severity, Severity::kMisbehaviour);
      EXPECT_THAT(*Judge(*order, log), HasSubstr("entry 11 was recorded at"));
    }
  }
}

TEST_F(LogMonitorTest, AReceiptWhoseEntryIsAnothersIsProven) {
  TestLog honest = Branch(20, 20, 1);
  TestLog forked = Branch(5, 20, 2);
  MaliciousServer& server = Serve(honest);
  ASSERT_OK(Start(honest, {server.url()}));
  ASSERT_EQ(Round().size, 20u);
  for (uint64_t index = 0; index < 20; ++index) {
    RoundReport report;
    ASSERT_OK(monitor_->CheckShown("receipt", honest.ReceiptFor(index, 20, false), report));
    EXPECT_THAT(Kinds(report), IsEmpty());
    ASSERT_OK(monitor_->CheckShown("receipt", forked.ReceiptFor(index, 20, false), report));
    EXPECT_THAT(Kinds(report), ElementsAre(index < 5 ? "fork" : "receipt"));
    EXPECT_OK(Judge(report.findings[0], honest));
  }
  RoundReport report;
  TestLog longer = Branch(30, 30, 1);
  ASSERT_OK(monitor_->CheckShown("receipt", longer.ReceiptFor(25, 30, false), report));
  EXPECT_THAT(Kinds(report), ElementsAre("ahead"));
  TlogProof unproven = ParseTlogProof(honest.ReceiptFor(3, 20, false)).value();
  unproven.path[1] = LeafHash("another");
  RoundReport bad;
  ASSERT_OK(monitor_->CheckShown("receipt", FormatTlogProof(unproven), bad));
  EXPECT_THAT(Kinds(bad), ElementsAre("bad_receipt"));
  ASSERT_OK(monitor_->CheckShown("receipt", "c2sp.org/tlog-proof@v1\nnonsense", report));
  ASSERT_OK(monitor_->CheckShown("head", "nonsense", report));
  EXPECT_THAT(Kinds(report), ElementsAre("ahead", "bad_receipt", "not_this_log"));
}

TEST_F(LogMonitorTest, ACosignedHeadThatWentBackIsProvenAcrossRestarts) {
  TestLog log = Branch(20, 20, 1);
  witnesses_ = {NoteVerifier::FromEd25519("witness.example", testing::TestPublicKey(7),
                                          kNoteEd25519Cosignature)
                    .value()};
  MaliciousServer& server = Serve(log);
  ASSERT_OK(Start(log, {server.url()}));
  server.Lie("checkpoint", Cosigned(log, 20, witnesses_[0], 1000));
  EXPECT_THAT(Kinds(Round()), IsEmpty());
  ASSERT_OK(Start(log, {server.url()}));
  server.Lie("checkpoint", Cosigned(log, 15, witnesses_[0], 1001));
  const RoundReport report = Round();
  EXPECT_THAT(Kinds(report), ElementsAre("went_back", "rollback"));
  EXPECT_EQ(report.findings[0].severity, Severity::kCannotTell);
  EXPECT_OK(Judge(report.findings[1], log));

  // An older head, honestly older, does not make the monitor forget the newest.
  Forget();
  ASSERT_OK(Start(log, {server.url()}));
  for (const auto& [size, time] : {std::pair(20, 1000), std::pair(15, 900)}) {
    server.Lie("checkpoint", Cosigned(log, static_cast<uint64_t>(size), witnesses_[0],
                                      static_cast<uint64_t>(time)));
    EXPECT_EQ(Round().evidence_files, 0u);
  }
  server.Lie("checkpoint", Cosigned(log, 18, witnesses_[0], 1500));
  EXPECT_EQ(Round().evidence_files, 1u);
}

TEST_F(LogMonitorTest, AnOldHeadAndAClockAheadAreLate) {
  TestLog log = Branch(3, 3, 1);
  MaliciousServer& server = Serve(log);
  ASSERT_OK(Start(log, {server.url()}));
  const uint64_t newest = log.NextTime() - 1000;
  now_us_ = newest + limits_.max_age_us;
  EXPECT_THAT(Kinds(Round()), IsEmpty());
  now_us_ += 1;
  RoundReport report = Round();
  EXPECT_THAT(Kinds(report), ElementsAre("stale"));
  EXPECT_EQ(report.findings[0].severity, Severity::kLate);
  now_us_ = newest - limits_.max_ahead_us;
  EXPECT_THAT(Kinds(Round()), IsEmpty());
  now_us_ -= 1;
  EXPECT_THAT(Kinds(Round()), ElementsAre("clock"));
  limits_.max_age_us = 0;
  ASSERT_OK(Start(log, {server.url()}));
  now_us_ = newest * 2;
  EXPECT_THAT(Kinds(Round()), IsEmpty());
}

TEST_F(LogMonitorTest, LimitsAtTheirEdge) {
  TestLog log = Branch(30, 30, 1);
  MaliciousServer& server = Serve(log);
  limits_.max_new_entries = 29;
  ASSERT_OK(Start(log, {server.url()}));
  EXPECT_THAT(Kinds(Round()), ElementsAre("too_far"));
  server.Show(log, 29);
  EXPECT_THAT(Kinds(Round()), IsEmpty());
  EXPECT_EQ(Round().size, 29u);

  limits_ = MonitorLimits();
  limits_.max_evidence_files = 2;
  TestLog forked = Branch(1, 30, 2);
  ASSERT_OK(Start(log, {server.url()}));
  for (uint64_t size = 2; size < 8; ++size) {
    RoundReport report;
    ASSERT_OK(monitor_->CheckShown("somebody", forked.CheckpointAt(size), report));
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.findings[0].evidence.empty(), size > 3) << size;
  }
}

TEST_F(LogMonitorTest, AnotherLogAnotherKeyOrNobody) {
  TestLog log = Branch(3, 3, 1);
  TestLog::Options options;
  options.key = 2;
  TestLog stranger(options);
  MaliciousServer& server = Serve(stranger);
  std::string nobody;
  {
    MaliciousServer gone(log);
    nobody = gone.url();
  }
  ASSERT_OK(Start(log, {server.url(), nobody}));
  EXPECT_THAT(Kinds(Round()), ElementsAre("not_this_log", "unreachable"));
  server.Show(log, 3);
  EXPECT_THAT(Kinds(Round()), ElementsAre("unreachable"));
  EXPECT_FALSE(Start(stranger, {server.url()}).ok()) << "the folder is another log's";
  EXPECT_THAT(Start(log, {"ftp://x/"}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LogMonitorTest, ADamagedMirrorAccusesNobody) {
  TestLog log = Branch(300, 300, 1);
  MaliciousServer& server = Serve(log);
  ASSERT_OK(Start(log, {server.url()}));
  ASSERT_EQ(Round().size, 300u);
  const std::string path = dir_ + "/mirror/tile/0/000";
  ASSERT_OK_AND_ASSIGN(std::string tile, ReadWholeFile(path, 8192));
  tile[40] ^= 1;
  ASSERT_OK(ReplaceFile(path, tile));
  RoundReport report;
  ASSERT_OK(monitor_->CheckShown("head", log.CheckpointAt(100), report));
  EXPECT_THAT(Kinds(report), ElementsAre("unproven"));
  EXPECT_EQ(report.findings[0].severity, Severity::kCannotTell);
  EXPECT_THAT(Kinds(Round()), IsEmpty()) << "and the monitor goes on";
}

// The monitor dies at each call to the disk, by kill and by power cuts; the next one goes on, ends
// with the whole mirror, and still proves the fork.
TEST_F(LogMonitorTest, DyingAtAnyWriteLosesNothingThatMatters) {
  TestLog honest = Branch(300, 300, 1);
  TestLog forked = Branch(200, 300, 2);
  MaliciousServer& one = Serve(honest);
  MaliciousServer& two = Serve(forked);
  int deaths = 0;
  for (int crash_at = 1;; ++crash_at) {
    const testing::Survival survival =
        crash_at % 2 == 0 ? testing::Survival::kAll : testing::Survival::kScattered;
    SCOPED_TRACE(absl::StrCat("survival ", static_cast<int>(survival), ", call ", crash_at));
    Forget();
    int calls = 0;
    bool died = false;
    disk_.SetScript([&](const testing::FaultDisk::Call& call) {
      testing::FaultDisk::Fault fault;
      using Op = testing::FaultDisk::Op;
      if (call.op == Op::kLook || call.op == Op::kRead || ++calls != crash_at) return fault;
      died = true;
      fault.what = call.op == Op::kWrite ? testing::FaultDisk::Fault::What::kTorn
                                         : testing::FaultDisk::Fault::What::kAbsent;
      fault.bytes = call.bytes / 2;
      fault.crash = true;
      return fault;
    });
    two.Show(forked, 260);
    for (const uint64_t size : {100, 270}) {
      one.Show(honest, size);
      if (Start(honest, {one.url(), two.url()}).ok()) (void)monitor_->Round(now_us_);
    }
    if (!died) break;
    ++deaths;
    monitor_.reset();
    disk_.Restart(survival, static_cast<uint64_t>(crash_at));
    one.Show(honest, 300);
    ASSERT_OK(Start(honest, {one.url(), two.url()}));
    const RoundReport report = Round();
    ASSERT_GE(report.evidence_files, 1u);
    const MonitorFinding* proven = Proven(report);
    ASSERT_NE(proven, nullptr);
    EXPECT_OK(Judge(*proven, honest));
    EXPECT_GE(report.size, 260u);
  }
  EXPECT_GT(deaths, 50);
}

}  // namespace
}  // namespace auditledger
