// What a spool does about its files before it may lose them.
// Covers: api/client/spool
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "api/client/spool.h"
#include "tests/api/client/spool_fixture.h"

namespace auditledger {
namespace {

using testing::FaultDisk;
using testing::NewEvent;
using testing::SharedSpoolKey;
using testing::SpoolFaultSystem;
using testing::Survival;
using testing::TestWorld;

class SpoolFilesTest : public ::testing::Test {
 protected:
  SpoolFilesTest() {
    options_.folder = "/spool";
    options_.stream = "ehr-1";
    options_.max_bytes = kLeastSpoolBytes;
  }
  absl::StatusOr<std::unique_ptr<Spool>> Open() {
    return Spool::Open(world_.On(system_), SharedSpoolKey(), options_);
  }
  // Several files full.
  void Fill(Spool& spool) {
    v1::AuditEvent large = NewEvent(1);
    large.mutable_entity(0)->set_query(std::string(60'000, 'q'));
    for (int i = 0; i < 12; ++i) ASSERT_OK(spool.Append(large));
  }
  SpoolFaultSystem system_;
  TestWorld world_;
  SpoolOptions options_;
};

TEST_F(SpoolFilesTest, TheStateSaysWhatIsSettledBeforeItsFileIsRemoved) {
  {
    ASSERT_OK_AND_ASSIGN(const auto spool, Open());
    Fill(*spool);
    ASSERT_OK(spool->Acknowledge(1, "head"));
    const uint64_t before = spool->bytes();
    ASSERT_OK(spool->Acknowledge(11, "head"));  // within a second of the last note
    EXPECT_LT(spool->bytes(), before / 2);
    system_.disk().Crash();
  }
  system_.disk().Restart(Survival::kSynced);
  ASSERT_OK_AND_ASSIGN(const auto spool, Open());
  EXPECT_EQ(spool->acknowledged(), 11u);
}

// The disk has room again when something is removed of it.
TEST_F(SpoolFilesTest, AFullDiskLetsSettledFilesGo) {
  ASSERT_OK_AND_ASSIGN(const auto spool, Open());
  Fill(*spool);
  bool room = false;
  const auto fill = [&] {
    room = false;
    system_.disk().SetScript([&](const FaultDisk::Call& call) {
      FaultDisk::Fault fault;
      if (call.op == FaultDisk::Op::kRemove && !absl::EndsWith(call.path, ".tmp")) room = true;
      if (call.op != FaultDisk::Op::kWrite || room) return fault;
      fault.what = FaultDisk::Fault::What::kAbsent;
      fault.error = ENOSPC;
      return fault;
    });
  };
  for (const uint64_t settled : {6u, 11u}) {  // the reserve is there again for the second time
    fill();
    const uint64_t before = spool->bytes();
    ASSERT_OK(spool->Acknowledge(settled, "head"));
    EXPECT_LT(spool->bytes(), before);
    system_.disk().SetScript(nullptr);
    world_.clock.Advance(1'000'000);
    ASSERT_OK(spool->Acknowledge(settled, "head"));
  }
}

TEST_F(SpoolFilesTest, InGroupsWhatWasTakenIsSyncedAtTheEnd) {
  options_.sync = SpoolSync::kGroups;
  options_.sync_interval = std::chrono::hours(1);
  for (uint64_t life = 1; life <= 50; ++life) {
    ASSERT_OK(Open().value()->Append(NewEvent(life)));
    system_.disk().Restart(Survival::kSynced);
    ASSERT_EQ(Open().value()->last(), life);
  }
}

}  // namespace
}  // namespace auditledger
