// The service under a witness policy, on a real LedgerSet, with witnesses behind real HTTP: what
// WITNESSED promises, what happens while the quorum is away, and starts that are confirmed, wait or
// are refused.
//
// Covers: api/ack, api/witnessing, api/witness_metrics
#include <gmock/gmock.h>

#include <filesystem>
#include <map>

#include "api/client/channel.h"
#include "api/client/ledger_client.h"
#include "api/witness_policy.h"
#include "ledger/errors.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"
#include "tests/api/witnessing_fixture.h"

namespace auditledger {
namespace {

namespace fs = std::filesystem;
using testing::AppendRequest;
using testing::Detail;
using testing::Eventually;
using testing::GoodEvent;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::WitnessingTest;
using Stub = v1::LedgerService::Stub;

TEST_F(WitnessingTest, AWitnessedReceiptLiesUnderTheQuorumsHead) {
  Serve();
  const auto receipt = AppendWitnessed("a");
  ASSERT_OK(receipt);
  ExpectWitnessed(*receipt);
  const auto durable = AppendDurable("b");
  ASSERT_OK(durable);
  EXPECT_FALSE(durable->witnessed());
  const auto repeated = AppendWitnessed("b");
  ASSERT_OK(repeated);
  EXPECT_TRUE(repeated->repeated_event());
  EXPECT_EQ(repeated->index(), durable->index());
  ExpectWitnessed(*repeated);
}

TEST_F(WitnessingTest, BatchesAndStreamsAreWitnessedToo) {
  Serve();
  LedgerClientOptions options;
  options.ledger = "ledgers/main";
  options.log = PinnedLog{"test.example/log", ledger_->verifier()};
  options.ack = v1::ACK_LEVEL_WITNESSED;
  LedgerClient client(server_->channel(), std::move(options));
  std::vector<v1::AuditEvent> events;
  for (int i = 0; i < 100; ++i) {
    events.push_back(GoodEvent(absl::StrCat("s", i), static_cast<uint64_t>(i) + 1));
  }
  const auto batch = client.AppendBatch({events.data(), 40});
  ASSERT_OK(batch);
  for (const v1::Receipt& receipt : *batch) ExpectWitnessed(receipt);
  size_t answered = 0;
  ASSERT_OK(client.AppendStream(events, [&](size_t, const absl::StatusOr<v1::Receipt>& receipt) {
    ASSERT_OK(receipt);
    ExpectWitnessed(*receipt);
    ++answered;
  }));
  EXPECT_EQ(answered, events.size());
  v1::BatchAppendEventsRequest mixed;
  mixed.set_ledger("ledgers/main");
  *mixed.add_requests() = AppendRequest(GoodEvent("m"));
  mixed.mutable_requests(0)->set_ack(v1::ACK_LEVEL_WITNESSED);
  EXPECT_THAT(testing::FirstViolation(server_->Call(&Stub::BatchAppendEvents, mixed).status()),
              HasSubstr("requests[0].ack"));
}

TEST_F(WitnessingTest, OneWitnessMayBeAway) {
  Serve();
  Away(1);
  for (int i = 0; i < 5; ++i) {
    const auto receipt = AppendWitnessed(absl::StrCat("e", i));
    ASSERT_OK(receipt);
    ExpectWitnessed(*receipt);
  }
  witnesses_[0].SetDown(false);
  EXPECT_TRUE(Eventually([&] { return witnesses_[0].size() == ledger_->head()->head.size; }));
}

TEST_F(WitnessingTest, WithTwoAwayItFailsClosedAndDurableGoesOnAndSaysSo) {
  Serve([](config::v1::Witness& witness) { witness.set_ack_timeout_ms(300); });
  ASSERT_OK(AppendWitnessed("before"));
  Away(2);
  const absl::Status refused = AppendWitnessed("during").status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnavailable,
                                HasSubstr("the event is durable at index 2")));
  EXPECT_EQ(ErrorReason(refused), "WITNESSES_UNAVAILABLE");
  EXPECT_EQ(Detail<google::rpc::ErrorInfo>(refused).metadata().at("index"), "2");
  EXPECT_EQ(Detail<google::rpc::RetryInfo>(refused).retry_delay().seconds(), 1);
  const auto durable = AppendDurable("durable");
  ASSERT_OK(durable);
  EXPECT_FALSE(durable->witnessed());
  EXPECT_TRUE(Eventually([&] { return Status().witnessing().quorum_away(); }));
  EXPECT_EQ(Status().witnessing().lag_entries(), 2u);
  EXPECT_EQ(Status().state(), v1::Ledger::STATE_SERVING);
  const std::string w1 = R"({ledger="main",witness="w1"})";
  EXPECT_EQ(server_->Metric("auditledger_witnessed_quorum_away{ledger=\"main\"} "), 1);
  EXPECT_EQ(server_->Metric("auditledger_witnessed_size{ledger=\"main\"} "), 2);
  EXPECT_EQ(server_->Metric("auditledger_witnessed_lag_entries{ledger=\"main\"} "), 2);
  EXPECT_EQ(server_->Metric("auditledger_witnessed_f{ledger=\"main\"} "), 2);
  EXPECT_GT(server_->Metric("auditledger_witness_last_success_seconds" + w1 + " "), 1e9);
  EXPECT_GT(server_->Metric("auditledger_witness_failures_total"
                            R"({ledger="main",witness="w1",outcome="busy"} )"),
            0);
  EXPECT_TRUE(Eventually(
      [&] { return Logged(R"("name":"ledgers/main/witnesses","status":"NOT_SERVING")"); }));
  witnesses_[0].SetDown(false);
  EXPECT_TRUE(Eventually([&] { return AppendWitnessed("during").ok(); }))
      << "service is back without a restart, and the same event gets its receipt";
  ExpectWitnessed(*AppendWitnessed("during"));
  EXPECT_TRUE(Eventually([&] { return !Status().witnessing().quorum_away(); }));
}

TEST_F(WitnessingTest, ReadsCanAskForTheWitnessedHead) {
  Serve();
  ASSERT_OK(AppendWitnessed("a"));
  Away(2);
  ASSERT_OK(AppendDurable("b"));
  v1::GetCheckpointRequest request;
  request.set_ledger("ledgers/main");
  request.set_witnessed(true);
  const auto witnessed = server_->Call(&Stub::GetCheckpoint, request);
  ASSERT_OK(witnessed);
  ExpectQuorum(witnessed->checkpoint().note());
  EXPECT_EQ(ParseCheckpoint(ParseNote(witnessed->checkpoint().note())->text)->size, 2u);
  request.set_witnessed(false);
  EXPECT_EQ(ParseCheckpoint(
                ParseNote(server_->Call(&Stub::GetCheckpoint, request)->checkpoint().note())->text)
                ->size,
            3u);
  v1::GetEntryRequest entry;
  entry.set_name("ledgers/main/entries/1");
  entry.set_witnessed(true);
  EXPECT_EQ(server_->Call(&Stub::GetEntry, entry)->inclusion().tree_size(), 2u);
  entry.set_name("ledgers/main/entries/2");
  EXPECT_EQ(ErrorReason(server_->Call(&Stub::GetEntry, entry).status()), "INDEX_BEYOND_SIZE");
  v1::GetInclusionProofRequest inclusion;
  inclusion.set_ledger("ledgers/main");
  inclusion.set_witnessed(true);
  EXPECT_EQ(server_->Call(&Stub::GetInclusionProof, inclusion)->proof().tree_size(), 2u);
  v1::GetConsistencyProofRequest consistency;
  consistency.set_ledger("ledgers/main");
  consistency.set_old_size(1);
  consistency.set_witnessed(true);
  EXPECT_EQ(server_->Call(&Stub::GetConsistencyProof, consistency)->proof().new_size(), 2u);
}

TEST_F(WitnessingTest, WithoutAPolicyNobodyIsToldOtherwise) {
  Serve([](config::v1::Witness& witness) { witness.clear_policy_file(); });
  EXPECT_EQ(ErrorReason(AppendWitnessed("a").status()), "NO_WITNESS_POLICY");
  EXPECT_FALSE(AppendDurable("a")->witnessed());
  v1::GetCheckpointRequest request;
  request.set_ledger("ledgers/main");
  request.set_witnessed(true);
  EXPECT_EQ(ErrorReason(server_->Call(&Stub::GetCheckpoint, request).status()),
            "NO_WITNESS_POLICY");
  EXPECT_FALSE(Status().has_witnessing());
}

TEST_F(WitnessingTest, TheUnwitnessedLagIsBoundedAndAppendsResumeByThemselves) {
  Serve([](config::v1::Witness& witness) { witness.set_max_lag_entries(3); });
  ASSERT_OK(AppendWitnessed("a"));
  Away(2);
  absl::Status paused;
  int appended = 0;
  EXPECT_TRUE(Eventually([&] {
    paused = AppendDurable(absl::StrCat("lag", appended)).status();
    appended += paused.ok() ? 1 : 0;
    return !paused.ok();
  }));
  EXPECT_GE(appended, 4);
  EXPECT_EQ(ErrorReason(paused), "LEDGER_PAUSED");
  EXPECT_THAT(paused, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("unwitnessed lag of ")));
  EXPECT_EQ(Status().state(), v1::Ledger::STATE_PAUSED);
  witnesses_[0].SetDown(false);
  EXPECT_TRUE(Eventually([&] { return AppendDurable("after").ok(); }));
}

TEST_F(WitnessingTest, TheFolderOfTilesShowsTheWitnessedHead) {
  std::string published;
  Serve({}, [&](config::v1::Config& config) {
    published = Folder("public");
    config.mutable_publish()->set_dir(published);
    config.mutable_publish()->set_interval_ms(10);
  });
  ASSERT_OK(AppendWitnessed("a"));
  Away(2);
  ASSERT_OK(AppendDurable("b"));
  const std::string path = published + "/main/checkpoint";
  EXPECT_TRUE(Eventually([&] {
    const auto note = ParseNote(testing::FileText(path));
    return note.ok() && ParseCheckpoint(note->text)->size == 2 && note->signatures.size() >= 5;
  }));
  ExpectQuorum(testing::FileText(path));
}

TEST_F(WitnessingTest, AStartIsConfirmedByTheQuorumAndRemembersItsHead) {
  Serve();
  ASSERT_OK(AppendWitnessed("a"));
  ASSERT_OK(AppendWitnessed("b"));
  Restart();
  EXPECT_TRUE(Confirmed());
  // Written just after the ledger serves.
  EXPECT_TRUE(Eventually(
      [&] { return Logged(R"("event":"start_confirmed","ledger":"main","by":"the quorum")"); }));
  ASSERT_OK(AppendWitnessed("c"));
  Away(5);
  Restart();
  v1::GetCheckpointRequest request;
  request.set_ledger("ledgers/main");
  request.set_witnessed(true);
  const auto remembered = server_->Call(&Stub::GetCheckpoint, request);
  ASSERT_OK(remembered);
  ExpectQuorum(remembered->checkpoint().note());
}

TEST_F(WitnessingTest, AStartThatTooFewConfirmServesReadsUntilTheyDo) {
  Serve();
  ASSERT_OK(AppendWitnessed("a"));
  Away(2);
  Restart();
  const absl::Status refused = AppendDurable("b").status();
  EXPECT_EQ(ErrorReason(refused), "LEDGER_PAUSED");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnavailable,
                                HasSubstr("until the witnesses confirm this start")));
  EXPECT_EQ(Status().state(), v1::Ledger::STATE_PAUSED);
  EXPECT_FALSE(Status().witnessing().confirmed());
  v1::GetEntryRequest entry;
  entry.set_name("ledgers/main/entries/1");
  EXPECT_OK(server_->Call(&Stub::GetEntry, entry)) << "reads go on";
  witnesses_[0].SetDown(false);
  EXPECT_TRUE(Confirmed());
  EXPECT_OK(AppendWitnessed("b"));
}

// What rollback_test says only a witness can tell.
TEST_F(WitnessingTest, DataAndSignersMemoryRolledBackTogetherAreRefused) {
  Serve();
  ASSERT_OK(AppendWitnessed("a"));
  Stop();
  Save();
  Start();
  ASSERT_TRUE(Confirmed());
  ASSERT_OK(AppendWitnessed("b"));
  ASSERT_OK(AppendWitnessed("c"));
  Stop();
  PutBack();
  Start();
  EXPECT_TRUE(Eventually([&] { return Status().state() == v1::Ledger::STATE_REFUSED; }));
  EXPECT_THAT(Status().state_reason(), HasSubstr("rollback: size 4"));
  EXPECT_THAT(Status().state_reason(), HasSubstr("start a successor ledger"));
  EXPECT_EQ(ErrorReason(AppendDurable("d").status()), "LEDGER_REFUSED");
  EXPECT_TRUE(fs::exists(Folder("state") + "/main/witnessed/witnessed-4")) << "the evidence";
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(witnesses_[i].size(), 4u) << "and nothing was signed";
}

TEST_F(WitnessingTest, TheStoredWitnessedHeadRefusesARollbackThatNoWitnessIsThereToTell) {
  Serve();
  ASSERT_OK(AppendWitnessed("a"));
  Stop();
  Save();
  Start();
  ASSERT_TRUE(Confirmed());
  ASSERT_OK(AppendWitnessed("b"));
  Stop();
  fs::copy(Folder("state") + "/main/witnessed", Folder("kept"), fs::copy_options::recursive);
  PutBack();
  fs::remove_all(Folder("state") + "/main/witnessed");
  fs::copy(Folder("kept"), Folder("state") + "/main/witnessed", fs::copy_options::recursive);
  Away(5);
  Start();
  EXPECT_EQ(Status().state(), v1::Ledger::STATE_REFUSED);
}

TEST_F(WitnessingTest, AWitnessThatOnlySaysItIsAheadDoesNotRefuseAndDoesNotCount) {
  Serve();
  ASSERT_OK(AppendWitnessed("a"));
  Stop();
  for (size_t i = 0; i < 2; ++i) {
    witnesses_[i].SetLie([](const std::string&) {
      return std::optional<absl::StatusOr<HttpAnswer>>(
          HttpAnswer{409, std::string(kWitnessSizeType), "1000\n"});
    });
  }
  Start();
  EXPECT_TRUE(Eventually([&] { return Logged(R"("outcome":"ahead")"); }));
  EXPECT_EQ(Status().state(), v1::Ledger::STATE_PAUSED);
  witnesses_[0].SetLie({});
  EXPECT_TRUE(Confirmed());
}

TEST_F(WitnessingTest, AnOperatorMayVouchForTheStartUnlessAWitnessProvesMore) {
  Serve();
  ASSERT_OK(AppendWitnessed("a"));
  Stop();
  Away(5);
  OpenLedgers();
  Ledger* const ledger = ledgers_->Find("main").value();
  EXPECT_TRUE(ledger->held());
  Head stored = ledger->head()->head;
  Head wrong = stored;
  wrong.size += 1;
  EXPECT_THAT(ledger->Confirm(wrong), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(ledger->held());
  EXPECT_OK(ledger->Confirm(stored));
  EXPECT_FALSE(ledger->held());
  EXPECT_EQ(ledger->head()->head.size, stored.size + 1) << "it is recorded";
}

TEST_F(WitnessingTest, AWitnessThatSignsForAnotherHeadIsFoundOut) {
  Serve();
  ASSERT_OK(AppendWitnessed("a"));
  witnesses_[0].SetLie([&](const std::string&) {
    return std::optional<absl::StatusOr<HttpAnswer>>(HttpAnswer{
        200, "text/plain", witnesses_[0].Line("test.example/log\n1\nAAAA\n", 1'700'000'000)});
  });
  ASSERT_OK(AppendWitnessed("b")) << "four are enough";
  EXPECT_TRUE(Eventually([&] { return Logged(R"("outcome":"bad_answer")"); }));
}

TEST_F(WitnessingTest, ALedgerMadeLaterIsCosignedToo) {
  Serve();
  Ledger* const later = ledgers_->Create("later", "later.example/log").value();
  Away(5);
  v1::AppendEventRequest request = AppendRequest(GoodEvent("a"));
  request.set_ledger("ledgers/later");
  EXPECT_OK(server_->Call(&Stub::AppendEvent, request)) << "it has no past to be confirmed";
  Away(0);
  witnesses_.witnesses().Follow(later->verifier());
  request.set_ack(v1::ACK_LEVEL_WITNESSED);
  EXPECT_TRUE(Eventually([&] { return server_->Call(&Stub::AppendEvent, request).ok(); }));
}

TEST_F(WitnessingTest, APolicyOfOtherLogsRefusesTheLedgerAndNamesTheLine) {
  testing::TestLog other({.key = 9});
  std::ofstream(policy_file_, std::ios::trunc) << "log " << other.verifier().ToVkey() << "\n"
                                               << witnesses_.PolicyText();
  const std::string vkey = ledger_->verifier().ToVkey();
  Serve();
  EXPECT_EQ(Status().state(), v1::Ledger::STATE_REFUSED);
  EXPECT_THAT(Status().state_reason(), HasSubstr("add the line"));
}

TEST_F(WitnessingTest, StoppingAnswersWhoeverWaits) {
  Serve([](config::v1::Witness& witness) { witness.set_ack_timeout_ms(2000); });
  Away(5);
  std::thread caller([&] {
    EXPECT_THAT(AppendWitnessed("a").status(), StatusIs(absl::StatusCode::kUnavailable));
  });
  EXPECT_TRUE(Eventually([&] { return ledger_->head()->head.size == 2; }));
  server_->server().Drain();
  caller.join();
}

}  // namespace
}  // namespace auditledger
