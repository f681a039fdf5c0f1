#include "api/client/emit_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/match.h"
#include "api/client/rpc_error.h"
#include "tests/api/client/fake_transport.h"
#include "tests/api/client/spool_fixture.h"
#include "tests/testing/seed.h"

namespace auditledger {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::FakeTransport;
using testing::FaultDisk;
using ::testing::HasSubstr;
using testing::NewEvent;
using testing::ServerError;
using testing::SharedSpoolKey;
using testing::SpoolFaultSystem;
using testing::StatusIs;
using testing::Survival;
using testing::TestWorld;

class EmitSenderTest : public ::testing::Test {
 protected:
  EmitSenderTest() {
    spool_options_.folder = "/spool";
    spool_options_.stream = "ehr-1";
    options_.on_receipt = [this](const SpooledEvent& spooled, const v1::Receipt&) {
      receipts_.push_back(spooled.sequence);
    };
    options_.on_refused = [this](const SpooledEvent& spooled, const absl::Status& why) {
      refused_.push_back({spooled.sequence, why});
    };
  }
  void SetUp() override { Start(); }
  void Start() {
    sender_.reset();
    store_.reset();
    spool_.reset();
    ASSERT_OK_AND_ASSIGN(spool_, Spool::Open(world_.On(system_), SharedSpoolKey(), spool_options_));
    ASSERT_OK_AND_ASSIGN(store_, SettledStore::Open(*spool_, keep_));
    sender_ = std::make_unique<EmitSender>(*spool_, *store_, transport_, options_);
  }
  // A power cut.
  void Restart() {
    sender_.reset();
    store_.reset();
    spool_.reset();
    system_.disk().Restart(Survival::kSynced);
    Start();
  }
  void Spooled(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) ASSERT_OK(spool_->Append(NewEvent(i)));
  }
  EmitSender::Round Step() {
    EmitSender::Round round = sender_->Step();
    EXPECT_OK(round.stopped);
    return round;
  }
  // Rounds until nothing waits.
  void SendAll() {
    for (int i = 0; i < 1000; ++i) {
      const EmitSender::Round round = Step();
      if (round.idle) return;
      world_.clock.Advance(static_cast<uint64_t>(round.wait.count()));
    }
    FAIL() << "after 1,000 rounds " << spool_->depth() << " wait";
  }
  // Each event once, none missing.
  void ExpectWhole(uint64_t count) {
    const std::vector<v1::AuditEvent> log = transport_.log();
    ASSERT_EQ(log.size(), count);
    for (uint64_t i = 0; i < count; ++i) EXPECT_EQ(log[i].source().stream_sequence(), i + 1);
  }

  TestWorld world_;
  SpoolFaultSystem system_;
  FakeTransport transport_;
  SpoolOptions spool_options_;
  SettledStoreOptions keep_;
  EmitSenderOptions options_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<SettledStore> store_;
  std::unique_ptr<EmitSender> sender_;
  std::vector<uint64_t> receipts_;
  std::vector<std::pair<uint64_t, absl::Status>> refused_;
};

TEST_F(EmitSenderTest, SendsInOrderAndLetsGo) {
  options_.batch_events = 4;
  Start();
  EXPECT_TRUE(Step().idle);
  EXPECT_EQ(Step().wait, microseconds::max());
  Spooled(10);
  for (int i = 0; i < 3; ++i) {
    const EmitSender::Round round = Step();
    EXPECT_FALSE(round.idle);
    EXPECT_EQ(round.wait, microseconds(0));
  }
  EXPECT_TRUE(Step().idle);
  ExpectWhole(10);
  EXPECT_EQ(receipts_, (std::vector<uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(spool_->depth(), 0u);
  EXPECT_EQ(spool_->head(), "head of 10");
  const SenderCounters counters = sender_->counters();
  EXPECT_EQ(counters.settled, 10u);
  EXPECT_EQ(counters.receipts, 10u);
  EXPECT_EQ(counters.retries, 0u);
  EXPECT_EQ(counters.oldest_unsent_us, 0u);
}

TEST_F(EmitSenderTest, WaitsLongerAfterEachFailureAtRandomAndShortAgainWhenItGoesOn) {
  Spooled(2);
  transport_.fate = [] { return std::make_pair(size_t{0}, absl::UnavailableError("down")); };
  std::vector<microseconds> waits;
  for (int i = 0; i < 40; ++i) waits.push_back(Step().wait);
  EXPECT_LE(waits[0], milliseconds(100));
  EXPECT_LE(waits[3], milliseconds(800));
  microseconds longest{0};
  for (const microseconds wait : waits) longest = std::max(longest, wait);
  EXPECT_LE(longest, milliseconds(30000));
  EXPECT_GT(longest, milliseconds(15000));
  EXPECT_NE(waits[38], waits[39]);
  SenderCounters counters = sender_->counters();
  EXPECT_EQ(counters.retries, 40u);
  EXPECT_THAT(counters.last_error, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("down")));
  EXPECT_EQ(counters.oldest_unsent_us, world_.clock.WallMicros());
  // One of two gets through.
  transport_.fate = [] { return std::make_pair(size_t{1}, absl::UnavailableError("down")); };
  EXPECT_LE(Step().wait, milliseconds(100));
  transport_.fate = nullptr;
  EXPECT_EQ(Step().wait, microseconds(0));
  ExpectWhole(2);
  EXPECT_OK(sender_->counters().last_error);
}

TEST_F(EmitSenderTest, AnAnswerThatWasLostIsAskedForAgainAndMakesNoSecondEntry) {
  Spooled(5);
  transport_.loses_answers = true;
  Step();
  EXPECT_EQ(spool_->depth(), 5u);
  Restart();
  transport_.loses_answers = false;
  SendAll();
  ExpectWhole(5);
  EXPECT_EQ(transport_.repeats(), 5u);
  EXPECT_EQ(sender_->counters().repeated, 5u);
}

TEST_F(EmitSenderTest, WhatTheLedgerNeverTakesIsKeptToldAndPassed) {
  Spooled(4);
  transport_.judge = [](const v1::AuditEvent& event) {
    switch (event.source().stream_sequence()) {
      case 2:
        return ServerError(absl::StatusCode::kInvalidArgument, "MALFORMED_EVENT");
      case 3:
        return ServerError(absl::StatusCode::kAlreadyExists, "EVENT_ID_CONFLICT");
      default:
        return absl::OkStatus();
    }
  };
  SendAll();
  EXPECT_EQ(receipts_, (std::vector<uint64_t>{1, 4}));
  ASSERT_EQ(refused_.size(), 2u);
  EXPECT_EQ(refused_[0].first, 2u);
  EXPECT_EQ(ErrorReason(refused_[1].second), "EVENT_ID_CONFLICT");
  EXPECT_EQ(sender_->counters().refused, 2u);
  Restart();
  EXPECT_EQ(store_->refused(), 2u);
  ASSERT_OK_AND_ASSIGN(const auto kept, store_->RefusedEvents());
  EXPECT_EQ(kept[0].event.source().stream_sequence(), 2u);
  EXPECT_THAT(kept[0].why, HasSubstr("MALFORMED_EVENT"));
}

TEST_F(EmitSenderTest, AnEventThatIsAheadByOneClockOnlyWaitsForTheOther) {
  const auto ahead = [](const v1::AuditEvent& event) {
    return event.source().stream_sequence() == 2
               ? ServerError(absl::StatusCode::kInvalidArgument, "EVENT_AHEAD")
               : absl::OkStatus();
  };
  const auto append = [&](int64_t seconds) {
    v1::AuditEvent event = NewEvent(1);
    const auto now = static_cast<int64_t>(world_.clock.WallMicros() / 1'000'000);
    event.mutable_recorded()->mutable_at()->set_seconds(now + seconds);
    event.mutable_recorded()->mutable_at()->set_nanos(0);
    ASSERT_OK(spool_->Append(event));
  };
  transport_.judge = ahead;
  Spooled(1);
  append(24 * 3600);  // this machine sees no fault
  for (int i = 0; i < 3; ++i) Step();
  EXPECT_EQ(spool_->depth(), 1u);
  EXPECT_EQ(ErrorReason(sender_->counters().last_error), "EVENT_AHEAD");
  transport_.judge = nullptr;  // the ledger's clock was put right
  SendAll();
  ExpectWhole(2);
  EXPECT_TRUE(refused_.empty());
  transport_.judge = [](const v1::AuditEvent&) {
    return ServerError(absl::StatusCode::kInvalidArgument, "EVENT_AHEAD");
  };
  append(24 * 3600 + 1);
  SendAll();
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(store_->refused(), 1u);
}

TEST_F(EmitSenderTest, ACallThatIsRefusedForOneOfItsEventsFindsOutWhich) {
  Spooled(6);
  transport_.call = [](absl::Span<const v1::AuditEvent> events) {
    for (const v1::AuditEvent& event : events) {
      if (event.source().stream_sequence() == 4) {
        return ServerError(absl::StatusCode::kInvalidArgument, "MALFORMED_EVENT");
      }
    }
    return absl::OkStatus();
  };
  SendAll();
  EXPECT_EQ(receipts_, (std::vector<uint64_t>{1, 2, 3, 5, 6}));
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].first, 4u);
  Spooled(2);
  EXPECT_FALSE(Step().idle);  // together again
  EXPECT_TRUE(Step().idle);
}

TEST_F(EmitSenderTest, WithoutFileDescriptorsARoundFailsAndTheNextGoesOn) {
  Spooled(1);
  system_.disk().SetScript([](const FaultDisk::Call& call) {
    FaultDisk::Fault fault;
    if (call.op != FaultDisk::Op::kOpen) return fault;
    fault.what = FaultDisk::Fault::What::kAbsent;
    fault.error = EMFILE;
    return fault;
  });
  const EmitSender::Round round = Step();
  EXPECT_FALSE(round.idle);
  EXPECT_THAT(sender_->counters().last_error, StatusIs(absl::StatusCode::kResourceExhausted));
  system_.disk().SetScript(nullptr);
  SendAll();
  ExpectWhole(1);
}

TEST_F(EmitSenderTest, AStoreThatFailsIsTold) {
  Spooled(1);
  transport_.judge = [](const v1::AuditEvent&) {
    return ServerError(absl::StatusCode::kInvalidArgument, "MALFORMED_EVENT");
  };
  system_.disk().SetScript([](const FaultDisk::Call& call) {
    FaultDisk::Fault fault;
    if (absl::StrContains(call.path, "refused")) fault.what = FaultDisk::Fault::What::kAbsent;
    return fault;
  });
  EXPECT_THAT(sender_->Step().stopped,
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("/spool/refused has stopped")));
  EXPECT_OK(spool_->status());
}

TEST_F(EmitSenderTest, ALedgerMayAskForPatienceWithinBounds) {
  const auto hint = [](int64_t seconds, int32_t nanos) {
    google::rpc::Status details;
    google::rpc::RetryInfo info;
    info.mutable_retry_delay()->set_seconds(seconds);
    info.mutable_retry_delay()->set_nanos(nanos);
    details.add_details()->PackFrom(info);
    v1::Problem problem;
    problem.set_code(static_cast<int>(absl::StatusCode::kUnavailable));
    problem.set_status_details(details.SerializeAsString());
    std::mt19937_64 random;
    return RetryDelay(RetryPolicy{}, 1, FromProblem(problem), random);
  };
  EXPECT_EQ(hint(299, 0), milliseconds(299'000));
  EXPECT_EQ(hint(300, 0), kMaxRetryHint);
  EXPECT_EQ(hint(300, 1'000'000), kMaxRetryHint);
  EXPECT_EQ(hint(315'576'000'000, 0), kMaxRetryHint);
}

TEST_F(EmitSenderTest, AnErasedEventIsDoneAndTold) {
  Spooled(2);
  transport_.judge = [](const v1::AuditEvent& event) {
    return event.source().stream_sequence() == 1
               ? ServerError(absl::StatusCode::kFailedPrecondition, "EVENT_ERASED")
               : absl::OkStatus();
  };
  SendAll();
  EXPECT_EQ(receipts_, std::vector<uint64_t>{2});
  EXPECT_EQ(sender_->counters().settled, 2u);
  // Only the ledger says so.
  EXPECT_EQ(sender_->counters().erased, 1u);
  EXPECT_EQ(sender_->counters().refused, 0u);
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].first, 1u);
  ASSERT_OK_AND_ASSIGN(const auto kept, store_->RefusedEvents());
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_THAT(kept[0].why, HasSubstr("EVENT_ERASED"));
  EXPECT_EQ(kept[0].event.source().stream_sequence(), 1u);
  EXPECT_EQ(kept[0].event.agent_size(), 0);
}

TEST_F(EmitSenderTest, WhatIsNotTheEventsFaultKeepsIt) {
  const std::vector<std::pair<absl::StatusCode, std::string>> errors = {
      {absl::StatusCode::kPermissionDenied, "NOT_PERMITTED"},
      {absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED"},
      {absl::StatusCode::kFailedPrecondition, "LEDGER_READ_ONLY"},
      {absl::StatusCode::kFailedPrecondition, "LEDGER_FROZEN"},
      {absl::StatusCode::kNotFound, "LEDGER_NOT_FOUND"},
      {absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"},
      {absl::StatusCode::kInternal, "SOMETHING_NEW"}};
  Spooled(3);
  for (const auto& [code, reason] : errors) {
    transport_.judge = [&, c = code, r = reason](const v1::AuditEvent& event) {
      return event.source().stream_sequence() == 2 ? ServerError(c, r) : absl::OkStatus();
    };
    Step();
    EXPECT_EQ(spool_->depth(), 2u) << reason;  // 3 waits for 2
    EXPECT_EQ(ErrorReason(sender_->counters().last_error), reason);
  }
  EXPECT_EQ(sender_->counters().not_proven, 0u);
  transport_.judge = nullptr;
  SendAll();
  EXPECT_EQ(transport_.log().size(), 3u);
}

TEST_F(EmitSenderTest, AReceiptThatProvesNothingIsNone) {
  Spooled(1);
  transport_.judge = [](const v1::AuditEvent&) {
    return absl::DataLossError("the leaf is not in the tree");
  };
  Step();
  EXPECT_EQ(spool_->depth(), 1u);
  EXPECT_EQ(sender_->counters().not_proven, 1u);
}

TEST_F(EmitSenderTest, AHeadThatDoesNotFollowSettlesNothing) {
  Spooled(2);
  Step();
  Spooled(1);
  std::vector<std::pair<std::string, std::string>> asked;
  transport_.follow = [&](const std::string& last,
                          const std::string& note) -> absl::StatusOr<std::string> {
    asked.push_back({last, note});
    return absl::DataLossError("not of one history");
  };
  Step();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].first, "head of 2");
  EXPECT_EQ(asked[0].second, "head of 3");
  EXPECT_EQ(spool_->depth(), 1u);
  EXPECT_EQ(spool_->head(), "head of 2");
  EXPECT_EQ(sender_->counters().not_proven, 1u);
  Restart();
  EXPECT_EQ(spool_->head(), "head of 2");  // what it is compared with survives
}

TEST_F(EmitSenderTest, ReceiptsWaitForWitnessesOverARestart) {
  keep_.receipts = KeepReceipts::kUntilWitnessed;
  Start();
  Spooled(3);
  SendAll();
  EXPECT_EQ(store_->receipts(), 3u);
  Restart();
  EXPECT_EQ(store_->receipts(), 3u);
  EXPECT_TRUE(Step().idle);
  EXPECT_EQ(store_->receipts(), 3u);
  EXPECT_THAT(sender_->counters().last_error, StatusIs(absl::StatusCode::kUnavailable));
  uint64_t looks = 0;
  transport_.witnessed = [&]() -> absl::StatusOr<WitnessedHead> {
    ++looks;
    return WitnessedHead{"witnessed", 2};
  };
  EXPECT_LE(Step().wait, milliseconds(1000));  // too soon to look again
  EXPECT_EQ(looks, 0u);
  world_.clock.Advance(1'000'000);
  Step();
  EXPECT_EQ(looks, 1u);
  EXPECT_EQ(store_->receipts(), 1u);
  EXPECT_EQ(spool_->head(), "witnessed");
  transport_.follow = [](const std::string&, const std::string&) -> absl::StatusOr<std::string> {
    return absl::DataLossError("a fork");
  };
  world_.clock.Advance(1'000'000);
  Step();
  EXPECT_EQ(store_->receipts(), 1u);  // no head of a fork lets them go
  EXPECT_EQ(sender_->counters().not_proven, 1u);
}

TEST_F(EmitSenderTest, WithoutRoomForReceiptsNothingIsLetGo) {
  keep_.receipts = KeepReceipts::kUntilWitnessed;
  keep_.max_receipt_bytes = 4000;
  Start();
  Spooled(30);
  for (int i = 0; i < 5; ++i) Step();
  const uint64_t waiting = spool_->depth();
  EXPECT_GT(waiting, 10u);
  EXPECT_THAT(sender_->counters().last_error, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(store_->receipts() + waiting, 30u);
}

TEST_F(EmitSenderTest, AStoppedSpoolEndsIt) {
  Spooled(1);
  system_.disk().SetScript([](const FaultDisk::Call& call) {
    FaultDisk::Fault fault;
    if (call.op == FaultDisk::Op::kRead) fault.what = FaultDisk::Fault::What::kAbsent;
    return fault;
  });
  EXPECT_THAT(sender_->Step().stopped, StatusIs(absl::StatusCode::kDataLoss));
}

// Lives of emitter and ledger: connections cut after any number of answers, answers lost, processes
// killed and power cut at any call to the disk. What was accepted is in the ledger, once, in order.
TEST_F(EmitSenderTest, WhateverIsCutEachEventIsInTheLedgerOnce) {
  const uint64_t seed = testing::TestSeed();
  std::mt19937_64 dice(seed);
  std::map<std::string, uint64_t> accepted;
  for (int life = 0; life < 200; ++life) {
    uint64_t calls = 0;
    const uint64_t deadly = dice() % 150;
    system_.disk().SetScript([&](const FaultDisk::Call&) {
      FaultDisk::Fault fault;
      fault.crash = calls++ == deadly;
      if (fault.crash) fault.what = FaultDisk::Fault::What::kAbsent;
      return fault;
    });
    transport_.fate = [&] {
      return std::make_pair(static_cast<size_t>(dice() % 6),
                            absl::Status(absl::UnavailableError("cut")));
    };
    for (int i = 0; i < 12; ++i) {
      const auto emitted = spool_->Append(NewEvent(dice() % 9));
      if (emitted.ok()) accepted[emitted->event_id] = emitted->sequence;
      transport_.loses_answers = dice() % 4 == 0;
      if (!sender_->Step().stopped.ok()) break;
    }
    sender_.reset();
    store_.reset();
    spool_.reset();
    const Survival survivals[] = {Survival::kAll, Survival::kSynced, Survival::kPrefix,
                                  Survival::kScattered};
    system_.disk().Restart(survivals[dice() % 4], dice());
    ASSERT_NO_FATAL_FAILURE(Start()) << "life " << life;
  }
  transport_.fate = nullptr;
  transport_.loses_answers = false;
  SendAll();
  std::map<std::string, int> recorded;
  uint64_t next = 1;
  for (const v1::AuditEvent& event : transport_.log()) {
    ++recorded[event.event_id()];
    EXPECT_EQ(event.source().stream_sequence(), next++);
  }
  for (const auto& [id, sequence] : accepted) EXPECT_EQ(recorded[id], 1) << sequence;
  EXPECT_GE(accepted.size(), 500u);
  EXPECT_EQ(refused_.size(), 0u);
}

}  // namespace
}  // namespace auditledger
