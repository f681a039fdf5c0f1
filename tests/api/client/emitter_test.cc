#include "api/client/emitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/api/client/fake_transport.h"
#include "tests/api/client/spool_fixture.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using testing::FakeTransport;
using testing::FaultDisk;
using ::testing::HasSubstr;
using testing::NewEvent;
using testing::ServerError;
using testing::SpoolFaultSystem;
using testing::StatusIs;
using testing::Survival;
using testing::TestSpoolKey;
using testing::TestWorld;

constexpr std::chrono::seconds kPatience{20};

// What of an event an auditor would ask first.
std::string KindOf(const v1::AuditEvent& event) {
  for (const v1::CodeableConcept& code : event.code()) {
    if (code.coding_size() == 0) continue;
    const std::string& word = code.coding(code.coding_size() - 1).code();
    if (word == "outage" || word == "heartbeat") return word;
    if (word == "110134") return "started";
    if (word == "110133" && event.code_size() == 1) return "stopped";
  }
  return "event";
}

// A ledger that outlives emitters.
class SharedTransport : public EmitterTransport {
 public:
  explicit SharedTransport(FakeTransport& ledger) : ledger_(ledger) {}
  absl::Status Send(absl::Span<const v1::AuditEvent> events,
                    const LedgerClient::ResultCallback& on_result) override {
    return ledger_.Send(events, on_result);
  }
  absl::StatusOr<std::string> Follow(const std::string& last, const std::string& note) override {
    return ledger_.Follow(last, note);
  }
  absl::StatusOr<WitnessedHead> Witnessed() override { return ledger_.Witnessed(); }

 private:
  FakeTransport& ledger_;
};

class EmitterTest : public ::testing::Test {
 protected:
  EmitterTest() {
    options_.spool.folder = "/spool";
    options_.spool.stream = "ehr-1";
    options_.source.mutable_observer()->set_reference("Device/ehr");
    options_.declare_recording = false;
    options_.heartbeat = std::chrono::seconds(0);
    options_.send.backoff.initial = options_.send.backoff.max = std::chrono::milliseconds(1);
    options_.world = world_.On(system_);
    ledger_.fate = [this] {
      return down_ ? std::make_pair(size_t{0}, absl::Status(absl::UnavailableError("down")))
                   : std::make_pair(size_t{1000}, absl::OkStatus());
    };
  }
  absl::StatusOr<std::unique_ptr<Emitter>> Start() {
    return Emitter::Start(options_, TestSpoolKey(), std::make_unique<SharedTransport>(ledger_));
  }
  std::vector<std::string> Kinds() const {
    std::vector<std::string> out;
    for (const v1::AuditEvent& event : ledger_.log()) out.push_back(KindOf(event));
    return out;
  }
  void Eventually(const std::function<bool()>& done) const {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      std::this_thread::yield();
    }
  }
  // The disk is full as long as it is true.
  void FillDisk() {
    system_.disk().SetScript([this](const FaultDisk::Call& call) {
      FaultDisk::Fault fault;
      if (!full_ || call.op != FaultDisk::Op::kWrite) return fault;
      fault.what = FaultDisk::Fault::What::kAbsent;
      fault.error = ENOSPC;
      return fault;
    });
  }

  TestWorld world_;
  SpoolFaultSystem system_;
  FakeTransport ledger_;
  std::atomic<bool> down_{false};
  std::atomic<bool> full_{false};
  EmitterOptions options_;
};

TEST_F(EmitterTest, WhatIsEmittedArrives) {
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  std::set<std::string> ids;
  for (uint64_t i = 0; i < 20; ++i) ids.insert(emitter->Emit(NewEvent(i))->event_id);
  EXPECT_EQ(ids.size(), 20u);
  ASSERT_OK(emitter->Drain(kPatience));
  EXPECT_EQ(ledger_.log().size(), 20u);
  const EmitterCounters counters = emitter->counters();
  EXPECT_EQ(counters.emitted, 20u);
  EXPECT_EQ(counters.not_taken, 0u);
  EXPECT_EQ(counters.spool_events, 0u);
  EXPECT_GT(counters.spool_bytes, 0u);
  EXPECT_EQ(counters.sender.receipts, 20u);
  EXPECT_OK(counters.spool);
}

TEST_F(EmitterTest, AnOutageOfTheLedgerLosesNothingAlsoOverAStart) {
  down_ = true;
  {
    ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
    for (uint64_t i = 0; i < 5; ++i) ASSERT_OK(emitter->Emit(NewEvent(i)));
    Eventually([&] { return emitter->counters().sender.retries > 2; });
    world_.clock.Advance(7'000'000);
    Eventually([&] { return emitter->counters().oldest_unsent_age_us == 7'000'000; });
    EXPECT_THAT(emitter->Drain(std::chrono::milliseconds(1)),
                StatusIs(absl::StatusCode::kDeadlineExceeded,
                         HasSubstr("5 events wait in /spool and are sent after the next start; "
                                   "last: down")));
  }
  system_.disk().Restart(Survival::kSynced);
  down_ = false;
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  ASSERT_OK(emitter->Emit(NewEvent(5)));
  ASSERT_OK(emitter->Drain(kPatience));
  const auto log = ledger_.log();
  ASSERT_EQ(log.size(), 6u);
  for (uint64_t i = 0; i < 6; ++i) EXPECT_EQ(log[i].source().stream_sequence(), i + 1);
}

TEST_F(EmitterTest, FillsInWhatIsMissingAndRefusesWhatTheLedgerWould) {
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  v1::AuditEvent bare = NewEvent(1);
  bare.clear_schema_version();
  bare.clear_recorded();
  bare.clear_source();
  ASSERT_OK(emitter->Emit(bare));
  ASSERT_OK(emitter->Drain(kPatience));
  const v1::AuditEvent sent = ledger_.log()[0];
  EXPECT_EQ(sent.schema_version(), 1u);
  EXPECT_EQ(sent.recorded().at().seconds(),
            static_cast<int64_t>(world_.clock.WallMicros() / 1'000'000));
  EXPECT_EQ(sent.source().observer().reference(), "Device/ehr");
  const auto without = [&](const std::function<void(v1::AuditEvent&)>& change) {
    v1::AuditEvent event = NewEvent(1);
    change(event);
    return emitter->Emit(event).status();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(without([](auto& e) { e.set_schema_version(2); }), StatusIs(kInvalid));
  EXPECT_THAT(without([](auto& e) { e.mutable_recorded()->clear_at(); }), StatusIs(kInvalid));
  EXPECT_THAT(without([](auto& e) { e.clear_outcome(); }), StatusIs(kInvalid));
  EXPECT_THAT(without([](auto& e) { e.clear_agent(); }), StatusIs(kInvalid));
  EXPECT_THAT(without([](auto& e) { e.mutable_source()->mutable_observer()->Clear(); }),
              StatusIs(kInvalid, HasSubstr("source.observer")));
  EXPECT_EQ(emitter->counters().not_taken, 5u);
  ASSERT_OK(emitter->Emit(NewEvent(2)));
  ASSERT_OK(emitter->Drain(kPatience));
  EXPECT_THAT(Kinds(), ElementsAre("event", "event"));  // the caller has them still: no outage
  options_.source.Clear();
  EXPECT_THAT(Start(), StatusIs(kInvalid));
}

TEST_F(EmitterTest, AFullDiskFailsTheCallerAndIsDeclared) {
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  ASSERT_OK(emitter->Emit(NewEvent(1)));
  ASSERT_OK(emitter->Drain(kPatience));
  FillDisk();
  full_ = true;
  const uint64_t from = world_.clock.WallMicros();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(emitter->Emit(NewEvent(2)), StatusIs(absl::StatusCode::kResourceExhausted));
    world_.clock.Advance(1'000'000);
  }
  full_ = false;
  ASSERT_OK(emitter->Emit(NewEvent(3)));
  ASSERT_OK(emitter->Drain(kPatience));
  EXPECT_THAT(Kinds(), ElementsAre("event", "outage", "event"));
  const v1::AuditEvent outage = ledger_.log()[1];
  EXPECT_EQ(outage.entity(0).record_count(), 3u);
  EXPECT_EQ(outage.occurred_start().at().seconds(), static_cast<int64_t>(from / 1'000'000));
  EXPECT_EQ(outage.occurred_end().at().seconds(), static_cast<int64_t>(from / 1'000'000 + 2));
  EXPECT_THAT(outage.outcome().description(), HasSubstr("write /spool/events-"));
  EXPECT_EQ(emitter->counters().not_taken, 3u);
}

TEST_F(EmitterTest, AFullSpoolFailsAtOnceOrBlocksAsLongAsItWasTold) {
  options_.spool.max_bytes = kLeastSpoolBytes;
  v1::AuditEvent large = NewEvent(1);
  large.mutable_entity(0)->set_query(std::string(32'000, 'q'));
  down_ = true;
  {
    ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
    absl::Status status;
    while (status.ok()) status = emitter->Emit(large).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("is full")));
    EXPECT_GT(emitter->counters().spool_bytes, kLeastSpoolBytes - 40'000);
  }
  options_.when_full = WhenFull::kBlock;
  options_.block_for = std::chrono::milliseconds(0);
  ASSERT_OK_AND_ASSIGN(auto emitter, Start());
  EXPECT_THAT(emitter->Emit(large), StatusIs(absl::StatusCode::kResourceExhausted));
  emitter.reset();
  options_.block_for = std::chrono::seconds(60);
  ASSERT_OK_AND_ASSIGN(emitter, Start());
  std::thread waiting([&] { EXPECT_OK(emitter->Emit(large)); });
  down_ = false;
  waiting.join();
  ASSERT_OK(emitter->Drain(kPatience));
}

TEST_F(EmitterTest, AnEventThatNobodyCanReadIsTheCallersAndStopsNothing) {
  ASSERT_OK_AND_ASSIGN(auto emitter, Start());
  v1::AuditEvent latin = NewEvent(1);
  latin.mutable_entity(0)->set_name("M\xfcller");
  EXPECT_THAT(emitter->Emit(latin), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(emitter->Emit(NewEvent(2)));
  ASSERT_OK(emitter->Drain(kPatience));
  EXPECT_THAT(Kinds(), ElementsAre("event"));
  emitter.reset();
  options_.source.mutable_observer()->set_display("M\xfcller");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("source: ")));
}

TEST_F(EmitterTest, WhatHadNoRoomIsDeclaredAtTheEndAndTheEndItself) {
  options_.spool.max_bytes = kLeastSpoolBytes;
  options_.declare_recording = true;
  options_.send.backoff.initial = options_.send.backoff.max = std::chrono::hours(1);
  down_ = true;
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  v1::AuditEvent large = NewEvent(1);
  large.mutable_entity(0)->set_query(std::string(32'000, 'q'));
  while (emitter->Emit(large).ok()) {
  }
  v1::AuditEvent small;
  small.add_agent()->set_name("a");
  small.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  while (emitter->Emit(small).ok()) {
  }
  Eventually([&] { return emitter->counters().sender.retries > 0; });  // and waits, long
  EXPECT_THAT(emitter->Drain(std::chrono::milliseconds(0)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("no room to declare")));
  down_ = false;
  ASSERT_OK(emitter->Drain(kPatience));
  const std::vector<std::string> kinds = Kinds();
  ASSERT_GE(kinds.size(), 3u);
  EXPECT_EQ(kinds[kinds.size() - 2], "outage");
  EXPECT_EQ(kinds.back(), "stopped");
  uint64_t declared = 0;
  for (const v1::AuditEvent& event : ledger_.log()) {
    if (KindOf(event) == "outage") declared += event.entity(0).record_count();
  }
  EXPECT_EQ(declared, emitter->counters().not_taken);
}

TEST_F(EmitterTest, WhatADiskHadNoRoomForIsDeclaredWithoutAnotherEvent) {
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  FillDisk();
  full_ = true;
  EXPECT_FALSE(emitter->Emit(NewEvent(1)).ok());
  full_ = false;
  Eventually([&] { return Kinds().size() == 1; });
  EXPECT_THAT(Kinds(), ElementsAre("outage"));
}

TEST_F(EmitterTest, ADiskThatFailsStopsItAndTellsEverybody) {
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  ASSERT_OK(emitter->Emit(NewEvent(1)));
  ASSERT_OK(emitter->Drain(kPatience));
  system_.disk().SetScript([](const FaultDisk::Call& call) {
    FaultDisk::Fault fault;
    if (call.op == FaultDisk::Op::kSync) fault.what = FaultDisk::Fault::What::kAbsent;
    return fault;
  });
  EXPECT_THAT(emitter->Emit(NewEvent(2)), StatusIs(absl::StatusCode::kUnknown));
  system_.disk().SetScript(nullptr);
  EXPECT_THAT(emitter->Emit(NewEvent(3)),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("has stopped")));
  EXPECT_THAT(emitter->counters().spool, StatusIs(absl::StatusCode::kUnknown));
  EXPECT_THAT(emitter->Drain(kPatience), StatusIs(absl::StatusCode::kUnknown));
}

TEST_F(EmitterTest, StartEndAndSilenceAreEvents) {
  options_.declare_recording = true;
  options_.heartbeat = std::chrono::seconds(60);
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  Eventually([&] { return Kinds().size() == 1; });
  world_.clock.Advance(59'000'000);
  ASSERT_OK(emitter->Emit(NewEvent(1)));  // as good as a heartbeat
  world_.clock.Advance(59'000'000);
  Eventually([&] { return Kinds().size() == 2; });
  world_.clock.Advance(1'000'000);
  Eventually([&] { return Kinds().size() == 3; });
  // While something waits none is added to it.
  down_ = true;
  ASSERT_OK(emitter->Emit(NewEvent(2)));
  const uint64_t before = emitter->counters().sender.retries;
  world_.clock.Advance(600'000'000);
  Eventually([&] { return emitter->counters().sender.retries > before + 3; });
  EXPECT_EQ(emitter->counters().spool_events, 1u);
  down_ = false;
  Eventually([&] { return Kinds().size() == 5; });
  ASSERT_OK(emitter->Drain(kPatience));
  EXPECT_THAT(Kinds(),
              ElementsAre("started", "event", "heartbeat", "event", "heartbeat", "stopped"));
}

TEST_F(EmitterTest, WhatAPowerCutToreIsDeclared) {
  options_.spool.sync = SpoolSync::kGroups;
  options_.spool.sync_interval = std::chrono::hours(1);
  down_ = true;
  {
    ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
    ASSERT_OK(emitter->Emit(NewEvent(1)));
    Eventually([&] { return emitter->counters().sender.retries > 0; });  // it is synced
    system_.disk().SetScript([](const FaultDisk::Call& call) {
      FaultDisk::Fault fault;
      if (call.op != FaultDisk::Op::kWrite) return fault;
      fault.what = FaultDisk::Fault::What::kTorn;
      fault.bytes = call.bytes / 2;
      fault.crash = true;
      return fault;
    });
    EXPECT_FALSE(emitter->Emit(NewEvent(2)).ok());
  }
  system_.disk().Restart(Survival::kAll);
  down_ = false;
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  ASSERT_OK(emitter->Drain(kPatience));
  EXPECT_THAT(Kinds(), ElementsAre("event", "outage"));
  EXPECT_THAT(ledger_.log()[1].outcome().description(), HasSubstr("the machine stopped while"));
}

TEST_F(EmitterTest, AnOutageOfTheCallersOwnIsDeclaredToo) {
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  const uint64_t now = world_.clock.WallMicros();
  ASSERT_OK(emitter->DeclareOutage({now - 60'000'000, now, 0, "auditing was switched off"}));
  ASSERT_OK(emitter->Drain(kPatience));
  EXPECT_THAT(Kinds(), ElementsAre("outage"));
}

TEST_F(EmitterTest, WhatIsRefusedIsCountedAndShown) {
  ledger_.judge = [](const v1::AuditEvent&) {
    return ServerError(absl::StatusCode::kInvalidArgument, "MALFORMED_EVENT");
  };
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  ASSERT_OK(emitter->Emit(NewEvent(1)));
  ASSERT_OK(emitter->Drain(kPatience));
  EXPECT_EQ(emitter->counters().refused_kept, 1u);
  ASSERT_EQ(emitter->Refused()->size(), 1u);
  ASSERT_OK(emitter->TakeRefused(emitter->Refused()->back().number));
  EXPECT_EQ(emitter->counters().refused_kept, 0u);
}

TEST_F(EmitterTest, AClockThatIsSetBackChangesNoOrder) {
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  ASSERT_OK(emitter->Emit(NewEvent(1)));
  world_.clock.SetWall(1'000'000);  // 1970
  ASSERT_OK(emitter->Emit(NewEvent(2)));
  world_.clock.SetWall(4'000'000'000'000'000);
  ASSERT_OK(emitter->Emit(NewEvent(3)));
  ASSERT_OK(emitter->Drain(kPatience));
  const auto log = ledger_.log();
  ASSERT_EQ(log.size(), 3u);
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(log[i].source().stream_sequence(), i + 1);
  EXPECT_EQ(emitter->counters().oldest_unsent_age_us, 0u);
}

TEST_F(EmitterTest, ManyThreadsEmitInGroups) {
  options_.spool.sync = SpoolSync::kGroups;
  ASSERT_OK_AND_ASSIGN(const auto emitter, Start());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (uint64_t i = 0; i < 100; ++i) EXPECT_OK(emitter->Emit(NewEvent(i)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_OK(emitter->Drain(kPatience));
  const auto log = ledger_.log();
  ASSERT_EQ(log.size(), 400u);
  for (uint64_t i = 0; i < 400; ++i) EXPECT_EQ(log[i].source().stream_sequence(), i + 1);
}

}  // namespace
}  // namespace auditledger
