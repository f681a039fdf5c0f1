// Disks that refuse a call, and what becomes of it.
// Covers: api/client/record_log, api/client/spool_file
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/client/record_log.h"
#include "tests/api/client/spool_fixture.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using testing::FaultDisk;
using ::testing::HasSubstr;
using testing::SharedSpoolKey;
using testing::SpoolFaultSystem;
using testing::StatusIs;
using testing::TestWorld;
using What = FaultDisk::Fault::What;
using Op = FaultDisk::Op;

constexpr auto kLoss = absl::StatusCode::kDataLoss;
constexpr auto kFull = absl::StatusCode::kResourceExhausted;

class RecordLogFaultsTest : public ::testing::Test {
 protected:
  RecordLogFaultsTest() {
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
    return log.Append([](uint64_t n) { return absl::StrCat(n, std::string(700, 'x')); });
  }

  SpoolFaultSystem system_;
  TestWorld world_;
  RecordLogOptions options_;
};

TEST_F(RecordLogFaultsTest, WithoutFileDescriptorsOneCallFailsAndStopsNothing) {
  options_.segment_bytes = 700;  // a file for each record
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  for (int i = 0; i < 4; ++i) ASSERT_OK(Append(*log));
  ASSERT_OK(log->Sync());
  FailNext(Op::kOpen, Fault(What::kAbsent, EMFILE));
  EXPECT_THAT(log->Read(1, 9, 1 << 20), StatusIs(kFull));
  EXPECT_EQ(log->Read(1, 9, 1 << 20)->size(), 1u);
  FailNext(Op::kOpen, Fault(What::kAbsent, EMFILE));  // of the folder, after a file was removed
  EXPECT_THAT(log->RemoveThrough(3), StatusIs(kFull));
  EXPECT_EQ(log->first(), 2u);
  FailNext(Op::kRemove, Fault(What::kAbsent, ENOSPC));
  EXPECT_THAT(log->RemoveThrough(3), StatusIs(kFull));
  EXPECT_EQ(log->first(), 2u);
  ASSERT_OK(log->RemoveThrough(3));
  EXPECT_EQ(log->first(), 4u);
  EXPECT_OK(log->status());
}

TEST_F(RecordLogFaultsTest, WhatStoppedItIsNeverTakenForAFullDisk) {
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  ASSERT_OK(Append(*log));
  FailNext(Op::kSync, Fault(What::kAbsent, ENOSPC));
  EXPECT_THAT(log->Sync(), StatusIs(absl::StatusCode::kInternal, HasSubstr("has stopped")));
  EXPECT_THAT(Append(*log), StatusIs(absl::StatusCode::kInternal));
}

TEST_F(RecordLogFaultsTest, NoRecordIsWrittenBeforeItsFileWasToldOf) {
  std::vector<uint64_t> told;
  absl::Status answer = absl::ResourceExhaustedError("full");
  options_.on_file = [&](uint64_t number) {
    told.push_back(number);
    return answer;
  };
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  EXPECT_EQ(log->newest_file(), 0u);
  EXPECT_THAT(Append(*log), StatusIs(kFull, "full"));
  EXPECT_EQ(log->next(), 1u);
  answer = absl::OkStatus();
  ASSERT_OK(Append(*log));
  ASSERT_OK(Append(*log));
  ASSERT_OK(log->BeginFile());
  ASSERT_OK(Append(*log));
  EXPECT_THAT(told, ElementsAre(1, 1, 2));
  EXPECT_EQ(log->newest_file(), 2u);
}

TEST_F(RecordLogFaultsTest, WhoReadsItMayStopIt) {
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  ASSERT_OK(Append(*log));
  const absl::Status halted = log->Halt(absl::DataLossError("record 1 is nonsense"));
  EXPECT_THAT(halted, StatusIs(kLoss, HasSubstr("/spool/events has stopped: record 1")));
  EXPECT_EQ(log->Halt(absl::DataLossError("another")), halted);
  EXPECT_EQ(Append(*log), halted);
}

TEST_F(RecordLogFaultsTest, AnErrorNamesTheFileAsItIsCalled) {
  ASSERT_OK_AND_ASSIGN(const auto log, Open());
  ASSERT_OK(Append(*log));
  FailNext(Op::kWrite, Fault(What::kAbsent, ENOSPC));
  EXPECT_THAT(Append(*log), StatusIs(kFull, HasSubstr("write /spool/events-0000000000000001: ")));
}

TEST_F(RecordLogFaultsTest, AFolderThatWasThereIsSyncedToo) {
  uint64_t synced = 0;
  int error = 0;
  system_.disk().SetScript([&](const FaultDisk::Call& call) {
    FaultDisk::Fault fault;
    if (call.op == Op::kSync && call.path == "/") ++synced;
    if (call.op == Op::kOpen && error != 0) fault = Fault(What::kAbsent, error);
    return fault;
  });
  EXPECT_OK(MakeSpoolFolder(system_, "/spool"));
  EXPECT_EQ(synced, 1u);
  error = EACCES;  // whose parent it is has made it
  EXPECT_OK(MakeSpoolFolder(system_, "/spool"));
  error = EIO;
  EXPECT_FALSE(MakeSpoolFolder(system_, "/spool").ok());
}

}  // namespace
}  // namespace auditledger
