// The index follows its log, survives whatever happens to either, and is the same as one that is
// made anew.
#include "api/search/search_indexer.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "absl/strings/str_cat.h"
#include "api/search/search_query.h"
#include "ledger/leveldb_engine.h"
#include "tests/api/searchable_ledger.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/seed.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::StatusIs;
using Found = std::vector<uint64_t>;
using D = SearchDimension;

v1::AuditEvent EventOf(const std::string& patient, const std::string& user = "u") {
  v1::AuditEvent event;
  event.add_patient()->set_reference(patient);
  event.add_agent()->mutable_who()->set_reference(user);
  return event;
}

class SearchIndexerTest : public ::testing::Test {
 protected:
  SearchIndexerTest() : log_(RpcLog::Open("debug", dir_ / "log").value()) {}
  std::unique_ptr<SearchIndexer> Make(const std::string& name = "index", bool rebuild = false) {
    return std::make_unique<SearchIndexer>(
        ledger_, *log_, SearchIndexer::Options{"main", dir_ / name, rebuild, /*batch_entries=*/3});
  }
  static void CatchUp(SearchIndexer& indexer) {
    for (int turns = 0; indexer.Turn(); ++turns) ASSERT_LT(turns, 10'000);
  }
  Found Find(const SearchIndexer& indexer, D dimension, const std::string& value) const {
    const auto reader = indexer.reader();
    EXPECT_OK(reader);
    if (!reader.ok()) return {};
    Found out;
    SearchWalk walk(**reader, {{indexer.key().Term(dimension, "", value)}},
                    {.begin = 0, .end = (*reader)->Position().value()});
    while (const std::optional<uint64_t> found = walk.Next().value()) out.push_back(*found);
    return out;
  }
  std::string Log() const {
    std::ifstream file(dir_ / "log");
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  // Both have the same to say about everything that the test's events hold.
  void ExpectSame(const SearchIndexer& a, const SearchIndexer& b) const {
    EXPECT_EQ(a.report().size, b.report().size);
    EXPECT_EQ(Find(a, D::kEvent, "any"), Find(b, D::kEvent, "any"));
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(Find(a, D::kPatient, absl::StrCat("p", i)),
                Find(b, D::kPatient, absl::StrCat("p", i)));
      EXPECT_EQ(Find(a, D::kUser, absl::StrCat("u", i)), Find(b, D::kUser, absl::StrCat("u", i)));
    }
  }

  testing::TempDir dir_;
  testing::SearchableLedger ledger_;
  std::unique_ptr<RpcLog> log_;
  std::mt19937_64 dice_{testing::TestSeed()};
};

TEST_F(SearchIndexerTest, FollowsTheLog) {
  ledger_.AddOwn();
  const auto indexer = Make();
  EXPECT_THAT(indexer->reader(), StatusIs(absl::StatusCode::kUnavailable));
  CatchUp(*indexer);
  EXPECT_THAT(Find(*indexer, D::kEvent, "any"), IsEmpty()) << "an entry of the ledger's own";
  for (const char* patient : {"jane", "john", "jane", "jim", "jane"}) ledger_.Add(EventOf(patient));
  EXPECT_EQ(indexer->report().lag_entries, 5u);
  EXPECT_EQ(indexer->report().lag_seconds, 5);
  CatchUp(*indexer);
  EXPECT_THAT(Find(*indexer, D::kPatient, "jane"), ElementsAre(1u, 3u, 5u));
  EXPECT_THAT(Find(*indexer, D::kUser, "u"), ElementsAre(1u, 2u, 3u, 4u, 5u));
  EXPECT_THAT(Find(*indexer, D::kPatient, "jan"), IsEmpty());
  EXPECT_EQ(indexer->report().size, 6u);
  EXPECT_EQ(indexer->report().lag_entries, 0u);
  EXPECT_EQ(indexer->report().lag_seconds, 0);
  EXPECT_FALSE(indexer->report().failing);
}

TEST_F(SearchIndexerTest, GoesOnWhereAnotherRunEnded) {
  for (int i = 0; i < 7; ++i) ledger_.Add(EventOf("jane"));
  auto indexer = Make();
  indexer->Turn();  // opens
  indexer->Turn();  // three entries
  EXPECT_EQ(indexer->report().size, 3u);
  indexer.reset();
  indexer = Make();
  indexer->Turn();
  EXPECT_EQ(indexer->report().size, 3u);
  CatchUp(*indexer);
  EXPECT_EQ(Find(*indexer, D::kPatient, "jane").size(), 7u);
  EXPECT_EQ(indexer->report().rebuilds, 0u);
}

TEST_F(SearchIndexerTest, WhatIsErasedHasNoTerms) {
  const auto indexer = Make();
  for (int i = 0; i < 10; ++i) ledger_.Add(EventOf("jane"));
  CatchUp(*indexer);
  ledger_.Add(EventOf("jane"));
  ledger_.Erase({{2, 4}, {10, 10}});
  ledger_.Add(EventOf("jane"));
  ledger_.Erase({{0, 0}});
  CatchUp(*indexer);
  EXPECT_THAT(Find(*indexer, D::kPatient, "jane"), ElementsAre(1u, 5u, 6u, 7u, 8u, 9u, 12u));
  const auto anew = Make("anew");
  CatchUp(*anew);
  EXPECT_EQ(Find(*anew, D::kPatient, "jane"), Find(*indexer, D::kPatient, "jane"));
}

// The batch was read before the content was destroyed, the entry that says so came into it after.
TEST_F(SearchIndexerTest, WhatIsErasedWithinABatchHasNoTermsEither) {
  class Racing : public testing::SearchableLedger {
   public:
    absl::Status ReadEntries(uint64_t begin, uint64_t end, bool with_opening,
                             absl::FunctionRef<bool(StoredEntry)> visit) override {
      return SearchableLedger::ReadEntries(begin, end, with_opening, [&](StoredEntry entry) {
        if (entry.index == 0) entry.opening = kept;
        return visit(std::move(entry));
      });
    }
    std::optional<Opening> kept;
  };
  Racing ledger;
  ledger.Add(EventOf("jane"));
  ledger.kept = ledger.ReadEntry(0, true)->opening;
  ledger.Erase({{0, 0}});
  SearchIndexer indexer(ledger, *log_, {"main", dir_ / "index"});
  CatchUp(indexer);
  EXPECT_THAT(Find(indexer, D::kPatient, "jane"), IsEmpty());
}

TEST_F(SearchIndexerTest, WhatIsWithheldHidesNothingBehindIt) {
  for (int i = 0; i < 8; ++i) ledger_.Add(EventOf("jane"));
  ledger_.Withhold(0);
  ledger_.Withhold(4);
  const auto indexer = Make();
  CatchUp(*indexer);
  EXPECT_THAT(Find(*indexer, D::kPatient, "jane"), ElementsAre(1u, 2u, 3u, 5u, 6u, 7u));
  EXPECT_EQ(indexer->report().unreadable, 2u);
  EXPECT_EQ(indexer->report().rebuilds, 0u);
  EXPECT_FALSE(indexer->report().failing);
}

TEST_F(SearchIndexerTest, ALedgerThatFailsIsTriedAgain) {
  ledger_.Add(EventOf("jane"));
  const auto indexer = Make();
  indexer->Turn();
  ledger_.failing = true;
  EXPECT_FALSE(indexer->Turn());
  EXPECT_FALSE(indexer->Turn());
  EXPECT_TRUE(indexer->report().failing);
  ledger_.failing = false;
  CatchUp(*indexer);
  EXPECT_FALSE(indexer->report().failing);
  EXPECT_THAT(Find(*indexer, D::kPatient, "jane"), ElementsAre(0u));
  EXPECT_THAT(Log(), HasSubstr("search_index_failed"));
  EXPECT_THAT(Log(), HasSubstr("search_index_resumed"));
}

TEST_F(SearchIndexerTest, AnotherHistoryIsMadeAnew) {
  for (int i = 0; i < 6; ++i) ledger_.Add(EventOf("jane"));
  auto indexer = Make();
  CatchUp(*indexer);
  indexer.reset();
  ledger_.CutTo(4);  // a restored backup
  indexer = Make();
  CatchUp(*indexer);
  EXPECT_EQ(indexer->report().rebuilds, 1u);
  EXPECT_THAT(Find(*indexer, D::kPatient, "jane"), ElementsAre(0u, 1u, 2u, 3u));
  indexer.reset();
  ledger_.CutTo(3);  // which goes on in another way
  for (int i = 0; i < 5; ++i) ledger_.Add(EventOf("john"));
  indexer = Make();
  CatchUp(*indexer);
  EXPECT_EQ(indexer->report().rebuilds, 1u);
  EXPECT_THAT(Find(*indexer, D::kPatient, "jane"), ElementsAre(0u, 1u, 2u));
  EXPECT_THAT(Log(), HasSubstr("search_index_rebuilt"));
}

TEST_F(SearchIndexerTest, DamageIsMadeAnew) {
  for (int i = 0; i < 6; ++i) ledger_.Add(EventOf("jane"));
  auto indexer = Make();
  CatchUp(*indexer);
  indexer.reset();
  for (const auto& file : std::filesystem::directory_iterator(dir_ / "index")) {
    if (file.path().filename().string().find("MANIFEST") == 0) {
      std::filesystem::resize_file(file.path(), 10);
    }
  }
  indexer = Make();
  CatchUp(*indexer);
  EXPECT_EQ(indexer->report().rebuilds, 1u);
  EXPECT_EQ(Find(*indexer, D::kPatient, "jane").size(), 6u);
}

TEST_F(SearchIndexerTest, IsMadeAnewWhenAsked) {
  ledger_.Add(EventOf("jane"));
  CatchUp(*Make());
  const auto indexer = Make("index", /*rebuild=*/true);
  CatchUp(*indexer);
  EXPECT_EQ(indexer->report().rebuilds, 1u);
  EXPECT_THAT(Find(*indexer, D::kPatient, "jane"), ElementsAre(0u));
}

// Each write of the index fails in turn, half written; the next run goes on, and what comes out is
// what an index made anew is.
TEST_F(SearchIndexerTest, WhateverWriteItDiesInItGoesOn) {
  for (int i = 0; i < 20; ++i) {
    v1::AuditEvent event = EventOf(absl::StrCat("p", dice_() % 5), absl::StrCat("u", dice_() % 5));
    ledger_.Add(event, 1 + dice_() % 1000);
  }
  ledger_.Erase({{3, 5}, {9, 9}});
  for (int i = 0; i < 5; ++i) ledger_.Add(EventOf("p1", "u1"));
  const auto anew = Make("anew");
  CatchUp(*anew);
  testing::FaultEnv env;
  SetBaseEnvForTesting(&env);
  int64_t good = 0;
  for (bool all_good = false; !all_good; ++good) {
    ASSERT_LT(good, 1000);
    ASSERT_OK(PostingStore::Destroy(dir_ / "index"));
    env.good_appends = good;
    {
      const auto dying = Make();
      while (dying->Turn() && env.good_appends >= 0) continue;
      all_good = env.good_appends >= 0;
    }
    env.good_appends = INT64_MAX;
    const auto next = Make();
    CatchUp(*next);
    ExpectSame(*next, *anew);
    if (HasFailure()) break;
  }
  SetBaseEnvForTesting(nullptr);
  EXPECT_GT(good, 10);
}

}  // namespace
}  // namespace auditledger
