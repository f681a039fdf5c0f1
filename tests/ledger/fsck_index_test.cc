#include "ledger/fsck_index.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ledger/memory_engine.h"
#include "tests/testing/indexed_log.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Hash kX = LeafHash("x");

// What fsck says of the log's index heads, and how many are right.
struct Checked {
  explicit Checked(IndexedLog& log, std::set<uint64_t> missing = {}) {
    const auto engine = NewMemoryEngine();
    CommitBatch batch;
    for (uint64_t i = 0; i < log.size(); ++i) {
      if (missing.count(i) > 0) continue;
      batch.records.push_back({RecordKind::kLeaf, i, log.log().leaves()[i]});
    }
    batch.head = {log.size(), EmptyRoot(), 1};
    EXPECT_OK(engine->Commit(std::nullopt, batch));
    Findings findings(100);
    IndexHeadCheck check(*engine, log.size(), findings);
    for (uint64_t i = 0; i < log.size(); ++i) {
      CheckedEntry entry;
      entry.index = i;
      entry.has_leaf = missing.count(i) == 0;
      entry.leaf = log.leaf(i);
      entry.hash = LeafHash(log.log().leaves()[i]);
      check.Check(entry);
    }
    for (const Finding& finding : findings.kept()) said.push_back(finding.what);
    right = check.right();
  }
  std::vector<std::string> said;
  uint64_t right = 0;
};

TEST(IndexHeadCheckTest, TrueOnesAreCounted) {
  IndexedLog log;
  log.Add({kX});
  log.AddIndexHead();
  log.Add({kX});
  log.AddIndexHead(3);
  log.AddIndexHead();
  const Checked checked(log);
  EXPECT_THAT(checked.said, IsEmpty());
  EXPECT_EQ(checked.right, 3u);
}

TEST(IndexHeadCheckTest, OneThatHidesAnEntryIsNamed) {
  IndexedLog log;
  log.Add({kX});
  log.Add({kX});
  log.AddIndexHeadSaying(3, log.MapRoot(2));
  log.AddIndexHead();
  const Checked checked(log);
  EXPECT_THAT(checked.said, ElementsAre(HasSubstr("entry 3: an index head whose map is not")));
  EXPECT_EQ(checked.right, 1u);
}

TEST(IndexHeadCheckTest, OneThatFallsBehindOrDoesNotParseIsNamed) {
  IndexedLog log;
  log.Add({kX});
  log.AddIndexHead(2);
  log.AddIndexHead(1);
  Leaf leaf;
  leaf.kind = EntryKind::kIndexHead;
  leaf.recorded_at_us = log.NextTime();
  leaf.body = "?";
  log.AddLeaf(leaf);
  const Checked checked(log);
  EXPECT_THAT(checked.said, ElementsAre(HasSubstr("entry 4: index head version"),
                                        HasSubstr("entry 3: an index head that covers 1")));
}

TEST(IndexHeadCheckTest, BehindALeafThatIsMissingNothingIsCompared) {
  IndexedLog log;
  log.AddIndexHead();
  log.Add({kX});
  log.Add({kX});
  log.AddIndexHead();
  const Checked checked(log, {2});
  EXPECT_THAT(checked.said, IsEmpty()) << "LogCheck names the leaf";
  EXPECT_EQ(checked.right, 1u);
}

}  // namespace
}  // namespace auditledger::testing
