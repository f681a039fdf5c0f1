// What a start finds: crashes between the steps of a commit, rollbacks, forks, lost memory, clocks.
//
// Covers: ledger/log_writer, ledger/read_back, ledger/secrets_check, ledger/state_markers
#include "ledger/recovery.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ledger/errors.h"
#include "ledger/log_writer.h"
#include "ledger/state_markers.h"
#include "tests/ledger/ledger_fixture.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using How = Faults::How;
namespace fs = std::filesystem;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

enum class Part { kSeeds, kCommit, kReadBack, kSign };
struct Crash {
  const char* name;
  Part part;
  How how;
  bool stored;  // whether the entry is in the log afterwards
};

// Each step of a commit x {nothing of it happened, it happened and looked as if not}.
class CrashTest : public ::testing::TestWithParam<Crash> {};
INSTANTIATE_TEST_SUITE_P(
    Steps, CrashTest,
    ::testing::Values(Crash{"BeforeSeeds", Part::kSeeds, How::kErrorAndAbsent, false},
                      Crash{"AfterSeeds", Part::kSeeds, How::kErrorButPresent, false},
                      Crash{"BeforeCommit", Part::kCommit, How::kErrorAndAbsent, false},
                      Crash{"AfterCommit", Part::kCommit, How::kErrorButPresent, true},
                      Crash{"AtReadBack", Part::kReadBack, How::kNone, true},
                      Crash{"BeforeSigning", Part::kSign, How::kErrorAndAbsent, true},
                      Crash{"AfterSigning", Part::kSign, How::kErrorButPresent, true}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(CrashTest, LosesNothingAcknowledgedAndDoublesNothing) {
  const Crash crash = GetParam();
  TestLedger t(TestLedger::Store::kLevelDb);
  ASSERT_OK(t.Create());
  ASSERT_OK_AND_ASSIGN(const AppendOutcome first, t.AppendOne("acknowledged", "x"));
  SealedEvent later = t.Seal("later", "x");

  if (crash.part == Part::kSeeds) t.faults->seed_put = crash.how;
  if (crash.part == Part::kCommit) t.faults->commit = crash.how;
  if (crash.part == Part::kSign) t.faults->sign = crash.how;
  if (crash.part == Part::kReadBack) {
    t.faults->on_read = [](RecordKind kind, uint64_t index, std::string& bytes) {
      if (kind == RecordKind::kLeaf && index == 2) bytes[9] ^= 1;
    };
  }
  const auto failed = t.AppendOne("unknown", "x");
  EXPECT_THAT(failed, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(ReasonOf(failed.status()).reason, kReasonStorageFailed);
  EXPECT_EQ(t.ledger->status().state, LedgerState::kReadOnly);
  EXPECT_EQ(t.ledger->head()->head.size, 2u);  // nothing unsigned is shown
  EXPECT_OK(t.ledger->ReadEntry(1, true));     // reads go on
  EXPECT_THAT(t.ledger->ReadEntry(2, false), StatusIs(absl::StatusCode::kOutOfRange));
  std::vector<SealedEvent> events;
  events.push_back(std::move(later));
  EXPECT_EQ(ReasonOf(t.Append(std::move(events)).status()).reason, kReasonStorageFailed);
  EXPECT_EQ(t.sync_failures, 0);  // nothing says that a sync failed

  t.Heal();
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing) << t.ledger->status().reason;
  EXPECT_EQ(t.ledger->head()->head.size, crash.stored ? 3u : 2u);
  ASSERT_OK_AND_ASSIGN(const AppendOutcome again, t.AppendOne("acknowledged", "x"));
  EXPECT_TRUE(again.entries[0].repeated);
  EXPECT_EQ(again.entries[0].leaf, first.entries[0].leaf);
  ASSERT_OK_AND_ASSIGN(const AppendOutcome retried, t.AppendOne("unknown", "x"));
  EXPECT_EQ(retried.entries[0].index, 2u);
  EXPECT_EQ(retried.entries[0].repeated, crash.stored);
  EXPECT_OK(CheckReceipt(*t.ledger, retried, 0, MakeEvent("unknown", "x")));
  EXPECT_OK(t.Check());
}

class RecoveryTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(t.Create()); }
  std::string Data() { return t.options.paths.data_dir; }
  std::string State() { return t.options.paths.state_dir; }
  void Copy(const std::string& from, const std::string& to) {
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
  }
  void Grow(int count, const std::string& prefix) {
    for (int i = 0; i < count; ++i) ASSERT_OK(t.AppendOne(absl::StrCat(prefix, i), "x").status());
  }
  EntryKind KindAt(uint64_t index) {
    return ParseLeaf(t.ledger->ReadEntry(index, false)->leaf)->kind;
  }
  std::string ActionAt(uint64_t index) {
    const Leaf leaf = ParseLeaf(t.ledger->ReadEntry(index, false)->leaf).value();
    return leaf.kind == EntryKind::kOperator ? ParseOperatorAction(leaf.body)->what : "";
  }
  TestLedger t{TestLedger::Store::kLevelDb};
};

TEST_F(RecoveryTest, ServesWhatItServedBefore) {
  Grow(300, "a");
  const PublishedHead before = *t.ledger->head();
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->head()->head, before.head);
  EXPECT_EQ(t.ledger->head()->checkpoint, before.checkpoint);
  Grow(10, "b");
  EXPECT_OK(t.Check());
}

TEST_F(RecoveryTest, RefusesAnOlderCopyOfTheData) {
  Grow(5, "a");
  t.Close();
  Copy(Data(), t.folder() + "/backup");
  ASSERT_OK(t.Open());
  Grow(3, "b");
  t.Close();
  Copy(t.folder() + "/backup", Data());
  EXPECT_THAT(t.Open(), StatusIs(kRefused, AllOf(HasSubstr("rollback"), HasSubstr("size 9"),
                                                 HasSubstr("size 6"), HasSubstr("restore"))));
}

TEST_F(RecoveryTest, RefusesAnEmptyFolderUnderASignerThatSigned) {
  t.Close();
  fs::remove_all(Data());
  fs::create_directory(Data());
  EXPECT_THAT(t.Open(), StatusIs(kRefused, HasSubstr("rollback")));
  EXPECT_THAT(t.Create(), StatusIs(kRefused, HasSubstr("have been used")));
}

// Somebody with all keys makes another history from a copy: on this machine the signer remembers.
TEST_F(RecoveryTest, RefusesAnotherHistoryMadeWithTheStolenKey) {
  Grow(2, "a");
  t.Close();
  Copy(Data(), t.folder() + "/data2");
  Copy(State(), t.folder() + "/state2");
  ASSERT_OK(t.Open());
  Grow(2, "honest");
  t.Close();
  const LedgerPaths honest = t.options.paths;
  for (const int more : {2, 5}) {  // of the same size, and longer
    t.options.paths = honest;
    t.options.paths.data_dir = t.folder() + "/data2";
    t.options.paths.state_dir = t.folder() + "/state2";
    ASSERT_OK(t.Open());
    Grow(more - (more == 5 ? 2 : 0), absl::StrCat("forged", more));
    t.Close();
    t.options.paths.state_dir = honest.state_dir;
    EXPECT_THAT(t.Open(), StatusIs(kRefused, AllOf(HasSubstr("fork"), HasSubstr("size 5"))));
  }
}

TEST_F(RecoveryTest, ALostStateIsRefusedUntilTheOperatorAdoptsTheExactHead) {
  Grow(4, "a");
  const Head head = t.ledger->head()->head;
  t.Close();
  EXPECT_THAT(AdoptSignerState(t.options, head.size, head.root),
              StatusIs(absl::StatusCode::kAlreadyExists));
  fs::remove_all(State());
  EXPECT_THAT(t.Open(),
              StatusIs(kRefused, AllOf(HasSubstr("lost state"),
                                       HasSubstr("--adopt_signer_state=LEDGER@SIZE:ROOTHEX"))));
  EXPECT_THAT(AdoptSignerState(t.options, head.size - 1, head.root),
              StatusIs(kRefused, HasSubstr("root " + head.root.ToHex())))
      << "as the flag takes it";
  EXPECT_THAT(AdoptSignerState(t.options, head.size, EmptyRoot()), StatusIs(kRefused));
  ASSERT_OK(AdoptSignerState(t.options, head.size, head.root));
  ASSERT_OK(t.Open());
  EXPECT_EQ(ActionAt(5), "adopt_signer_state");
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->head()->head.size, 6u);  // recorded once
  EXPECT_OK(t.Check());
}

TEST_F(RecoveryTest, ADamagedStateIsRefused) {
  t.Close();
  for (const auto& file : fs::directory_iterator(State())) {
    std::fstream out(file.path(), std::ios::in | std::ios::out);
    for (const int slot : {0, 4096}) {
      out.seekp(slot + 20);
      out << "damage";
    }
  }
  EXPECT_THAT(t.Open(), StatusIs(kRefused, HasSubstr("lost state")));
}

TEST_F(RecoveryTest, AnUnusedStateDoesNotSignAGrownLog) {
  Grow(3, "a");
  t.Close();
  fs::remove_all(State());
  fs::create_directory(State());
  fs::permissions(State(), fs::perms::owner_all);
  ASSERT_OK(CreateSignerState({State(), t.options.origin, LogKeyPath(t.options.paths)}, {}));
  EXPECT_THAT(t.Open(), StatusIs(kRefused, HasSubstr("lost state")));
}

TEST_F(RecoveryTest, RefusesAnotherOriginsOrKeysLog) {
  t.Close();
  TestLedger other(TestLedger::Store::kLevelDb, "other.example/log");
  ASSERT_OK(other.Create());
  other.Close();
  Copy(other.options.paths.data_dir, Data());
  EXPECT_THAT(t.Open(), StatusIs(kRefused, HasSubstr("other.example/log")));
}

TEST_F(RecoveryTest, NoticesADamagedEnd) {
  Grow(3, "a");
  t.faults->on_read = [](RecordKind kind, uint64_t index, std::string& bytes) {
    if (kind == RecordKind::kLeaf && index == 3) bytes[3] ^= 1;
  };
  EXPECT_THAT(t.Open(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("leaf 3")));
}

TEST_F(RecoveryTest, CreateGoesOnWhereItWasCutShort) {
  for (const How how : {How::kErrorAndAbsent, How::kErrorButPresent}) {
    TestLedger cut(TestLedger::Store::kLevelDb);
    cut.faults->commit = how;
    EXPECT_THAT(cut.Create(), StatusIs(absl::StatusCode::kInternal));
    cut.Heal();
    if (how == How::kErrorAndAbsent) {
      EXPECT_THAT(cut.Open(), StatusIs(absl::StatusCode::kNotFound));
    }
    EXPECT_TRUE(HasMarker(cut.options.paths.key_dir, kCreatingMarker));
    ASSERT_OK(cut.Create());
    EXPECT_FALSE(HasMarker(cut.options.paths.key_dir, kCreatingMarker));
    EXPECT_EQ(cut.ledger->head()->head.size, 1u);
    EXPECT_THAT(cut.Create(), StatusIs(absl::StatusCode::kAlreadyExists));
    EXPECT_OK(cut.Check());
  }
  TestLedger opened(TestLedger::Store::kLevelDb);  // Open finishes it as well
  opened.faults->sign = How::kErrorAndAbsent;
  EXPECT_THAT(opened.Create(), StatusIs(absl::StatusCode::kInternal));
  opened.Heal();
  ASSERT_OK(opened.Open());
  EXPECT_FALSE(HasMarker(opened.options.paths.key_dir, kCreatingMarker));

  TestLedger half(TestLedger::Store::kLevelDb);  // only some keys were made
  const std::string keys = half.options.paths.key_dir;
  fs::create_directory(keys);
  fs::permissions(keys, fs::perms::owner_all);
  std::ofstream(keys + "/index.key") << "half";
  EXPECT_THAT(half.Create(), StatusIs(kRefused, HasSubstr("these keys have been used")));
  ASSERT_OK(WriteCreatingMarker(keys));
  std::ofstream(keys + "/log.key") << "damaged";
  fs::permissions(keys + "/log.key", fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_THAT(half.Create(), StatusIs(kRefused, HasSubstr("remove the folder")));
  fs::remove(keys + "/log.key");
  EXPECT_OK(half.Create());
}

// Its first commit has two entries.
TEST_F(RecoveryTest, CreateOfASuccessorGoesOnWhereItWasCutShort) {
  for (const bool by_open : {false, true}) {
    TestLedger cut(TestLedger::Store::kLevelDb, "test.example/next");
    cut.options.predecessor = {t.ledger->head()->checkpoint, 100};
    cut.faults->sign = How::kErrorAndAbsent;
    EXPECT_FALSE(cut.Create().ok());
    cut.Heal();
    ASSERT_OK(by_open ? cut.Open() : cut.Create());
    EXPECT_EQ(cut.ledger->head()->head.size, 2u);
    cut.Close();
    fs::remove(cut.options.paths.state_dir + "/signer.state");
    const std::string key = LogKeyPath(cut.options.paths);
    ASSERT_OK(CreateSignerState({cut.options.paths.state_dir, cut.options.origin, key}, {}));
    EXPECT_THAT(cut.Open(), StatusIs(kRefused, HasSubstr("lost state"))) << "but only then";
  }
}

// Data and state are lost, the keys and seeds of the ledger are not: a second genesis under them
// would be a fork, and overwrite the seeds that a restored log needs.
TEST_F(RecoveryTest, CreateRefusesKeysAndSeedsThatWereUsed) {
  Grow(3, "a");
  t.Close();
  Copy(Data(), t.folder() + "/backup");
  fs::remove_all(Data());
  Copy(State(), t.folder() + "/state_backup");
  fs::remove_all(State());
  EXPECT_THAT(t.Create(), StatusIs(kRefused, HasSubstr("these keys have been used")));
  Copy(t.options.paths.key_dir, t.folder() + "/keys_backup");
  fs::remove_all(t.options.paths.key_dir);
  EXPECT_THAT(t.Create(), StatusIs(kRefused, HasSubstr("these seeds have been used")));
  Copy(t.folder() + "/backup", Data());
  Copy(t.folder() + "/state_backup", State());
  Copy(t.folder() + "/keys_backup", t.options.paths.key_dir);
  ASSERT_OK(t.Open());
  EXPECT_OK(t.ledger->ReadEntry(3, true));
}

// A memory fault while writing: read-back refused the commit. A later start must not sign it.
TEST_F(RecoveryTest, ACommitThatReadBackRefusedIsNeverSigned) {
  Grow(2, "a");
  t.faults->on_read = [](RecordKind kind, uint64_t index, std::string& bytes) {
    if (kind == RecordKind::kLeaf && index == 3) bytes[9] ^= 1;  // for ever
  };
  std::vector<SealedEvent> events;
  for (const char* id : {"b", "c"}) events.push_back(t.Seal(id, "x"));
  EXPECT_EQ(ReasonOf(t.Append(std::move(events)).status()).reason, kReasonStorageFailed);
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK(t.Open());
    EXPECT_EQ(t.ledger->status().state, LedgerState::kReadOnly);
    EXPECT_THAT(t.ledger->status().reason,
                AllOf(HasSubstr("entries 3 to 4"), HasSubstr("leaf 3"), HasSubstr("restore")));
    EXPECT_EQ(t.ledger->head()->head.size, 3u);
    EXPECT_OK(t.ledger->ReadEntry(2, true));
    EXPECT_EQ(ReasonOf(t.AppendOne("d", "x").status()).reason, kReasonLedgerReadOnly);
  }
}

TEST_F(RecoveryTest, MoreThanOneUnsignedCommitWasNotLeftByACrash) {
  t.options.limits.max_commit_entries = 5;
  ASSERT_OK(t.Open());
  Grow(1, "a");
  t.Close();
  Copy(State(), t.folder() + "/state_backup");
  ASSERT_OK(t.Open());
  Grow(5 + static_cast<int>(kMaxOwnEntries), "b");
  t.Close();
  Copy(t.folder() + "/state_backup", State());
  ASSERT_OK(t.Open());  // exactly what a commit may have
  Grow(1, "c");
  t.Close();
  Copy(t.folder() + "/state_backup", State());
  EXPECT_THAT(t.Open(), StatusIs(kRefused, AllOf(HasSubstr("size 2 "), HasSubstr("size 13 "),
                                                 HasSubstr("10 entries"))));
}

TEST_F(RecoveryTest, RefusesSeedsAndKeysThatAreNotTheLogs) {
  Grow(3, "a");
  t.Close();
  TestLedger other(TestLedger::Store::kLevelDb, "other.example/log");
  other.random.Bytes(4096);  // other keys
  ASSERT_OK(other.Create());
  other.Close();
  const LedgerPaths mine = t.options.paths;

  t.options.paths.seed_dir = t.folder() + "/unmounted";
  EXPECT_THAT(t.Open(), StatusIs(kRefused, AllOf(HasSubstr("entry 3"), HasSubstr("mounted"))));
  t.options.paths = mine;
  for (const auto& [file, cause] :
       {std::pair("wrap-1.key", "wrap-N.key"), std::pair("dedup.key", "dedup.key in")}) {
    const std::string path = absl::StrCat(mine.key_dir, "/", file);
    fs::rename(path, path + ".mine");
    fs::copy_file(absl::StrCat(other.options.paths.key_dir, "/", file), path);
    EXPECT_THAT(t.Open(), StatusIs(kRefused, AllOf(HasSubstr("entry 3"), HasSubstr(cause))));
    fs::rename(path + ".mine", path);
  }
  ASSERT_OK(t.Open());
  EXPECT_TRUE(t.AppendOne("a0", "x")->entries[0].repeated);
}

TEST_F(RecoveryTest, AnErasedNewestEntryIsPassedOverWhenSecretsAreChecked) {
  Grow(2, "a");
  ASSERT_FALSE(t.AppendOne("a0", "another").ok());  // evidence, entry 3
  ASSERT_OK(t.Open());                              // it is checked as well
  ASSERT_OK(t.AppendOne("erased", "x").status());
  t.Close();
  const LedgerKeys keys = LoadKeyFiles(t.options.paths.key_dir, t.options.origin).value();
  const auto provider = NewFileKeyProvider(keys);
  {
    auto seeds = t.options.open_seed_store(*provider, t.random).value();
    ASSERT_OK(seeds->Erase(4));
  }
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
}

TEST_F(RecoveryTest, AfterAFailedSyncItReadsOnlyUntilTheOperatorConfirms) {
  Grow(2, "a");
  t.faults->commit = How::kErrorButPresent;
  t.faults->sync_failed = true;
  EXPECT_THAT(t.AppendOne("unknown", "x"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(t.sync_failures, 1);
  EXPECT_TRUE(SyncFailedThisBoot(State()));
  t.Heal();
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK(t.Open());
    EXPECT_EQ(t.ledger->status().state, LedgerState::kReadOnly);
    EXPECT_THAT(t.ledger->status().reason, HasSubstr("confirm_after_sync_failure"));
    EXPECT_EQ(t.ledger->head()->head.size, 3u);  // the signed head
    EXPECT_EQ(ReasonOf(t.AppendOne("b", "x").status()).reason, kReasonLedgerReadOnly);
  }
  t.options.overrides.confirm_after_sync_failure = true;
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
  EXPECT_EQ(ActionAt(4), "confirm_after_sync_failure");
  EXPECT_FALSE(HasMarker(State(), kSyncFailedMarker));
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->head()->head.size, 5u);  // not needed again, not recorded again
  EXPECT_OK(t.Check());
}

TEST_F(RecoveryTest, AMarkerOfAnEarlierBootIsSpent) {
  t.Close();
  std::ofstream(State() + "/sync_failed") << "00000000-0000-0000-0000-000000000000\n";
  ASSERT_OK(t.Open());
  EXPECT_EQ(t.ledger->status().state, LedgerState::kServing);
  EXPECT_FALSE(HasMarker(State(), kSyncFailedMarker));
}

TEST_F(RecoveryTest, AClockFarFromTheLastEntryAsksTheOperator) {
  const uint64_t step = t.options.limits.max_clock_step_back_us;
  const uint64_t jump = t.options.limits.max_clock_jump_at_start_us;
  const uint64_t last = t.ledger->head()->head.time_us;
  struct Case {
    uint64_t wall_us;
    bool serves;
  };
  for (const Case c : {Case{last - step, true}, Case{last - step - 2, false},
                       Case{last + jump - 1, true}, Case{last + jump + 1, false}}) {
    t.clock.wall_us = c.wall_us - 1;  // the reading moves it by one
    t.Close();
    ASSERT_OK(t.Open());
    EXPECT_EQ(t.ledger->status().state == LedgerState::kServing, c.serves) << c.wall_us - last;
    EXPECT_EQ(absl::StrContains(t.ledger->status().reason, "--accept_clock"), !c.serves);
    EXPECT_EQ(t.ledger->head()->head.size, 1u);
  }
  t.clock.wall_us = last - 3600'000'000;
  t.options.overrides.accept_clock = true;
  ASSERT_OK(t.Open());
  EXPECT_EQ(ActionAt(1), "accept_clock");
  EXPECT_EQ(t.ledger->head()->head.time_us, last + 1);  // time goes on where it stood
  ASSERT_OK(t.AppendOne("a", "x").status());
  EXPECT_EQ(t.ledger->head()->head.time_us, last + 2);
  EXPECT_OK(t.Check());
}

}  // namespace
}  // namespace auditledger::testing
