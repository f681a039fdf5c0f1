#include "merkle/index_audit.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "merkle/index_head.h"
#include "tests/testing/indexed_log.h"

namespace auditledger {
namespace {

using ::auditledger::testing::IndexedLog;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Hash kX = LeafHash("x");
const Hash kY = LeafHash("y");

// What an audit of the whole log says.
struct Audited {
  explicit Audited(IndexedLog& log) {
    std::vector<LoggedIndexHead> heads;
    for (uint64_t i = 0; i < log.size(); ++i) {
      if (log.leaf(i).kind != EntryKind::kIndexHead) continue;
      heads.push_back({i, ParseIndexHead(log.leaf(i).body).value()});
    }
    IndexAudit audit(heads);
    faults = audit.faults();
    for (uint64_t i = 0; i < log.size(); ++i) {
      const Leaf& leaf = log.leaf(i);
      const auto fault =
          audit.Add(TagLogEntryOf(i, leaf, LeafHash(log.log().leaves()[i])), leaf.tags);
      if (fault.has_value()) faults.push_back(*fault);
    }
    right = audit.right();
    active = audit.active();
  }
  std::vector<std::string> faults;
  uint64_t right = 0;
  bool active = false;
};

TEST(IndexAuditTest, TrueIndexHeadsAreRightHoweverFarTheyLag) {
  IndexedLog log;
  log.AddIndexHead();  // of the genesis alone
  log.Add({kX});
  log.Add({kX, kY});
  log.AddIndexHead(3);  // lags by one
  log.Add({kY});
  log.AddIndexHead(3);  // again
  log.AddIndexHead();
  log.Add({kX});
  const Audited audited(log);
  EXPECT_THAT(audited.faults, IsEmpty());
  EXPECT_EQ(audited.right, 4u);
  EXPECT_FALSE(audited.active);
}

TEST(IndexAuditTest, AFalseMapIsNamedByItsEntryAndOthersAreRightAllTheSame) {
  IndexedLog log;
  log.Add({kX});
  log.AddIndexHead();
  log.Add({kX});
  log.AddIndexHeadSaying(4, log.MapRoot(3));  // hides entry 3
  log.AddIndexHeadSaying(4, EmptyRoot());
  log.AddIndexHead();
  const Audited audited(log);
  EXPECT_THAT(audited.faults,
              ElementsAre(::testing::AllOf(HasSubstr("entry 4: an index head whose map is not that "
                                                     "of the 4 entries it covers"),
                                           HasSubstr("; entry 5: "))));
  EXPECT_EQ(audited.right, 2u);
}

TEST(IndexAuditTest, WhatCannotBeIsNamed) {
  IndexedLog log;
  log.Add({kX});
  log.AddIndexHead();                         // 2, covers 2
  log.AddIndexHeadSaying(4, log.MapRoot(2));  // 3: more than there were
  log.AddIndexHead(1);                        // 4: fewer than before
  const Audited audited(log);
  EXPECT_THAT(audited.faults,
              ElementsAre(HasSubstr("entry 3: an index head that covers 4 entries, more than"),
                          HasSubstr("entry 4: an index head that covers 1 entries, an earlier one "
                                    "covers 2")));
  EXPECT_EQ(audited.right, 1u);
}

TEST(IndexAuditTest, WithoutIndexHeadsNothingIsKept) {
  IndexedLog log;
  log.Add({kX});
  const Audited audited(log);
  EXPECT_THAT(audited.faults, IsEmpty());
  EXPECT_EQ(audited.right, 0u);
  EXPECT_FALSE(audited.active);
}

}  // namespace
}  // namespace auditledger
