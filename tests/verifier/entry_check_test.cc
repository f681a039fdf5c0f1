// What each kind of entry may say and carry, at its place in the log.
#include "verifier/entry_check.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "merkle/system_entries.h"
#include "tests/testing/rotated_log.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TestLog;

class EntryCheckTest : public ::testing::Test {
 protected:
  EntryCheckTest() : pin_{log_.origin(), log_.verifier()} { log_.AddEvents(9); }

  TestLog log_;
  const Pin pin_;
};

TEST_F(EntryCheckTest, EachKindHasItsBody) {
  Leaf leaf;
  leaf.commitment = LeafHash("c");
  leaf.body = "body";
  EXPECT_THAT(CheckLeafRules(3, leaf, pin_), StatusIs(absl::StatusCode::kDataLoss));
  leaf.kind = EntryKind::kConflict;
  EXPECT_THAT(CheckLeafRules(3, leaf, pin_), StatusIs(absl::StatusCode::kDataLoss));
  leaf.commitment.reset();
  for (const EntryKind kind : {EntryKind::kOperator, EntryKind::kClock, EntryKind::kKeyChange,
                               EntryKind::kFreeze, EntryKind::kAnchor}) {
    leaf.kind = kind;
    EXPECT_THAT(CheckLeafRules(3, leaf, pin_), StatusIs(absl::StatusCode::kDataLoss))
        << EntryKindName(kind);
  }
}

TEST_F(EntryCheckTest, TagsAndCommitmentsOnAnEntryOfTheLedgersOwn) {
  const auto leaf_of = [](EntryKind kind, const std::string& body) {
    Leaf leaf;
    leaf.kind = kind;
    leaf.body = body;
    return leaf;
  };
  std::vector<Leaf> leaves = {
      ParseLeaf(log_.leaves()[0]).value(),
      leaf_of(EntryKind::kOperator, EncodeOperatorAction({"did"}).value()),
      leaf_of(EntryKind::kClock, EncodeClockStep({1, 2})),
      leaf_of(EntryKind::kKeyChange, testing::KeyChangeBody(log_.origin(), 1, 2)),
      leaf_of(EntryKind::kFreeze, EncodeFreeze({}).value()),
      leaf_of(EntryKind::kAnchor, EncodeAnchor({3, Hash(), Hash(), 1}))};
  for (const Leaf& leaf : leaves) {
    SCOPED_TRACE(EntryKindName(leaf.kind));
    const uint64_t index = leaf.kind == EntryKind::kGenesis ? 0 : 3;
    EXPECT_OK(CheckLeafRules(index, leaf, pin_));
    EXPECT_TRUE(IsKnownKind(leaf.kind));
    Leaf tagged = leaf;
    tagged.tags.push_back(LeafHash("tag"));
    EXPECT_THAT(CheckLeafRules(index, tagged, pin_),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("with tags")));
    Leaf committed = leaf;
    committed.commitment = LeafHash("c");
    if (leaf.kind == EntryKind::kOperator) {
      EXPECT_OK(CheckLeafRules(index, committed, pin_)) << "it may have a payload one day";
      continue;
    }
    EXPECT_THAT(CheckLeafRules(index, committed, pin_),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("with a commitment")));
  }
}

TEST_F(EntryCheckTest, WhatAnEntrySaysOfOthersIsOfEarlierOnes) {
  Leaf leaf;
  const auto at = [&](EntryKind kind, const std::string& body, uint64_t index) {
    leaf.kind = kind;
    leaf.body = body;
    return CheckLeafRules(index, leaf, pin_);
  };
  const auto broken = [](const std::string& why) {
    return StatusIs(absl::StatusCode::kDataLoss, HasSubstr(why));
  };
  const std::string anchor = EncodeAnchor({5, Hash(), Hash(), 1});
  EXPECT_OK(at(EntryKind::kAnchor, anchor, 5));
  EXPECT_THAT(at(EntryKind::kAnchor, anchor, 4), broken("of size 5, which came after"));
  Freeze freeze;
  freeze.confirmed_size = 5;
  const std::string body = EncodeFreeze(freeze).value();
  EXPECT_OK(at(EntryKind::kFreeze, body, 5));
  EXPECT_THAT(at(EntryKind::kFreeze, body, 4), broken("confirmed beyond itself"));
}

TEST_F(EntryCheckTest, AKeyChangeIsSignedByBothKeysOfThatLog) {
  Leaf leaf;
  leaf.kind = EntryKind::kKeyChange;
  leaf.body = testing::KeyChangeBody("ledger.test/other", 1, 2);
  EXPECT_THAT(CheckLeafRules(3, leaf, pin_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("not signed by the old key")));
  EXPECT_THAT(CheckLeafRules(3, leaf, Pin{"no name", log_.verifier()}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the old key of a key change")));
}

TEST_F(EntryCheckTest, AnIndexKeyOfAnotherLengthOpensNothing) {
  const Leaf leaf = ParseLeaf(log_.leaves()[7]).value();
  EXPECT_OK(CheckOpening(log_.origin(), leaf, *log_.openings()[7], log_.index_key()));
  EXPECT_THAT(CheckOpening(log_.origin(), leaf, *log_.openings()[7], "short"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("index key: needs 32")));
}

TEST_F(EntryCheckTest, ATimeAfterTheYear9999IsShownAsItsNumber) {
  EXPECT_EQ(FormatMicros(253'402'300'799'999'999), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatMicros(253'402'300'800'000'000), "253402300800000000 us");
}

}  // namespace
}  // namespace auditledger
