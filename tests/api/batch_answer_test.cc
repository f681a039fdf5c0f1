// From an answer with a shared proof a client makes each receipt that it would have had without, to
// the byte: server's and client's half against each other.
//
// Covers: api/client/shared_proof
#include "api/batch_answer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/client/shared_proof.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "merkle/header.h"
#include "merkle/neighbour_proofs.h"
#include "tests/testing/reference_merkle.h"
#include "tests/testing/seed.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/sparse_tree.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using testing::ReferenceTree;
using testing::StatusIs;
using Response = v1::BatchAppendEventsResponse;
using Paths = std::vector<std::vector<Hash>>;

// As ReferenceTree::Numbered.
std::string LeafOf(uint64_t index) { return absl::StrCat("leaf ", index); }

AppendOutcome OutcomeUnder(uint64_t size) {
  AppendOutcome outcome;
  outcome.head =
      std::make_shared<const PublishedHead>(PublishedHead{{size, Hash{}, 7}, "note\n\nsigned\n"});
  return outcome;
}

AppendedEntry EntryAt(uint64_t index, std::vector<Hash> path, bool repeated = false) {
  AppendedEntry entry;
  entry.index = index;
  entry.leaf = LeafOf(index);
  entry.inclusion = std::move(path);
  entry.repeated = repeated;
  entry.seed = "seed";
  entry.header = absl::StrCat("header ", index);
  entry.flags = index % 3 == 0 ? uint64_t{kFlagLate} : 0;
  return entry;
}

Response Parsed(const std::string& bytes) {
  Response out;
  EXPECT_TRUE(out.ParseFromString(bytes));
  return out;
}

// Openings for every other event. The answer with a shared proof is made without the proofs that it
// is not to need.
void ExpectTheSameReceipts(AppendOutcome outcome) {
  std::vector<bool> openings;
  for (size_t i = 0; i < outcome.entries.size(); ++i) openings.push_back(i % 2 == 0);
  ASSERT_OK_AND_ASSIGN(const std::string whole, BatchAnswer(outcome, openings, false));
  std::vector<AppendedEntry*> added;
  for (AppendedEntry& entry : outcome.entries) {
    if (!entry.repeated) added.push_back(&entry);
  }
  for (size_t i = 1; i + 1 < added.size(); ++i) added[i]->inclusion.clear();
  ASSERT_OK_AND_ASSIGN(const std::string shared, BatchAnswer(outcome, openings, true));
  ASSERT_OK_AND_ASSIGN(const auto receipts, WholeReceipts(Parsed(shared), openings.size()));
  Response made;
  for (const v1::Receipt& receipt : receipts) *made.add_receipts() = receipt;
  ASSERT_EQ(made.SerializeAsString(), whole);
}

TEST(BatchAnswerTest, EveryRangeUpTo64GivesTheReceiptsOfEachAlone) {
  ReferenceTree tree = ReferenceTree::Numbered(64);
  for (uint64_t size = 1; size <= 64; ++size) {
    Paths paths;
    for (uint64_t i = 0; i < size; ++i) paths.push_back(tree.Path(i, size));
    for (uint64_t begin = 0; begin < size; ++begin) {
      AppendOutcome outcome = OutcomeUnder(size);
      for (uint64_t end = begin + 1; end <= size; ++end) {
        outcome.entries.push_back(EntryAt(end - 1, paths[end - 1]));
        ASSERT_NO_FATAL_FAILURE(ExpectTheSameReceipts(outcome)) << begin << " to " << end;
      }
    }
  }
}

// As the batches that a large log takes: some of the events are known, of which some stand twice.
TEST(BatchAnswerTest, RandomBatchesWithRepeatsInLogsOfAnySize) {
  const uint64_t seed = testing::TestSeed();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200; ++i) {
    const auto [range, size] = testing::AnyRange(random, i % 20 == 0 ? 1000 : 30);
    std::vector<Hash> leaves;
    for (uint64_t l = range.begin; l < range.end; ++l) leaves.push_back(LeafHash(LeafOf(l)));
    testing::SparseTree tree(range.begin, std::move(leaves));
    ASSERT_OK_AND_ASSIGN(Paths paths, InclusionProofs(range, size, tree));
    AppendOutcome outcome = OutcomeUnder(size);
    for (uint64_t l = range.begin; l < range.end; ++l) {
      while (random() % 4 == 0) {
        const uint64_t known = random() % 2 == 0 ? range.begin : random() % size;
        ASSERT_OK_AND_ASSIGN(std::vector<Hash> path, InclusionProof(known, size, tree));
        outcome.entries.push_back(EntryAt(known, std::move(path), /*repeated=*/true));
      }
      outcome.entries.push_back(EntryAt(l, std::move(paths[l - range.begin])));
    }
    ASSERT_NO_FATAL_FAILURE(ExpectTheSameReceipts(std::move(outcome)))
        << range.begin << " to " << range.end;
  }
}

TEST(BatchAnswerTest, WhereNothingIsNewThereIsNoRange) {
  ReferenceTree tree = ReferenceTree::Numbered(9);
  AppendOutcome outcome = OutcomeUnder(9);
  for (const uint64_t known : {3, 3, 8, 0}) {
    outcome.entries.push_back(EntryAt(known, tree.Path(known, 9), /*repeated=*/true));
  }
  ASSERT_OK_AND_ASSIGN(const std::string bytes,
                       BatchAnswer(outcome, std::vector<bool>(4, true), true));
  EXPECT_TRUE(Parsed(bytes).has_checkpoint());
  EXPECT_FALSE(Parsed(bytes).has_range());
  ExpectTheSameReceipts(std::move(outcome));
}

TEST(BatchAnswerTest, ProofsOfAnotherHeadAreTheServersOwnFault) {
  AppendOutcome outcome = OutcomeUnder(9);
  outcome.entries.push_back(EntryAt(8, std::vector<Hash>(4)));
  EXPECT_THAT(BatchAnswer(outcome, {false}, true), StatusIs(absl::StatusCode::kInternal));
}

// Seeds of tests/fuzz/shared_proof_fuzz.cc; AUDITLEDGER_WRITE_CORPUS=1 writes them anew.
TEST(BatchAnswerTest, TheFuzzTargetsSeedsAreOfThisVersion) {
  ReferenceTree tree = ReferenceTree::Numbered(9);
  AppendOutcome outcome = OutcomeUnder(9);
  for (const uint64_t added : {5, 6, 7}) {
    outcome.entries.push_back(EntryAt(added, tree.Path(added, 9)));
  }
  outcome.entries.push_back(EntryAt(2, tree.Path(2, 9), /*repeated=*/true));
  for (const bool shared : {true, false}) {
    const std::string path = testing::SourcePath(
        absl::StrCat("tests/fuzz/corpus/shared_proof/", shared ? "shared" : "whole"));
    ASSERT_OK_AND_ASSIGN(const std::string bytes,
                         BatchAnswer(outcome, std::vector<bool>(4, true), shared));
    if (std::getenv("AUDITLEDGER_WRITE_CORPUS") != nullptr) {
      std::ofstream(path, std::ios::binary) << "A" << bytes;
    }
    EXPECT_EQ(testing::ReadFile(path), "A" + bytes);
  }
}

}  // namespace
}  // namespace auditledger
