// Covers: api/client/record_log, api/client/spool_file, api/client/spool_system
#include "api/client/record_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/api/client/spool_fixture.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using testing::FaultDisk;
using ::testing::HasSubstr;
using testing::SharedSpoolKey;
using testing::SpoolFaultSystem;
using testing::StatusIs;
using testing::Survival;
using testing::TempDir;
using testing::TestWorld;
using What = FaultDisk::Fault::What;
using Op = FaultDisk::Op;

constexpr auto kLoss = absl::StatusCode::kDataLoss;
constexpr auto kFull = absl::StatusCode::kResourceExhausted;

std::string RecordOf(uint64_t number, size_t size = 100) {
  std::string out = absl::StrCat("record ", number, " ");
  out.resize(size, 'x');
  return out;
}

// On files of the machine.
class RecordLogTest : public ::testing::Test {
 protected:
  RecordLogTest() { options_.folder = dir_.path(), options_.name = "events"; }

  absl::StatusOr<std::unique_ptr<RecordLog>> Open() {
    return RecordLog::Open(world_.On(SpoolSystem::Machine()), SharedSpoolKey(), options_);
  }
  static void Fill(RecordLog& log, uint64_t count, size_t size = 100) {
    for (uint64_t i = 0; i < count; ++i) {
      ASSERT_OK(log.Append([&](uint64_t number) { return RecordOf(number, size); }));
    }
    ASSERT_OK(log.Sync());
  }
  // Every record from `first` on, in reads of any size.
  static void ExpectAll(RecordLog& log, uint64_t first, uint64_t last, size_t size = 100) {
    ASSERT_EQ(log.next(), last + 1);
    for (uint64_t at = first; at <= last;) {
      ASSERT_OK_AND_ASSIGN(const auto records, log.Read(at, 7, 1 << 20));
      ASSERT_FALSE(records.empty());
      for (const std::string& record : records) ASSERT_EQ(record, RecordOf(at++, size));
    }
    EXPECT_TRUE(log.Read(last + 1, 7, 1 << 20).value().empty());
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string PathOf(int number) const {
    return dir_ / absl::StrCat("events-000000000000000", number);
  }
  void Flip(const std::string& path, size_t at) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(at));
    const char old = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(old ^ 4));
  }

  TempDir dir_;
  TestWorld world_;
  RecordLogOptions options_;
};

TEST_F(RecordLogTest, GivesBackWhatWasAppendedAlsoAfterAStart) {
  {
    ASSERT_OK_AND_ASSIGN(const auto log, Open());
    EXPECT_TRUE(log->empty());
    EXPECT_EQ(log->first(), 1u);
    log->SetEpoch(9);
    EXPECT_TRUE(log->Read(1, 10, 1 << 20).value().empty());
    Fill(*log, 20);
    ExpectAll(*log, 1, 20);
  }
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  EXPECT_FALSE(log->empty());
  EXPECT_EQ(log->epoch(), 9u);
  EXPECT_EQ(log->synced(), 20u);
  EXPECT_EQ(log->torn_bytes(), 0u);
  ExpectAll(*log, 1, 20);
  Fill(*log, 5);
  ExpectAll(*log, 1, 25);
  EXPECT_THAT(Files(), ElementsAre("events-0000000000000001", "events-0000000000000002"));
}

TEST_F(RecordLogTest, ReadsEndAtBothBounds) {
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  Fill(*log, 10, 100);
  EXPECT_EQ(log->Read(1, 3, 1 << 20).value().size(), 3u);
  EXPECT_EQ(log->Read(1, 100, 250).value().size(), 3u);  // the first beyond ends it
  EXPECT_EQ(log->Read(4, 100, 1).value(), std::vector<std::string>{RecordOf(4)});
  EXPECT_EQ(log->Read(2, 1, 1 << 20).value(), std::vector<std::string>{RecordOf(2)});  // back
}

TEST_F(RecordLogTest, WhatIsNotSyncedIsNotRead) {
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  Fill(*log, 3);
  ASSERT_OK(log->Append([](uint64_t n) { return RecordOf(n); }));
  EXPECT_EQ(log->synced(), 3u);
  EXPECT_EQ(log->Read(1, 10, 1 << 20).value().size(), 3u);
  ASSERT_OK(log->Sync());
  EXPECT_EQ(log->Read(4, 10, 1 << 20).value().size(), 1u);
}

TEST_F(RecordLogTest, FilesComeAndGoInOrderAndTheNewestStays) {
  options_.segment_bytes = 1000;
  ASSERT_OK_AND_ASSIGN(auto log, Open());
  Fill(*log, 40, 300);
  EXPECT_EQ(Files().size(), 14u);
  ExpectAll(*log, 1, 40, 300);
  const uint64_t all = log->bytes();
  ASSERT_OK(log->RemoveThrough(2));  // the third record of the first file is left
  EXPECT_EQ(Files().size(), 14u);
  ASSERT_OK(log->RemoveThrough(3));
  EXPECT_EQ(Files().size(), 13u);
  EXPECT_EQ(log->first(), 4u);
  EXPECT_LT(log->bytes(), all);
  ExpectAll(*log, 4, 40, 300);
  ASSERT_OK(log->RemoveThrough(40));
  EXPECT_THAT(Files(), ElementsAre("events-000000000000000e"));
  log.reset();
  ASSERT_OK_AND_ASSIGN(log, Open());
  EXPECT_EQ(log->next(), 41u);  // the numbers go on
  Fill(*log, 1, 300);
  ExpectAll(*log, 41, 41, 300);
}

TEST_F(RecordLogTest, TakesNoMoreThanItsBytesAndGoesOnWhenSomeAreFree) {
  options_.segment_bytes = 10'000;
  options_.max_bytes = 40'000;
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  const auto append = [&] { return log->Append([](uint64_t n) { return RecordOf(n, 1000); }); };
  absl::Status status;
  while ((status = append()).ok()) continue;
  EXPECT_THAT(status, StatusIs(kFull, HasSubstr("is full")));
  EXPECT_LE(log->bytes(), options_.max_bytes);
  EXPECT_GT(log->bytes(), options_.max_bytes - 1000 - kRecordOverhead - kSegmentHeaderBytes - 1);
  const uint64_t last = log->next() - 1;
  ASSERT_OK(log->Sync());
  ASSERT_OK(log->RemoveThrough(last / 2));
  EXPECT_OK(append());
  ASSERT_OK(log->Sync());
  ExpectAll(*log, log->first(), last + 1, 1000);
}

TEST_F(RecordLogTest, ARecordHasALargestSizeAndAFileToo) {
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  EXPECT_OK(log->Append([](uint64_t) { return std::string(kMaxSpoolRecordBytes, 'x'); }));
  EXPECT_THAT(log->Append([](uint64_t) { return std::string(kMaxSpoolRecordBytes + 1, 'x'); }),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(log->Append([](uint64_t) { return absl::AbortedError("not this one"); }),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_OK(log->Append([](uint64_t n) { return RecordOf(n); }));
  EXPECT_EQ(log->next(), 3u);
  ASSERT_OK(log->Sync());
  EXPECT_EQ(log->Read(1, 9, kMaxSegmentBytes).value().size(), 2u);
  options_.segment_bytes = kMaxSegmentBytes + 1;
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RecordLogTest, DamageIsToldWithItsFile) {
  options_.segment_bytes = 1000;
  {
    ASSERT_OK_AND_ASSIGN(const auto log, Open());
    Fill(*log, 9, 300);
  }
  const auto kept = [&](int number) {
    std::ifstream in(PathOf(number), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string first = kept(1), second = kept(2), third = kept(3);
  const auto put = [&](int number, const std::string& bytes) {
    std::ofstream(PathOf(number), std::ios::binary | std::ios::trunc) << bytes;
  };
  ASSERT_EQ(Files().size(), 3u);
  Flip(PathOf(2), 500);
  EXPECT_THAT(Open(), StatusIs(kLoss, HasSubstr("events-0000000000000002")));
  put(2, second);
  ASSERT_OK(Open());
  Flip(PathOf(3), third.size() - 1);  // the last byte of the last record
  EXPECT_THAT(Open(), StatusIs(kLoss, HasSubstr("events-0000000000000003")));
  put(3, third.substr(0, third.size() - 1));
  EXPECT_EQ(Open().value()->next(), 9u);  // cut there: a crash
  put(3, third);
  put(2, third);  // in the place of another
  EXPECT_THAT(Open(), StatusIs(kLoss, HasSubstr("another file than its name says")));
  std::filesystem::remove(PathOf(2));
  EXPECT_THAT(Open(), StatusIs(kLoss, HasSubstr("events-0000000000000002 is missing")));
  put(2, second.substr(0, second.size() - 1));
  EXPECT_THAT(Open(), StatusIs(kLoss));
  put(2, second);
  std::filesystem::remove(PathOf(1));
  EXPECT_EQ(Open().value()->first(), 4u);  // as after RemoveThrough
  put(1, first);
  EXPECT_EQ(Open().value()->first(), 1u);
}

TEST_F(RecordLogTest, AFileOfAnotherLogOrLifeIsNoPartOfIt) {
  {
    ASSERT_OK_AND_ASSIGN(const auto log, Open());
    log->SetEpoch(1);
    Fill(*log, 2);
  }
  RecordLogOptions receipts = options_;
  receipts.kind = SpoolKind::kReceipts;
  EXPECT_THAT(RecordLog::Open(world_.On(SpoolSystem::Machine()), SharedSpoolKey(), receipts),
              StatusIs(kLoss, HasSubstr("another file")));
  TempDir elsewhere;
  options_.folder = elsewhere.path();
  {
    ASSERT_OK_AND_ASSIGN(auto log, Open());
    log->SetEpoch(2);
    Fill(*log, 2);
    log.reset();
    ASSERT_OK_AND_ASSIGN(log, Open());
    Fill(*log, 1);
  }
  std::filesystem::copy_file(elsewhere / "events-0000000000000002", PathOf(2));
  options_.folder = dir_.path();
  EXPECT_THAT(Open(), StatusIs(kLoss, HasSubstr("does not go on")));
}

TEST_F(RecordLogTest, OtherNamesAreLeftAloneAndUnfinishedFilesGo) {
  for (const char* name :
       {"events-1", "events-000000000000000G", "events-000000000000000A", "events-0000000000000000",
        "events", "notes", "events-00000000000000001"}) {
    std::ofstream(dir_ / name) << "no file of ours";
  }
  std::ofstream(dir_ / "events-0000000000000001.tmp") << "half a header";
  std::ofstream(dir_ / "other-0000000000000001.tmp") << "of another log";
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  EXPECT_TRUE(log->empty());
  EXPECT_EQ(Files().size(), 8u);
  Fill(*log, 1);
}

TEST_F(RecordLogTest, ThreadsAppendAndSyncTogetherAndOneReads) {
  options_.segment_bytes = 20'000;
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  constexpr int kThreads = 4;
  constexpr int kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        EXPECT_OK(log->Append([](uint64_t n) { return RecordOf(n); }));
        EXPECT_OK(log->Sync());
      }
    });
  }
  uint64_t next = 1;
  while (next <= kThreads * kEach) {
    const auto records = log->Read(next, 50, 1 << 20);
    ASSERT_OK(records);
    for (const std::string& record : *records) ASSERT_EQ(record, RecordOf(next++));
    ASSERT_OK(log->RemoveThrough(next - 1));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log->synced(), static_cast<uint64_t>(kThreads * kEach));
}

// On a disk that fails.
class RecordLogDiskTest : public ::testing::Test {
 protected:
  RecordLogDiskTest() {
    options_.folder = "/spool";
    options_.name = "events";
    EXPECT_OK(MakeSpoolFolder(system_, "/spool"));
  }
  absl::StatusOr<std::unique_ptr<RecordLog>> Open() {
    return RecordLog::Open(world_.On(system_), SharedSpoolKey(), options_);
  }
  void FailNext(Op op, FaultDisk::Fault fault) {
    system_.disk().SetScript([op, fault, done = false](const FaultDisk::Call& call) mutable {
      if (done || call.op != op) return FaultDisk::Fault{};
      done = true;
      return fault;
    });
  }
  static FaultDisk::Fault Fault(What what, int error, size_t bytes = 0) {
    FaultDisk::Fault fault;
    fault.what = what;
    fault.error = error;
    fault.bytes = bytes;
    return fault;
  }
  static absl::Status Append(RecordLog& log) {
    return log.Append([](uint64_t n) { return RecordOf(n, 700); });
  }

  SpoolFaultSystem system_;
  TestWorld world_;
  RecordLogOptions options_;
};

TEST_F(RecordLogDiskTest, AFullDiskRefusesOneRecordAndStopsNothing) {
  for (const int error : {ENOSPC, EDQUOT}) {
    ASSERT_OK_AND_ASSIGN(auto log, Open());
    const uint64_t before = log->next();
    ASSERT_OK(Append(*log));
    FailNext(Op::kWrite, Fault(What::kTorn, error, 512));
    EXPECT_THAT(Append(*log), StatusIs(kFull));
    ASSERT_OK(Append(*log));  // into a file of its own: no number is used twice under one key
    ASSERT_OK(log->Sync());
    EXPECT_EQ(log->Read(before, 9, 1 << 20).value(), std::vector{RecordOf(before, 700)});
    EXPECT_EQ(log->Read(before + 1, 9, 1 << 20).value(), std::vector{RecordOf(before + 1, 700)});
    log.reset();
    system_.disk().Restart(Survival::kSynced);
    EXPECT_EQ(Open().value()->next(), before + 2);
  }
}

TEST_F(RecordLogDiskTest, AFullDiskBeginsNoFileAndStopsNothing) {
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  for (const Op op : {Op::kOpen, Op::kWrite, Op::kRename}) {
    FailNext(op, Fault(What::kAbsent, ENOSPC));
    EXPECT_THAT(Append(*log), StatusIs(kFull));
  }
  ASSERT_OK(Append(*log));
  ASSERT_OK(log->Sync());
  std::vector<std::string> names = ListSpoolFolder(system_, "/spool").value();
  EXPECT_THAT(names, ElementsAre("events-0000000000000001"));
}

TEST_F(RecordLogDiskTest, ShortWritesAndReadsAreGoneOnWith) {
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  ASSERT_OK(Append(*log));
  system_.disk().SetScript([](const FaultDisk::Call& call) {
    FaultDisk::Fault fault;
    if (call.op == Op::kWrite || call.op == Op::kRead) {
      fault.what = What::kShort;
      fault.bytes = std::min<size_t>(call.bytes, 100);
    }
    return fault;
  });
  ASSERT_OK(Append(*log));
  ASSERT_OK(log->Sync());
  ASSERT_OK_AND_ASSIGN(const auto records, log->Read(1, 9, 1 << 20));
  EXPECT_THAT(records, ElementsAre(RecordOf(1, 700), RecordOf(2, 700)));
}

TEST_F(RecordLogDiskTest, AnyOtherErrorStopsItForGood) {
  for (const Op op : {Op::kWrite, Op::kSync}) {
    ASSERT_OK_AND_ASSIGN(auto log, Open());
    ASSERT_OK(Append(*log));
    FailNext(op, Fault(What::kAbsent, EIO));
    absl::Status first = Append(*log);
    if (first.ok()) first = log->Sync();
    EXPECT_THAT(first, StatusIs(absl::StatusCode::kUnknown, HasSubstr("has stopped")));
    EXPECT_EQ(Append(*log), first);
    EXPECT_EQ(log->Sync(), first);
    EXPECT_EQ(log->Read(1, 1, 1).status(), first);
    EXPECT_EQ(log->RemoveThrough(1), first);
    EXPECT_EQ(log->status(), first);
    log.reset();
    system_.disk().Restart(Survival::kAll);
  }
}

TEST_F(RecordLogDiskTest, AReadThatFailsStopsIt) {
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  ASSERT_OK(Append(*log));
  ASSERT_OK(log->Sync());
  FailNext(Op::kRead, Fault(What::kAbsent, EIO));
  EXPECT_THAT(log->Read(1, 1, 1), StatusIs(kLoss, HasSubstr("EIO")));
  EXPECT_THAT(Append(*log), StatusIs(kLoss));
}

// A life: appends, syncs, removals, until a call fails and the process dies with it or later. What
// was synced is there afterwards, in its place, and what is there has no gap.
class RecordLogLifeTest : public RecordLogDiskTest {
 protected:
  struct Known {
    uint64_t durable = 0;  // Sync said so
    uint64_t written = 0;  // Append said so
    uint64_t removed = 0;  // RemoveThrough was asked for
  };
  void SetUp() override { options_.segment_bytes = 3000; }

  // False when something failed.
  bool Live(Known& known) {
    auto opened = Open();
    if (!opened.ok()) return false;
    RecordLog& log = **opened;
    for (int i = 0; i < 12; ++i) {
      if (!Append(log).ok()) return false;
      known.written = log.next() - 1;
      if (i % 3 != 2) continue;
      if (!log.Sync().ok()) return false;
      known.durable = log.next() - 1;
      if (i != 8) continue;
      known.removed = known.durable - 2;
      if (!log.RemoveThrough(known.removed).ok()) return false;
    }
    return true;
  }
  void ExpectKept(const Known& known, const std::string& where) {
    auto opened = Open();
    ASSERT_OK(opened) << where;
    RecordLog& log = **opened;
    ASSERT_GE(log.next() - 1, known.durable) << where;
    ASSERT_LE(log.next() - 1, known.written + 1) << where;  // the one under way may be there
    ASSERT_LE(log.first(), known.removed + 1) << where;
    for (uint64_t at = log.first(); at < log.next();) {
      const auto records = log.Read(at, 100, 1 << 20);
      ASSERT_OK(records) << where;
      ASSERT_FALSE(records->empty()) << where;
      for (const std::string& record : *records) ASSERT_EQ(record, RecordOf(at++, 700)) << where;
    }
    ASSERT_OK(Append(log)) << where;
    ASSERT_OK(log.Sync()) << where;
  }
  // The whole of it: the n-th call of a second life fails so.
  bool Round(uint64_t n, FaultDisk::Fault fault, Survival survival, const std::string& where) {
    system_.disk().Load(*fresh_);
    Known known;
    EXPECT_TRUE(Live(known)) << where;
    uint64_t calls = 0;
    system_.disk().SetScript(
        [&](const FaultDisk::Call&) { return calls++ == n ? fault : FaultDisk::Fault{}; });
    const bool lived = Live(known);
    system_.disk().Restart(survival, n);
    ExpectKept(known, where);
    return !lived || calls > n;
  }
  void Exhaust(Survival survival) {
    fresh_ = system_.disk().Save();
    const std::vector<FaultDisk::Fault> faults = {
        Fault(What::kAbsent, EIO),    Fault(What::kPresent, EIO),
        Fault(What::kTorn, EIO, 0),   Fault(What::kTorn, EIO, 512),
        Fault(What::kAbsent, ENOSPC), Fault(What::kTorn, ENOSPC, 512)};
    uint64_t cells = 0;
    for (size_t f = 0; f < faults.size(); ++f) {
      for (const bool dies : {false, true}) {
        FaultDisk::Fault fault = faults[f];
        fault.crash = dies;
        for (uint64_t n = 0;; ++n, ++cells) {
          const std::string where = absl::StrCat("call ", n, " fault ", f, dies ? " and dies" : "");
          if (!Round(n, fault, survival, where) || HasFatalFailure()) break;
        }
        if (HasFatalFailure()) return;
      }
    }
    EXPECT_GE(cells, 500u);
    RecordProperty("cells", static_cast<int>(cells));
  }
  std::shared_ptr<const FaultDisk::Saved> fresh_;
};

TEST_F(RecordLogLifeTest, EveryCallMayFailAndTheMachineLivesOn) { Exhaust(Survival::kAll); }
TEST_F(RecordLogLifeTest, EveryCallMayFailBeforeAPowerCut) { Exhaust(Survival::kSynced); }
TEST_F(RecordLogLifeTest, EveryCallMayFailBeforeAPowerCutThatTears) { Exhaust(Survival::kPrefix); }
TEST_F(RecordLogLifeTest, EveryCallMayFailBeforeAPowerCutThatScatters) {
  Exhaust(Survival::kScattered);
}

}  // namespace
}  // namespace auditledger
