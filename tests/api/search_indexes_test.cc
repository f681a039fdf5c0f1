// The indexes of many ledgers: each its own, found when a ledger is made, kept by the thread.
#include "api/search/search_indexes.h"

#include <gmock/gmock.h>

#include <map>

#include "tests/api/api_fixture.h"
#include "tests/api/searchable_ledger.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

class SearchableSet : public LedgerSet {
 public:
  testing::SearchableLedger& Add(const std::string& id) {
    return *(ledgers_[id] = std::make_unique<testing::SearchableLedger>());
  }
  absl::StatusOr<Ledger*> Create(absl::string_view, absl::string_view,
                                 const Predecessor&) override {
    return absl::UnimplementedError("a test's");
  }
  absl::StatusOr<Ledger*> Find(absl::string_view id) override {
    return ledgers_.at(std::string(id)).get();
  }
  std::vector<Slot> List() override {
    std::vector<Slot> out = {{"broken", "", nullptr, absl::DataLossError("refused")}};
    for (const auto& [id, ledger] : ledgers_) out.push_back({id, "", ledger.get(), {}});
    return out;
  }
  void Drain() override {}

 private:
  std::map<std::string, std::unique_ptr<testing::SearchableLedger>> ledgers_;
};

class SearchIndexesTest : public ::testing::Test {
 protected:
  SearchIndexesTest() : log_(RpcLog::Open("debug", dir_ / "log").value()) {}
  SearchIndexes::Options Options() const {
    return {.dir = dir_ / "search", .interval = std::chrono::milliseconds(1), .batch_entries = 2};
  }

  testing::TempDir dir_;
  std::unique_ptr<RpcLog> log_;
  SearchableSet ledgers_;
};

TEST_F(SearchIndexesTest, ALedgerGetsOneBatchATurn) {
  testing::SearchableLedger& large = ledgers_.Add("large");
  for (int i = 0; i < 9; ++i) large.Add(v1::AuditEvent());
  ledgers_.Add("small").Add(v1::AuditEvent());
  SearchIndexes indexes(ledgers_, *log_, Options());
  EXPECT_EQ(indexes.Find(large), nullptr);
  EXPECT_TRUE(indexes.RunOnce());  // opens
  EXPECT_TRUE(indexes.RunOnce());
  auto report = indexes.Report();
  ASSERT_EQ(report.size(), 2u) << "a refused ledger has none";
  EXPECT_EQ(report[0].ledger_id, "large");
  EXPECT_EQ(report[0].size, 2u);
  EXPECT_EQ(report[1].size, 1u) << "it does not wait for the other";
  ledgers_.Add("later").Add(v1::AuditEvent());
  while (indexes.RunOnce()) continue;
  report = indexes.Report();
  ASSERT_EQ(report.size(), 3u);
  for (const auto& one : report) EXPECT_EQ(one.lag_entries, 0u) << one.ledger_id;
}

TEST_F(SearchIndexesTest, TheThreadFollowsAndStops) {
  testing::SearchableLedger& ledger = ledgers_.Add("main");
  for (int i = 0; i < 5; ++i) ledger.Add(v1::AuditEvent());
  SearchIndexes indexes(ledgers_, *log_, Options());
  indexes.Start();
  EXPECT_TRUE(testing::Eventually([&] {
    const auto report = indexes.Report();
    return !report.empty() && report[0].size == 5;
  }));
  indexes.Stop();
  indexes.Stop();
}

TEST_F(SearchIndexesTest, AFolderThatCannotBeMadeFailsAndNothingElse) {
  ledgers_.Add("main").Add(v1::AuditEvent());
  SearchIndexes::Options options = Options();
  options.dir = dir_ / "absent/search";
  SearchIndexes indexes(ledgers_, *log_, options);
  EXPECT_FALSE(indexes.RunOnce());
  EXPECT_TRUE(indexes.Report()[0].failing);
}

}  // namespace
}  // namespace auditledger
