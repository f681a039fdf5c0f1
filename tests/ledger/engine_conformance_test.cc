// What every engine must do, run over all of them.
//
// Covers: ledger/memory_engine
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "ledger/leveldb_engine.h"
#include "ledger/memory_engine.h"
#include "merkle/sha256.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::IsOk;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;

enum class Kind { kMemory, kLevelDb };

Head HeadAt(uint64_t size) {
  return {size, Sha256({"root", std::to_string(size)}), 1'000'000 + size};
}
std::string Bytes(RecordKind kind, uint64_t index) {
  return std::string(1, static_cast<char>(kind)) + std::to_string(index);
}

class EngineConformanceTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::kMemory) {
      engine_ = NewMemoryEngine();
    } else {
      LevelDbOptions options;
      options.path = dir_ / "db";
      options.create_if_missing = true;
      ASSERT_OK_AND_ASSIGN(engine_, OpenLevelDbEngine(options));
    }
  }
  // A commit of leaves [from, to), every third with payload and identity.
  absl::Status Append(uint64_t from, uint64_t to) {
    CommitBatch batch;
    for (uint64_t i = from; i < to; ++i) {
      batch.records.push_back({RecordKind::kLeaf, i, Bytes(RecordKind::kLeaf, i)});
      if (i % 3 != 0) continue;
      batch.records.push_back({RecordKind::kPayload, i, Bytes(RecordKind::kPayload, i)});
      batch.records.push_back({RecordKind::kIdentity, i, Bytes(RecordKind::kIdentity, i)});
    }
    batch.head = HeadAt(to);
    return engine_->Commit(from == 0 ? std::nullopt : std::optional<Head>(HeadAt(from)), batch);
  }
  std::map<uint64_t, std::string> ScanAll(RecordKind kind, uint64_t begin, uint64_t end) {
    std::map<uint64_t, std::string> found;
    uint64_t last = 0;
    EXPECT_OK(engine_->Scan(kind, begin, end, [&](uint64_t index, absl::string_view bytes) {
      EXPECT_TRUE(found.empty() || index > last) << "not ascending";
      last = index;
      found[index] = std::string(bytes);
      return true;
    }));
    return found;
  }

  TempDir dir_;
  std::unique_ptr<Engine> engine_;
};

TEST_P(EngineConformanceTest, EmptyStoreHasNothing) {
  ASSERT_OK_AND_ASSIGN(const std::optional<Head> head, engine_->LoadHead());
  EXPECT_FALSE(head.has_value());
  EXPECT_THAT(engine_->Read(RecordKind::kLeaf, 0), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(engine_->ReadTile({0, 0}), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(ScanAll(RecordKind::kLeaf, 0, UINT64_MAX).empty());
  EXPECT_OK(engine_->latched());
  EXPECT_FALSE(engine_->SyncFailed());
}

TEST_P(EngineConformanceTest, CommittedRecordsReadBack) {
  ASSERT_OK(Append(0, 10));
  ASSERT_OK(Append(10, 300));
  ASSERT_OK_AND_ASSIGN(const std::optional<Head> head, engine_->LoadHead());
  EXPECT_EQ(head, HeadAt(300));
  for (uint64_t i = 0; i < 300; ++i) {
    for (const RecordKind kind : {RecordKind::kLeaf, RecordKind::kPayload, RecordKind::kIdentity}) {
      const absl::StatusOr<std::string> read = engine_->Read(kind, i);
      if (kind != RecordKind::kLeaf && i % 3 != 0) {
        EXPECT_THAT(read, StatusIs(absl::StatusCode::kNotFound));
        continue;
      }
      ASSERT_OK(read);
      EXPECT_EQ(*read, Bytes(kind, i));
    }
  }
  EXPECT_THAT(engine_->Read(RecordKind::kLeaf, 300), StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(EngineConformanceTest, ForgetsPayloadsAndReplacesIdentities) {
  ASSERT_OK(Append(0, 30'000));
  const std::vector<Engine::Forgotten> gone = {
      {3, "three"}, {6, ""}, {9, "nine"}, {29'997, "last"}};
  ASSERT_OK(engine_->Forget(gone));
  ASSERT_OK(engine_->Forget({}));
  for (const Engine::Forgotten& entry : gone) {
    EXPECT_THAT(engine_->Read(RecordKind::kPayload, entry.index),
                StatusIs(absl::StatusCode::kNotFound));
    EXPECT_EQ(engine_->Read(RecordKind::kIdentity, entry.index).value(),
              entry.identity.empty() ? Bytes(RecordKind::kIdentity, 6) : entry.identity);
    EXPECT_EQ(engine_->Read(RecordKind::kLeaf, entry.index).value(),
              Bytes(RecordKind::kLeaf, entry.index));
  }
  EXPECT_EQ(ScanAll(RecordKind::kPayload, 0, 30'000).size(), 10'000u - 4);
  EXPECT_EQ(ScanAll(RecordKind::kIdentity, 0, 30'000).size(), 10'000u);
  ASSERT_OK(Append(30'000, 30'010)) << "commits go on";
  EXPECT_EQ(*engine_->LoadHead(), HeadAt(30'010));
}

TEST_P(EngineConformanceTest, ScanGivesTheRangeOfOneKindAscending) {
  ASSERT_OK(Append(0, 600));
  for (const auto& [begin, end] : std::vector<std::pair<uint64_t, uint64_t>>{
           {0, 600}, {0, 0}, {5, 5}, {7, 3}, {255, 258}, {599, 600}, {600, 700}, {0, UINT64_MAX}}) {
    const auto leaves = ScanAll(RecordKind::kLeaf, begin, end);
    EXPECT_EQ(leaves.size(), begin >= end ? 0 : std::min<uint64_t>(end, 600) - begin);
    for (const auto& [index, bytes] : leaves) EXPECT_EQ(bytes, Bytes(RecordKind::kLeaf, index));
  }
  EXPECT_EQ(ScanAll(RecordKind::kPayload, 0, 600).size(), 200u);
  EXPECT_EQ(ScanAll(RecordKind::kIdentity, 1, 7).size(), 2u);
}

TEST_P(EngineConformanceTest, ScanStopsWhenToldAndMayReadMeanwhile) {
  ASSERT_OK(Append(0, 50));
  int visited = 0;
  EXPECT_OK(engine_->Scan(RecordKind::kLeaf, 0, 50, [&](uint64_t index, absl::string_view) {
    EXPECT_OK(engine_->Read(RecordKind::kLeaf, index));
    return ++visited < 7;
  }));
  EXPECT_EQ(visited, 7);
}

TEST_P(EngineConformanceTest, TilesAndStreamsAreReplacedByLaterOnes) {
  CommitBatch batch;
  batch.tiles = {{{0, 0}, "partial"}, {{1, 0}, "level 1"}, {{0, 256}, "far"}};
  batch.stream_records = {{1, "one"}, {0, "zero"}, {256, "many"}};
  batch.head = HeadAt(1);
  ASSERT_OK(engine_->Commit(std::nullopt, batch));
  CommitBatch next;
  next.tiles = {{{0, 0}, "full"}};
  next.stream_records = {{1, "uno"}};
  next.head = HeadAt(2);
  ASSERT_OK(engine_->Commit(HeadAt(1), next));
  EXPECT_EQ(engine_->ReadTile({0, 0}).value(), "full");
  EXPECT_EQ(engine_->ReadTile({1, 0}).value(), "level 1");
  EXPECT_EQ(engine_->ReadTile({0, 256}).value(), "far");
  EXPECT_THAT(engine_->ReadTile({0, 1}), StatusIs(absl::StatusCode::kNotFound));
  std::vector<std::pair<uint32_t, std::string>> streams;
  EXPECT_OK(engine_->ScanStreams([&](uint32_t number, absl::string_view bytes) {
    streams.emplace_back(number, bytes);
    return true;
  }));
  EXPECT_EQ(streams, (std::vector<std::pair<uint32_t, std::string>>{
                         {0, "zero"}, {1, "uno"}, {256, "many"}}));
}

TEST_P(EngineConformanceTest, AnotherHeadThanExpectedAbortsAndLatches) {
  ASSERT_OK(Append(0, 5));
  CommitBatch batch;
  batch.records.push_back({RecordKind::kLeaf, 5, "must not be there"});
  batch.head = HeadAt(6);
  Head wrong = HeadAt(5);
  wrong.root = Sha256({"fork"});
  EXPECT_THAT(engine_->Commit(wrong, batch), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(engine_->latched(), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(engine_->Commit(HeadAt(5), batch), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(engine_->Read(RecordKind::kLeaf, 5), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(const std::optional<Head> head, engine_->LoadHead());
  EXPECT_EQ(head, HeadAt(5));
  EXPECT_FALSE(engine_->SyncFailed());
}

TEST_P(EngineConformanceTest, FirstCommitMustExpectNoHeadAndLaterOnesOne) {
  CommitBatch batch;
  batch.head = HeadAt(1);
  EXPECT_THAT(engine_->Commit(HeadAt(0), batch), StatusIs(absl::StatusCode::kAborted));
}

TEST_P(EngineConformanceTest, ReadersSeeAllOrNothingOfACommit) {
  constexpr uint64_t kCommits = 100;
  constexpr uint64_t kEach = 8;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kCommits; ++i) EXPECT_THAT(Append(i * kEach, (i + 1) * kEach), IsOk());
  });
  for (uint64_t seen = 0; seen < kCommits * kEach;) {
    const absl::StatusOr<std::optional<Head>> head = engine_->LoadHead();
    ASSERT_OK(head);
    if (!head->has_value()) continue;
    EXPECT_GE((*head)->size, seen);
    seen = (*head)->size;
    EXPECT_OK(engine_->Read(RecordKind::kLeaf, seen - 1));
    EXPECT_EQ(ScanAll(RecordKind::kLeaf, 0, UINT64_MAX).size() % kEach, 0u);
  }
  writer.join();
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineConformanceTest,
                         ::testing::Values(Kind::kMemory, Kind::kLevelDb), [](const auto& engine) {
                           return engine.param == Kind::kMemory ? "Memory" : "LevelDb";
                         });

}  // namespace
}  // namespace auditledger
