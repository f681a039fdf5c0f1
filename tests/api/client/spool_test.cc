#include "api/client/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "tests/api/client/spool_fixture.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using testing::FaultDisk;
using ::testing::HasSubstr;
using testing::NewEvent;
using testing::SharedSpoolKey;
using testing::SpoolFaultSystem;
using testing::StatusIs;
using testing::Survival;
using testing::TempDir;
using testing::TestWorld;

constexpr auto kLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class SpoolTest : public ::testing::Test {
 protected:
  SpoolTest() { options_.folder = dir_ / "spool", options_.stream = "ehr-1"; }
  absl::StatusOr<std::unique_ptr<Spool>> Open() {
    return Spool::Open(world_.On(SpoolSystem::Machine()), SharedSpoolKey(), options_);
  }
  static std::vector<uint64_t> SequencesOf(const std::vector<SpooledEvent>& events) {
    std::vector<uint64_t> out;
    for (const SpooledEvent& one : events) out.push_back(one.event.source().stream_sequence());
    return out;
  }

  TempDir dir_;
  TestWorld world_;
  SpoolOptions options_;
};

TEST_F(SpoolTest, GivesAnEventItsIdentityAndKeepsItAcrossStarts) {
  std::string id;
  std::string stream;
  {
    ASSERT_OK_AND_ASSIGN(const auto spool, Open());
    ASSERT_OK_AND_ASSIGN(const Emitted first, spool->Append(NewEvent(1)));
    id = first.event_id;
    stream = first.stream_id;
    EXPECT_EQ(first.sequence, 1u);
    EXPECT_EQ(id.size(), 36u);
    EXPECT_EQ(stream, spool->stream_id());
    EXPECT_TRUE(absl::StartsWith(stream, "ehr-1@")) << stream;
    EXPECT_EQ(stream.size(), 6u + 16);
    v1::AuditEvent named = NewEvent(2);
    named.set_event_id("my own");
    named.mutable_source()->set_stream_sequence(77);
    ASSERT_OK_AND_ASSIGN(const Emitted second, spool->Append(named));
    EXPECT_EQ(second.event_id, "my own");
    EXPECT_EQ(second.sequence, 2u);
    EXPECT_EQ(spool->depth(), 2u);
  }
  world_.clock.Advance(5'000'000);
  ASSERT_OK_AND_ASSIGN(const auto spool, Open());
  EXPECT_EQ(spool->stream_id(), stream);
  EXPECT_EQ(spool->depth(), 2u);
  ASSERT_OK_AND_ASSIGN(const auto events, spool->Next(10, 1 << 20));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].event.event_id(), id);
  EXPECT_EQ(events[0].event.source().stream_id(), stream);
  EXPECT_EQ(events[0].event.patient_size(), NewEvent(1).patient_size());
  EXPECT_EQ(events[1].event.event_id(), "my own");
  EXPECT_EQ(SequencesOf(events), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(events[0].spooled_at_us, world_.clock.WallMicros() - 5'000'000);
  EXPECT_EQ(spool->Append(NewEvent(3))->sequence, 3u);
}

TEST_F(SpoolTest, NothingOfAnEventLiesOnTheDiskInTheClear) {
  v1::AuditEvent event = NewEvent(1);
  event.mutable_entity(0)->set_name("Erika Mustermann");
  {
    ASSERT_OK_AND_ASSIGN(const auto spool, Open());
    ASSERT_OK(spool->Append(event));
    ASSERT_OK(spool->Acknowledge(0, "the note of a head"));
  }
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_ / "spool")) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    EXPECT_THAT(bytes, Not(HasSubstr("Mustermann"))) << entry.path();
    EXPECT_THAT(bytes, Not(HasSubstr("ehr-1"))) << entry.path();
    EXPECT_THAT(bytes, Not(HasSubstr("the note"))) << entry.path();
    EXPECT_EQ(entry.status().permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    ++files;
  }
  EXPECT_EQ(files, 4);
}

TEST_F(SpoolTest, WhatIsAcknowledgedIsNotGivenAgainAndTheHeadIsRemembered) {
  {
    ASSERT_OK_AND_ASSIGN(const auto spool, Open());
    for (uint64_t i = 0; i < 5; ++i) ASSERT_OK(spool->Append(NewEvent(i)));
    EXPECT_EQ(spool->head(), "");
    ASSERT_OK(spool->Acknowledge(3, "head 3"));
    ASSERT_OK(spool->Acknowledge(2, "head 4"));  // never back
    EXPECT_EQ(SequencesOf(spool->Next(10, 1 << 20).value()), (std::vector<uint64_t>{4, 5}));
    EXPECT_EQ(spool->depth(), 2u);
  }
  ASSERT_OK_AND_ASSIGN(const auto spool, Open());
  EXPECT_EQ(spool->head(), "head 4");
  EXPECT_EQ(spool->acknowledged(), 3u);
  EXPECT_EQ(SequencesOf(spool->Next(1, 1 << 20).value()), (std::vector<uint64_t>{4}));
  ASSERT_OK(spool->Acknowledge(5, "head 5"));
  EXPECT_TRUE(spool->Next(10, 1 << 20)->empty());
  EXPECT_EQ(spool->depth(), 0u);
  EXPECT_EQ(spool->Append(NewEvent(6))->sequence, 6u);
}

TEST_F(SpoolTest, OneProcessAtATimeAndOneKey) {
  ASSERT_OK_AND_ASSIGN(auto spool, Open());
  ASSERT_OK(spool->Append(NewEvent(1)));
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("another process")));
  spool.reset();
  EXPECT_OK(Open());
  EXPECT_THAT(Spool::Open(world_.On(SpoolSystem::Machine()),
                          std::make_shared<const SpoolKey>(testing::TestSpoolKey('l')), options_),
              StatusIs(kLoss, HasSubstr("another key")));
}

TEST_F(SpoolTest, OptionsHaveTheirEdges) {
  const auto with = [&](const std::string& stream, uint64_t bytes) {
    options_.stream = stream;
    options_.max_bytes = bytes;
    return Open().status();
  };
  EXPECT_OK(with(std::string(kMaxStreamNameBytes, 's'), kLeastSpoolBytes));
  EXPECT_THAT(with(std::string(kMaxStreamNameBytes + 1, 's'), kLeastSpoolBytes),
              StatusIs(kInvalid));
  EXPECT_THAT(with("s", kLeastSpoolBytes - 1), StatusIs(kInvalid));
  for (const char* bad : {"", "a b", "a@b", "\xc3\xa4", "a\n"}) {
    EXPECT_THAT(with(bad, kLeastSpoolBytes), StatusIs(kInvalid)) << bad;
  }
  options_.stream = "s";
  options_.folder = "";
  EXPECT_THAT(Open(), StatusIs(kInvalid));
  options_.folder = dir_ / "no" + "/parent";
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SpoolTest, AnEventHasALargestSizeAsTheLedgerSeesIt) {
  ASSERT_OK_AND_ASSIGN(const auto spool, Open());
  v1::AuditEvent event = NewEvent(1);
  event.set_event_id("id");
  v1::AuditEvent filled = event;
  filled.mutable_source()->set_stream_id(spool->stream_id());
  filled.mutable_source()->set_stream_sequence(1);
  std::string& query = *event.mutable_entity(0)->mutable_query();
  const size_t header = 16;  // longer lengths of the field and of the entity around it
  query.resize(kMaxEmittedEventBytes - filled.ByteSizeLong() - header);
  while (true) {
    *filled.mutable_entity() = event.entity();
    if (filled.ByteSizeLong() >= kMaxEmittedEventBytes) break;
    query.push_back('\0');
  }
  ASSERT_EQ(filled.ByteSizeLong(), kMaxEmittedEventBytes);
  EXPECT_OK(spool->Append(event));
  query.push_back('\0');
  EXPECT_THAT(spool->Append(event), StatusIs(kInvalid, HasSubstr("65537 bytes")));
  EXPECT_EQ(spool->last(), 1u);  // no number was used
}

TEST_F(SpoolTest, FilesThatAreLostOrOfAnotherTimeAreTold) {
  const auto path = [&](const char* name) { return dir_ / "spool/" + name; };
  {
    ASSERT_OK_AND_ASSIGN(const auto spool, Open());
    ASSERT_OK(spool->Append(NewEvent(1)));
    ASSERT_OK(spool->Acknowledge(1, "head"));
  }
  std::filesystem::copy_file(path("state"), dir_ / "old-state");
  std::filesystem::rename(path("events-0000000000000001"), dir_ / "events");
  EXPECT_THAT(Open(), StatusIs(kLoss, HasSubstr("were lost")));
  std::filesystem::remove(path("state"));
  world_.clock.Advance(2'000'000);
  {
    ASSERT_OK_AND_ASSIGN(const auto spool, Open());
    ASSERT_OK(spool->Append(NewEvent(1)));
  }
  std::filesystem::copy_file(dir_ / "old-state", path("state"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(Open(), StatusIs(kLoss, HasSubstr("of another time")));
  std::filesystem::remove(path("state"));
  EXPECT_THAT(Open(), StatusIs(kLoss, HasSubstr("`state` is missing")));
  std::ofstream(path("state")) << "damaged";
  EXPECT_THAT(Open(), StatusIs(kLoss, HasSubstr("state")));
}

TEST_F(SpoolTest, AnyFileThatIsLostIsTold) {
  for (int life = 1; life <= 3; ++life) {  // each begins a file
    ASSERT_OK_AND_ASSIGN(const auto spool, Open());
    for (uint64_t i = 0; i < 4; ++i) ASSERT_OK(spool->Append(NewEvent(i)));
    if (life == 1) ASSERT_OK(spool->Acknowledge(1, "head"));
  }
  for (const char* lost :
       {"events-0000000000000001", "events-0000000000000002", "events-0000000000000003", "state"}) {
    const std::string path = dir_ / "spool/" + lost;
    std::filesystem::rename(path, dir_ / "away");
    EXPECT_THAT(Open(), StatusIs(kLoss)) << lost;
    std::filesystem::rename(dir_ / "away", path);
  }
  ASSERT_OK_AND_ASSIGN(const auto spool, Open());
  EXPECT_EQ(spool->depth(), 11u);
}

TEST_F(SpoolTest, AStateWithoutEventsGoesOnWithItsEpoch) {
  std::string stream;
  {
    ASSERT_OK_AND_ASSIGN(const auto spool, Open());
    ASSERT_OK(spool->Acknowledge(0, "head"));
    stream = spool->stream_id();
  }
  world_.clock.Advance(2'000'000);
  ASSERT_OK_AND_ASSIGN(const auto spool, Open());
  EXPECT_EQ(spool->stream_id(), stream);
  EXPECT_EQ(spool->Append(NewEvent(1))->sequence, 1u);
}

TEST_F(SpoolTest, AFolderBelongsToOneStream) {
  ASSERT_OK(Open().value()->Append(NewEvent(1)));
  options_.stream = "ehr-2";
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("of the stream ehr-1, not of ehr-2")));
}

TEST_F(SpoolTest, AnEventThatTheLedgerCouldNotReadGetsNoNumber) {
  ASSERT_OK_AND_ASSIGN(const auto spool, Open());
  v1::AuditEvent latin = NewEvent(1);
  latin.mutable_entity(0)->set_name("M\xfcller");
  EXPECT_THAT(spool->Append(latin), StatusIs(kInvalid, HasSubstr("not UTF-8")));
  v1::AuditEvent good;
  v1::AuditEvent deep = NewEvent(1);
  v1::Reference* inner = deep.mutable_agent(0)->mutable_who();
  while (CheckTravels(deep).ok()) {
    good = deep;
    inner = inner->mutable_identifier()->mutable_assigner();
    inner->set_display("x");
  }
  v1::AuditEvent alone;
  EXPECT_TRUE(alone.ParseFromString(deep.SerializeAsString()));  // not so in a request
  EXPECT_THAT(spool->Append(deep), StatusIs(kInvalid, HasSubstr("nested too deep")));
  EXPECT_EQ(spool->last(), 0u);
  ASSERT_OK(spool->Append(good));
  EXPECT_EQ(spool->Next(10, 1 << 20)->size(), 1u);
}

TEST_F(SpoolTest, ARecordThatHoldsNoEventStopsItForEverybody) {
  ASSERT_OK(Open().value()->Append(NewEvent(1)));
  {
    RecordLogOptions log_options;
    log_options.folder = options_.folder;
    log_options.name = "events";
    ASSERT_OK_AND_ASSIGN(const auto log, RecordLog::Open(world_.On(SpoolSystem::Machine()),
                                                         SharedSpoolKey(), log_options));
    ASSERT_OK(log->Append([](uint64_t) { return std::string("12345678\xff\xff\xff"); }));
    ASSERT_OK(log->Sync());
  }
  ASSERT_OK_AND_ASSIGN(const auto spool, Open());
  ASSERT_OK(spool->Acknowledge(1, "head"));
  EXPECT_THAT(spool->Next(10, 1 << 20), StatusIs(kLoss, HasSubstr("record 2 holds no event")));
  EXPECT_THAT(spool->status(), StatusIs(kLoss));
  EXPECT_THAT(spool->Append(NewEvent(2)), StatusIs(kLoss));
}

TEST_F(SpoolTest, ALifeHasAnEpochOfItsOwn) {
  std::set<std::string> streams;
  for (int i = 0; i < 20; ++i) {
    options_.folder = dir_ / absl::StrCat("spool-", i);
    streams.insert(Open().value()->stream_id());  // in one millisecond
  }
  EXPECT_EQ(streams.size(), 20u);
}

TEST_F(SpoolTest, InGroupsAnEventIsWrittenAtOnceAndSyncedSoon) {
  options_.sync = SpoolSync::kGroups;
  options_.sync_interval = std::chrono::milliseconds(1);
  {
    ASSERT_OK_AND_ASSIGN(const auto spool, Open());
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (uint64_t i = 0; i < 50; ++i) EXPECT_OK(spool->Append(NewEvent(i)));
      });
    }
    for (std::thread& thread : threads) thread.join();
    while (spool->Next(1000, 4 << 20)->size() < 150) std::this_thread::yield();
    EXPECT_EQ(spool->last(), 150u);
  }
  EXPECT_EQ(Open().value()->depth(), 150u);
}

TEST_F(SpoolTest, WhoWaitsForRoomIsWokenByAnAcknowledgement) {
  ASSERT_OK_AND_ASSIGN(const auto spool, Open());
  ASSERT_OK(spool->Append(NewEvent(1)));
  const uint64_t seen = spool->settlings();
  EXPECT_FALSE(spool->WaitForRoom(seen, std::chrono::microseconds(1)));
  std::thread waiting([&] { EXPECT_TRUE(spool->WaitForRoom(seen, std::chrono::seconds(60))); });
  ASSERT_OK(spool->Acknowledge(1, ""));
  waiting.join();
  EXPECT_TRUE(spool->WaitForRoom(seen, std::chrono::microseconds(0)));
}

// On a disk that is full: what was acknowledged may be forgotten, which costs a repeat; nothing
// else.
TEST(SpoolDiskTest, AFullDiskForgetsNothingButAnAcknowledgement) {
  SpoolFaultSystem system;
  TestWorld world;
  SpoolOptions options;
  options.folder = "/spool";
  options.stream = "ehr-1";
  const auto open = [&] { return Spool::Open(world.On(system), SharedSpoolKey(), options); };
  {
    ASSERT_OK_AND_ASSIGN(const auto spool, open());
    for (uint64_t i = 0; i < 3; ++i) ASSERT_OK(spool->Append(NewEvent(i)));
    ASSERT_OK(spool->Acknowledge(1, "head 1"));
    system.disk().SetScript([](const FaultDisk::Call& call) {
      FaultDisk::Fault fault;
      if (call.op != FaultDisk::Op::kWrite) return fault;
      fault.what = FaultDisk::Fault::What::kAbsent;
      fault.error = ENOSPC;
      return fault;
    });
    EXPECT_THAT(spool->Append(NewEvent(4)), StatusIs(absl::StatusCode::kResourceExhausted));
    world.clock.Advance(1'000'000);
    EXPECT_OK(spool->Acknowledge(2, "head 2"));
    EXPECT_EQ(spool->Next(10, 1 << 20)->size(), 1u);
    EXPECT_OK(spool->status());
    system.disk().SetScript(nullptr);
    EXPECT_EQ(spool->Append(NewEvent(4))->sequence, 4u);
  }
  system.disk().Restart(Survival::kSynced);
  ASSERT_OK_AND_ASSIGN(const auto spool, open());
  EXPECT_EQ(spool->acknowledged(), 2u);  // noted when it was closed
  EXPECT_EQ(spool->head(), "head 2");
  EXPECT_EQ(spool->last(), 4u);
}

TEST(SpoolDiskTest, AStateThatCannotBeSyncedStopsNothingButIsTold) {
  SpoolFaultSystem system;
  TestWorld world;
  SpoolOptions options;
  options.folder = "/spool";
  options.stream = "ehr-1";
  ASSERT_OK_AND_ASSIGN(const auto spool, Spool::Open(world.On(system), SharedSpoolKey(), options));
  ASSERT_OK(spool->Append(NewEvent(1)));
  system.disk().SetScript([](const FaultDisk::Call& call) {
    FaultDisk::Fault fault;
    if (call.op == FaultDisk::Op::kSync) fault.what = FaultDisk::Fault::What::kAbsent;
    return fault;
  });
  EXPECT_THAT(spool->Acknowledge(1, "head"), StatusIs(absl::StatusCode::kUnknown));
}

TEST(SpoolDiskTest, AnAcknowledgementIsNotedOnceASecondAndAtTheEnd) {
  SpoolFaultSystem system;
  TestWorld world;
  SpoolOptions options;
  options.folder = "/spool";
  options.stream = "ehr-1";
  const auto open = [&] { return Spool::Open(world.On(system), SharedSpoolKey(), options); };
  uint64_t renames = 0;
  const auto count = [&] {
    system.disk().SetScript([&](const FaultDisk::Call& call) {
      renames += call.op == FaultDisk::Op::kRename ? 1 : 0;
      return FaultDisk::Fault{};
    });
  };
  {
    ASSERT_OK_AND_ASSIGN(const auto spool, open());
    for (uint64_t i = 0; i < 5; ++i) ASSERT_OK(spool->Append(NewEvent(i)));
    count();
    ASSERT_OK(spool->Acknowledge(1, ""));
    EXPECT_EQ(renames, 1u);
    world.clock.Advance(999'999);
    ASSERT_OK(spool->Acknowledge(2, ""));
    ASSERT_OK(spool->NoteState());
    EXPECT_EQ(renames, 1u);
    world.clock.Advance(1);
    ASSERT_OK(spool->NoteState());
    EXPECT_EQ(renames, 2u);
    world.clock.Advance(1'000'000);
    ASSERT_OK(spool->NoteState());  // nothing is new
    EXPECT_EQ(renames, 2u);
    ASSERT_OK(spool->Acknowledge(3, ""));
    ASSERT_OK(spool->Acknowledge(4, ""));
    EXPECT_EQ(renames, 3u);
  }
  EXPECT_EQ(renames, 4u);
  system.disk().Restart(Survival::kSynced);
  EXPECT_EQ(open().value()->acknowledged(), 4u);
}

// Power cuts at any call of a spool's life: the numbers that were given out are never given again.
TEST(SpoolDiskTest, AfterAPowerCutNoNumberThatCountsIsUsedTwice) {
  SpoolFaultSystem system;
  TestWorld world;
  SpoolOptions options;
  options.folder = "/spool";
  options.stream = "ehr-1";
  options.max_bytes = kLeastSpoolBytes;
  const auto fresh = system.disk().Save();
  for (const Survival survival : {Survival::kSynced, Survival::kPrefix, Survival::kScattered}) {
    for (uint64_t n = 0; n < 120; ++n) {
      system.disk().Load(*fresh);
      uint64_t calls = 0;
      system.disk().SetScript([&](const FaultDisk::Call&) {
        FaultDisk::Fault fault;
        fault.crash = calls++ == n;
        if (fault.crash) fault.what = FaultDisk::Fault::What::kAbsent;
        return fault;
      });
      std::map<uint64_t, std::string> promised;  // by sequence
      uint64_t acknowledged = 0;
      std::string stream;
      const auto live = [&] {
        auto spool = Spool::Open(world.On(system), SharedSpoolKey(), options);
        if (!spool.ok()) return;
        for (uint64_t i = 0; i < 6; ++i) {
          const auto emitted = (*spool)->Append(NewEvent(i));
          if (!emitted.ok()) return;
          promised[emitted->sequence] = emitted->event_id;
          stream = emitted->stream_id;
          if (i % 2 == 0) continue;
          const auto next = (*spool)->Next(10, 1 << 20);
          if (!next.ok() || next->empty()) return;
          acknowledged = emitted->sequence - 1;
          if (!(*spool)->Acknowledge(acknowledged, "head").ok()) return;
        }
      };
      live();
      system.disk().Restart(survival, n);
      auto spool = Spool::Open(world.On(system), SharedSpoolKey(), options);
      ASSERT_OK(spool) << "call " << n;
      if (!promised.empty()) {
        EXPECT_EQ((*spool)->stream_id(), stream);
      }
      EXPECT_LE((*spool)->acknowledged(), acknowledged) << "call " << n;
      ASSERT_OK_AND_ASSIGN(const auto events, (*spool)->Next(100, 1 << 20));
      std::map<uint64_t, std::string> found;
      for (const SpooledEvent& one : events) found[one.sequence] = one.event.event_id();
      for (const auto& [sequence, id] : promised) {
        if (sequence <= (*spool)->acknowledged()) continue;
        EXPECT_EQ(found[sequence], id) << "call " << n;
      }
      EXPECT_GE((*spool)->Append(NewEvent(9))->sequence, promised.size() + 1);
    }
  }
}

}  // namespace
}  // namespace auditledger
