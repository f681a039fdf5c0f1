#include "api/tile_publisher.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "tests/api/api_fixture.h"
#include "tests/api/log_ledger.h"

namespace auditledger {
namespace {

using testing::FileText;
using ::testing::HasSubstr;
using testing::LogLedger;
using testing::TestLog;

class TilePublisherTest : public ::testing::Test {
 protected:
  // As a process that starts anew.
  void Restart(uint64_t max_entries_per_turn = kMaxEntriesPerTurn) {
    publisher_.reset();
    log_ = RpcLog::Open("debug", dir_ / "log").value();
    publisher_ = std::make_unique<TilePublisher>(
        ledgers_, *log_,
        TilePublisher::Options{.root = root_, .max_entries_per_turn = max_entries_per_turn});
  }
  TilePublisher::Published Of(const std::string& id) {
    for (const auto& published : publisher_->Report()) {
      if (published.ledger_id == id) return published;
    }
    return {};
  }
  std::string Checkpoint(const std::string& id) {
    return FileText(root_ + "/" + id + "/checkpoint");
  }

  testing::TempDir dir_;
  const std::string root_ = dir_ / "public";
  testing::LogLedgerSet ledgers_;
  LogLedger& main_ = ledgers_.Add("main");
  std::unique_ptr<RpcLog> log_;
  std::unique_ptr<TilePublisher> publisher_;
};

TEST_F(TilePublisherTest, FollowsEachLedgersHeadAcrossRestarts) {
  TestLog::Options options;
  options.origin = "ledger.test/other";
  options.key = 2;
  LogLedger& other = ledgers_.Add("other", options);
  main_.log.AddEvents(600);
  other.log.AddEvents(5);
  for (const uint64_t shown : {1, 255, 256, 257, 600}) {
    Restart();
    main_.shown = shown;
    other.shown = std::min<uint64_t>(shown, 6);
    EXPECT_FALSE(publisher_->RunOnce());
    EXPECT_EQ(Checkpoint("main"), main_.log.CheckpointAt(shown));
    EXPECT_EQ(Of("main").size, shown);
    EXPECT_EQ(Of("main").lag, 0u);
    EXPECT_FALSE(Of("main").failing);
    TileFolderReader reader(root_ + "/main");
    TileNodeReader nodes(reader, shown);
    ASSERT_OK_AND_ASSIGN(const Hash root, RootAt(shown, nodes));
    EXPECT_EQ(root, main_.log.RootAt(shown));
    EXPECT_EQ(Checkpoint("other"), other.log.CheckpointAt(other.shown));
  }
}

TEST_F(TilePublisherTest, ALongPastTakesTurnsAndShowsNoHeadBefore) {
  LogLedger& quick = ledgers_.Add("quick");
  main_.log.AddEvents(600);
  main_.shown = 601;
  Restart(250);
  EXPECT_TRUE(publisher_->RunOnce());
  EXPECT_EQ(Checkpoint("main"), "");
  EXPECT_EQ(Of("main").lag, 601u);
  EXPECT_EQ(Checkpoint("quick"), quick.log.CheckpointAt(1)) << "it did not wait";
  EXPECT_TRUE(publisher_->RunOnce());
  EXPECT_FALSE(publisher_->RunOnce());
  EXPECT_EQ(Checkpoint("main"), main_.log.CheckpointAt(601));
  EXPECT_EQ(Of("main").lag, 0u);
}

TEST_F(TilePublisherTest, AHeadThatWitnessesCosignMeanwhileIsPublishedAgain) {
  main_.log.AddEvents(300);
  main_.shown = 301;
  Restart();
  publisher_->RunOnce();
  const auto written = std::filesystem::last_write_time(root_ + "/main/checkpoint");
  publisher_->RunOnce();
  EXPECT_EQ(std::filesystem::last_write_time(root_ + "/main/checkpoint"), written) << "no news";
  main_.more = FormatNoteSignature({"witness.example", 7, std::string(72, 'c')});
  publisher_->RunOnce();
  EXPECT_EQ(Checkpoint("main"), main_.log.CheckpointAt(301) + main_.more);
  EXPECT_FALSE(Of("main").failing);
}

TEST_F(TilePublisherTest, ALedgerMadeLaterIsFound) {
  Restart();
  publisher_->RunOnce();
  const LogLedger& late = ledgers_.Add("late");
  publisher_->RunOnce();
  EXPECT_EQ(Checkpoint("late"), late.head()->checkpoint);
}

TEST_F(TilePublisherTest, AFolderOfAnotherLogIsLeftAlone) {
  Restart();
  publisher_->RunOnce();
  const std::string before = Checkpoint("main");
  TestLog::Options options;
  options.origin = "ledger.test/stranger";
  ledgers_.Add("main", options).shown = 1;
  Restart();
  publisher_->RunOnce();
  EXPECT_EQ(Checkpoint("main"), before);
  EXPECT_TRUE(Of("main").failing);
  EXPECT_THAT(FileText(dir_ / "log"), HasSubstr("is the folder of another log"));
}

TEST_F(TilePublisherTest, AFolderAheadOfTheLedgerOrOnAnotherBranchIsRefusedAndLoggedOnce) {
  main_.log.AddEvents(9);
  main_.shown = 10;
  Restart();
  publisher_->RunOnce();
  const std::string before = Checkpoint("main");

  main_.shown = 7;  // rolled back
  Restart();
  for (int i = 0; i < 3; ++i) publisher_->RunOnce();
  EXPECT_EQ(Checkpoint("main"), before);
  EXPECT_TRUE(Of("main").failing);
  const std::string said = FileText(dir_ / "log");
  EXPECT_THAT(said, HasSubstr("the ledger lost what it had published"));
  EXPECT_EQ(said.find("publish_failed"), said.rfind("publish_failed"));

  LogLedger& forked = ledgers_.Add("main");
  forked.log.AddSystem(EntryKind::kClock, "another past");
  forked.log.AddEvents(20);
  forked.shown = 22;
  Restart();
  publisher_->RunOnce();
  EXPECT_EQ(Checkpoint("main"), before);
  EXPECT_THAT(FileText(dir_ / "log"), HasSubstr("does not extend the head published there"));
}

TEST_F(TilePublisherTest, GoesOnByItselfWhenWhatFailedIsMended) {
  main_.log.AddEvents(300);
  main_.shown = 301;
  main_.missing = 280;
  Restart();
  publisher_->RunOnce();
  EXPECT_TRUE(Of("main").failing);
  EXPECT_EQ(Of("main").lag, 301u);
  main_.missing = UINT64_MAX;
  publisher_->RunOnce();
  EXPECT_EQ(Checkpoint("main"), main_.log.CheckpointAt(301));
  EXPECT_FALSE(Of("main").failing);
  EXPECT_THAT(FileText(dir_ / "log"), HasSubstr("publish_resumed"));
}

TEST_F(TilePublisherTest, AThreadOfItsOwnPublishesAndStopPublishesTheLastHead) {
  main_.log.AddEvents(3);
  Restart();
  publisher_->Start();
  EXPECT_TRUE(testing::Eventually([&] { return Of("main").size == 1; }));
  publisher_->Stop();
  publisher_->Stop();
  EXPECT_EQ(Of("main").size, 1u);
}

TEST(TilePublisherServerTest, MetricsShowWhatIsPublishedAndHealthDoesNotMind) {
  testing::TempDir dir;
  testing::LogLedgerSet ledgers;
  LogLedger& main = ledgers.Add("main");
  main.log.AddEvents(3);
  main.shown = 4;
  testing::ServerUnderTest server(ledgers, [&](config::v1::Config& config) {
    config.mutable_publish()->set_dir(dir / "public");
    config.mutable_publish()->set_listen("127.0.0.1:0");
  });
  const auto shows = [&](const std::string& line) {
    return testing::Eventually(
        [&] { return absl::StrContains(server.server().MetricsText(), line); });
  };
  EXPECT_TRUE(shows("auditledger_publish_size{ledger=\"main\"} 4"));
  EXPECT_TRUE(shows("auditledger_publish_lag_entries{ledger=\"main\"} 0"));
  EXPECT_TRUE(shows("auditledger_publish_failing{ledger=\"main\"} 0"));
  EXPECT_THAT(server.server().tiles_address(), ::testing::StartsWith("127.0.0.1:"));
  EXPECT_EQ(FileText(dir / "public/main/checkpoint"), main.log.CheckpointAt(4));
}

}  // namespace
}  // namespace auditledger
