// What a complete answer proves, and each lie with the reason for which it is refused. All lies of
// small worlds at once: answer_liar_test.cc.
#include "merkle/answer_check.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/set_proof.h"
#include "merkle/system_entries.h"
#include "merkle/tags.h"
#include "tests/testing/indexed_log.h"
#include "tests/testing/reference_merkle.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::IndexedLog;
using ::auditledger::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Hash kX = LeafHash("x");
const Hash kY = LeafHash("y");
const Hash kNobody = LeafHash("nobody");

// Entries 1, 2, 4 and 6 of x below the index head at 8, 10 behind it; 3 and 6 are y's too.
class AnswerCheckTest : public ::testing::Test {
 protected:
  AnswerCheckTest() {
    log_.Add({kX});
    log_.Add({kX});
    log_.Add({kY});
    log_.Add({kX});
    log_.Add({});
    log_.Add({kX, kY});
    log_.Add({});
    log_.AddIndexHead();  // 8
    log_.Add({});
    log_.Add({kX});  // 10
  }
  uint64_t TimeOf(uint64_t index) const { return log_.leaf(index).recorded_at_us; }
  TimeWindow Between(uint64_t from, uint64_t to) const { return {TimeOf(from), TimeOf(to)}; }
  AnswerQuery All(const Hash& tag) const { return RecordedWithin(tag, {}); }
  IndexedLog::Parts Parts(const AnswerQuery& query) { return log_.TrueParts(query, log_.size()); }

  absl::StatusOr<AnswerProven> Verify(const CompleteAnswer& answer) {
    return VerifyCompleteAnswer(answer, log_.HeadOf(log_.size()), answer.query, std::nullopt);
  }
  static std::vector<uint64_t> Indexes(const AnswerProven& proven) {
    std::vector<uint64_t> out;
    for (const AnswerLeaf& shown : proven.entries) out.push_back(shown.index);
    return out;
  }
  std::vector<uint64_t> Proven(const CompleteAnswer& answer) {
    const auto proven = Verify(answer);
    EXPECT_OK(proven);
    return proven.ok() ? Indexes(*proven) : std::vector<uint64_t>{};
  }
  void ExpectUntrue(const CompleteAnswer& answer, const std::string& why) {
    EXPECT_THAT(Verify(answer), StatusIs(StatusCode::kDataLoss, HasSubstr(why)));
  }
  void ExpectMalformed(const CompleteAnswer& answer, const std::string& why) {
    EXPECT_THAT(Verify(answer), StatusIs(StatusCode::kInvalidArgument, HasSubstr(why)));
  }

  IndexedLog log_;
};

TEST_F(AnswerCheckTest, ExactlyTheseUpToTheHead) {
  const auto proven = Verify(log_.Answer(All(kX), log_.size()));
  ASSERT_OK(proven);
  EXPECT_THAT(Indexes(*proven), ElementsAre(1, 2, 4, 6, 10));
  EXPECT_EQ(proven->entries[3].leaf, log_.log().leaves()[6]);
  EXPECT_EQ(proven->complete_size, log_.size());
  EXPECT_EQ(proven->index_head, (IndexHead{8, log_.MapRoot(8)}));
  EXPECT_EQ(proven->index_head_entry, 8u);
}

TEST_F(AnswerCheckTest, NoneAtAllIsProvenToo) {
  EXPECT_THAT(Proven(log_.Answer(All(kNobody), log_.size())), IsEmpty());
  EXPECT_THAT(Proven(log_.Answer(RecordedWithin(kX, Between(3, 4)), log_.size())), IsEmpty());
  EXPECT_THAT(Proven(log_.Answer(RecordedWithin(kX, {0, TimeOf(1)}), log_.size())), IsEmpty());
  EXPECT_THAT(Proven(log_.Answer(RecordedWithin(kX, {TimeOf(10) + 1, kNoEnd}), log_.size())),
              IsEmpty());
}

TEST_F(AnswerCheckTest, AWindowsEntriesWithOneNeighbourAtEachEnd) {
  const CompleteAnswer answer = log_.Answer(RecordedWithin(kX, Between(2, 5)), log_.size());
  EXPECT_THAT(Proven(answer), ElementsAre(2, 4));
  const auto& places = answer.map->range->places;
  ASSERT_EQ(places.size(), 4u);
  EXPECT_FALSE(places.front().shown);
  EXPECT_FALSE(places.back().shown);
  EXPECT_FALSE(answer.has_tail) << "entry 6 shows that the window ends before the tail";
  EXPECT_EQ(Verify(answer)->complete_size, log_.size());
}

TEST_F(AnswerCheckTest, LateEventsOfAnEventWindowAndTheOthersOfItsRangeWithoutTheirLeaves) {
  const uint64_t then = TimeOf(1);
  log_.Add({kX}, then + 5);    // 11, late
  log_.Add({kX}, then + 500);  // 12
  log_.AddIndexHead();
  log_.Add({kX}, then + 7);  // 14, in the tail
  const CompleteAnswer answer = log_.Answer(HappenedWithin(kX, {then, then + 100}), log_.size());
  EXPECT_THAT(Proven(answer), ElementsAre(1, 11, 14));
  EXPECT_EQ(answer.map->range->places.size(), 7u);
}

TEST_F(AnswerCheckTest, AnAnswerThatStopsAtTheIndexHeadSaysSo) {
  IndexedLog::Parts parts = Parts(All(kX));
  parts.tail = false;
  parts.leaves = {0, 1, 2, 4, 6, 8};
  const auto proven = Verify(log_.Compose(parts));
  ASSERT_OK(proven);
  EXPECT_THAT(Indexes(*proven), ElementsAre(1, 2, 4, 6));
  EXPECT_EQ(proven->complete_size, 8u);
}

TEST(AnswerWithoutIndexHead, TheWholeLogIsTheProof) {
  IndexedLog log;
  log.Add({kX});
  log.Add({kY});
  const auto proven = VerifyCompleteAnswer(log.Answer(RecordedWithin(kX, {}), 3), log.HeadOf(3),
                                           RecordedWithin(kX, {}), std::nullopt);
  ASSERT_OK(proven);
  EXPECT_EQ(proven->entries.size(), 1u);
  EXPECT_EQ(proven->complete_size, 3u);
  EXPECT_FALSE(proven->index_head.has_value());
  IndexedLog::Parts parts = log.TrueParts(RecordedWithin(kX, {}), 3);
  parts.tail = false;
  EXPECT_THAT(VerifyCompleteAnswer(log.Compose(parts), log.HeadOf(3), parts.query, std::nullopt),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("without index head and tail nothing is proven")));
}

TEST_F(AnswerCheckTest, AnotherQuestionIsNotAnswered) {
  const AnswerQuery asked{kX, Between(2, 5), Between(1, 9)};
  const CompleteAnswer answer = log_.Answer(asked, log_.size());
  const auto ask = [&](const AnswerQuery& other, const std::string& why) {
    EXPECT_THAT(VerifyCompleteAnswer(answer, log_.HeadOf(log_.size()), other, std::nullopt),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  ask({kY, asked.recorded, asked.event}, "is about the tag " + kX.ToHex());
  ask({kX, Between(2, 6), asked.event}, "is about what was recorded in [");
  ask({kX, {TimeOf(2), kNoEnd}, asked.event}, ", ...)");
  ask({kX, asked.recorded, Between(1, 8)}, "is about what happened in [");
  CompleteAnswer empty = answer;
  empty.query = {kX, {5, 5}, {}};
  ExpectMalformed(empty, "window: has no time in it");
}

TEST_F(AnswerCheckTest, TheLogIsTheHeads) {
  const CompleteAnswer answer = log_.Answer(All(kX), log_.size());
  Checkpoint head = log_.HeadOf(log_.size());
  head.root = EmptyRoot();
  EXPECT_THAT(VerifyCompleteAnswer(answer, head, answer.query, std::nullopt),
              StatusIs(StatusCode::kDataLoss, HasSubstr("set proof: computed")));
  head = log_.HeadOf(log_.size() - 1);
  EXPECT_FALSE(VerifyCompleteAnswer(answer, head, answer.query, std::nullopt).ok());
  head = log_.HeadOf(log_.size());
  head.origin = "other.test";
  EXPECT_THAT(VerifyCompleteAnswer(answer, head, answer.query, std::nullopt),
              StatusIs(StatusCode::kDataLoss, HasSubstr("the genesis names the origin")));
}

TEST_F(AnswerCheckTest, AnotherIndexKeyIsNoticed) {
  const CompleteAnswer answer = log_.Answer(All(kNobody), log_.size());
  const auto with_key = [&](const std::string& key) {
    return VerifyCompleteAnswer(answer, log_.HeadOf(log_.size()), answer.query, IndexKeyHash(key));
  };
  EXPECT_OK(with_key(log_.log().index_key()));
  EXPECT_THAT(with_key(std::string(32, 'j')),
              StatusIs(StatusCode::kDataLoss, HasSubstr("with another index key")));
}

TEST_F(AnswerCheckTest, GenesisAndIndexHeadAreShownAndAreOnes) {
  IndexedLog::Parts parts = Parts(All(kX));
  parts.leaves.erase(0);
  ExpectMalformed(log_.Compose(parts), "entry 0, which names origin and index key, is missing");
  parts = Parts(RecordedWithin(kX, Between(2, 5)));
  parts.leaves.erase(8);
  ExpectMalformed(log_.Compose(parts), "entry 8, the index head, is missing");
  CompleteAnswer answer = log_.Answer(All(kX), log_.size());
  answer.map->index_head = 9;
  ExpectUntrue(answer, "entry 9 is no index head but event");
}

// A log whose entry 0 is `leaf`, and one more.
absl::Status VerifyWithGenesis(const Leaf& leaf) {
  testing::TestLog log = testing::TestLog::Empty({});
  log.AddLeaf(leaf, std::nullopt);
  CompleteAnswer answer;
  answer.query = RecordedWithin(kX, {});
  answer.has_tail = true;
  answer.leaves = {{0, log.leaves()[0]}};
  Checkpoint head;
  head.origin = log.origin();
  head.size = 1;
  head.root = log.RootAt(1);
  return VerifyCompleteAnswer(answer, head, answer.query, std::nullopt).status();
}

TEST(AnswerGenesis, Entry0IsAGenesisThatParses) {
  Leaf leaf;
  leaf.kind = EntryKind::kGenesis;
  leaf.recorded_at_us = 1;
  leaf.body = EncodeGenesis(testing::TestLog().GenesisOf()).value();
  EXPECT_OK(VerifyWithGenesis(leaf));
  leaf.kind = EntryKind::kEvent;
  EXPECT_THAT(VerifyWithGenesis(leaf),
              StatusIs(StatusCode::kDataLoss, HasSubstr("entry 0 is no genesis")));
  leaf.kind = EntryKind::kGenesis;
  leaf.body.pop_back();
  EXPECT_THAT(VerifyWithGenesis(leaf),
              StatusIs(StatusCode::kDataLoss, HasSubstr("genesis predecessor")));
}

TEST_F(AnswerCheckTest, AnIndexHeadCoversWhatWasThereAndParses) {
  log_.AddIndexHeadSaying(12, log_.MapRoot(11));  // at 11
  IndexedLog::Parts parts = Parts(All(kX));
  CompleteAnswer answer = log_.Compose(Parts(RecordedWithin(kNobody, {})));
  ExpectUntrue(answer, "the index head at entry 11 covers 12 entries, more than there were");
  Leaf leaf;
  leaf.kind = EntryKind::kIndexHead;
  leaf.recorded_at_us = log_.NextTime();
  leaf.body = "?";
  IndexedLog other;
  other.Add({});
  other.AddIndexHead();
  answer = other.Answer(All(kX), 3);
  leaf.recorded_at_us = other.NextTime();
  other.AddLeaf(leaf);
  answer.leaves.push_back({3, other.log().leaves()[3]});
  answer.map->index_head = 3;
  answer.leaves = {{0, other.log().leaves()[0]}, {3, other.log().leaves()[3]}};
  answer.has_tail = false;
  answer.proof = SetProof({0, 3}, 4, other.log()).value();
  EXPECT_THAT(VerifyCompleteAnswer(answer, other.HeadOf(4), answer.query, std::nullopt),
              StatusIs(StatusCode::kDataLoss, HasSubstr("entry 3: index head version")));
}

TEST_F(AnswerCheckTest, AnOldIndexHeadIsNoticed) {
  log_.AddIndexHead();  // 11
  IndexedLog::Parts parts = log_.TrueParts(All(kX), 11);
  parts.size = log_.size();
  parts.leaves.insert(11);
  ExpectUntrue(log_.Compose(parts), "rests on an old index head or none: entry 11 is newer");
  // Where the answer stops, its claim stops there as well.
  parts.tail = false;
  parts.leaves = {0, 1, 2, 4, 6, 8};
  EXPECT_EQ(Verify(log_.Compose(parts))->complete_size, 8u);
}

TEST_F(AnswerCheckTest, AnIndexHeadIsNotPassedOver) {
  IndexedLog::Parts parts = Parts(All(kX));
  parts.index_head.reset();
  for (uint64_t i = 0; i < log_.size(); ++i) parts.leaves.insert(i);
  ExpectUntrue(log_.Compose(parts), "rests on an old index head or none: entry 8 is newer");
}

TEST_F(AnswerCheckTest, WhatIndexHeadsCoverNeverFalls) {
  log_.AddIndexHead(10);  // 11
  log_.AddIndexHead(9);   // 12
  ExpectUntrue(log_.Answer(All(kX), log_.size()),
               "the index head at entry 11 covers 10 entries, the later one only 9");
}

TEST_F(AnswerCheckTest, TwoMapsOfOneSizeContradictEachOther) {
  log_.AddIndexHead(10);  // 11
  log_.AddIndexHead(10);
  EXPECT_OK(Verify(log_.Answer(All(kX), log_.size())));
  log_.AddIndexHeadSaying(13, EmptyRoot());
  log_.AddIndexHead(13);
  ExpectUntrue(log_.Answer(All(kX), log_.size()),
               "the index head at entry 13 has another map of the same 13 entries");
}

TEST_F(AnswerCheckTest, AnIndexHeadInTheTailIsOne) {
  Leaf leaf;
  leaf.kind = EntryKind::kIndexHead;
  leaf.recorded_at_us = log_.NextTime();
  leaf.body = "?";
  log_.AddLeaf(leaf);  // 11
  log_.AddIndexHead(10);
  ExpectUntrue(log_.Answer(All(kX), log_.size()), "entry 11: index head version");
}

TEST_F(AnswerCheckTest, ATailIsWhole) {
  for (const uint64_t missing : {9, 10}) {
    IndexedLog::Parts parts = Parts(All(kX));
    parts.leaves.erase(missing);
    ExpectMalformed(log_.Compose(parts),
                    absl::StrCat("the tail from entry 8 on lacks entry ", missing));
  }
}

TEST_F(AnswerCheckTest, ATagThatIsThereIsNotSaidToBeAbsent) {
  CompleteAnswer answer = log_.Answer(All(kX), log_.size());
  answer.map->range.reset();
  EXPECT_FALSE(Verify(answer).ok());
  const CompleteAnswer nobody = log_.Answer(All(kNobody), log_.size());
  answer = nobody;
  answer.query.tag = kX;
  EXPECT_THAT(Verify(answer), StatusIs(StatusCode::kDataLoss, HasSubstr("map proof")));
}

TEST_F(AnswerCheckTest, AnotherTagsLogIsNotThisOnes) {
  CompleteAnswer answer = log_.Answer(All(kY), log_.size());
  answer.query.tag = kX;
  EXPECT_THAT(Verify(answer), StatusIs(StatusCode::kDataLoss, HasSubstr("map proof: computed")));
}

TEST_F(AnswerCheckTest, HiddenAddedSwappedAndRepeatedEntries) {
  const CompleteAnswer honest = log_.Answer(All(kX), log_.size());
  ASSERT_OK(Verify(honest));
  CompleteAnswer answer = honest;
  auto* places = &answer.map->range->places;
  places->erase(places->begin() + 1);
  EXPECT_FALSE(Verify(answer).ok()) << "hidden";
  answer = honest;
  places = &answer.map->range->places;
  std::swap((*places)[1], (*places)[2]);
  ExpectUntrue(answer, "range: root");
  answer = honest;
  places = &answer.map->range->places;
  (*places)[2] = (*places)[1];
  ExpectUntrue(answer, "range: root");
  answer = honest;
  answer.map->range->places[1].entry.index = 0;
  ExpectUntrue(answer, "entry 0 does not carry the tag");
  answer = honest;
  answer.map->range->places[1].entry.index = 3;
  ExpectMalformed(answer, "entry 3 is missing");
  answer = honest;
  answer.map->range->places[1].entry.index = 10;
  ExpectUntrue(answer, "entry 10 is not among the 8 that the index head covers");
}

TEST_F(AnswerCheckTest, AnAnswerIsShownAndNothingElseIs) {
  IndexedLog::Parts parts = Parts(All(kX));
  parts.shown.erase(4);
  ExpectUntrue(log_.Compose(parts), "entry 4 is an answer and is not shown");
  parts = Parts(RecordedWithin(kX, Between(2, 5)));
  parts.shown.insert(6);
  parts.leaves.insert(6);
  ExpectUntrue(log_.Compose(parts), "entry 6 is shown and is no answer");
  parts = Parts(All(kX));
  parts.leaves.insert(3);
  ExpectMalformed(log_.Compose(parts), "entry 3 has no part in it");
  parts = Parts(RecordedWithin(kX, Between(2, 5)));
  parts.leaves.insert(10);
  ExpectMalformed(log_.Compose(parts), "entry 10 has no part in it");
}

TEST_F(AnswerCheckTest, TheEdgesOfAWindowAreShown) {
  const AnswerQuery query = RecordedWithin(kX, Between(2, 5));
  IndexedLog::Parts parts = Parts(query);
  ASSERT_EQ(parts.end, 4u);
  parts.first = 1;
  ExpectUntrue(log_.Compose(parts),
               "before entry 2 in the tag's log is not shown to be before the window");
  parts = Parts(query);
  parts.end = 3;
  ExpectUntrue(log_.Compose(parts),
               "follows entry 4 in the tag's log is not shown to be behind the window");
  // More neighbours than needed tell more than was asked.
  parts = Parts(RecordedWithin(kX, Between(3, 5)));
  parts.first = 0;
  ExpectMalformed(log_.Compose(parts), "more entries beside the window");
  parts = Parts(RecordedWithin(kX, Between(1, 2)));
  parts.end = 3;
  ExpectMalformed(log_.Compose(parts), "more entries beside the window");
}

TEST_F(AnswerCheckTest, ARangeHasAPlace) {
  CompleteAnswer answer = log_.Answer(All(kX), log_.size());
  answer.map->range->places.clear();
  ExpectMalformed(answer, "an empty range proves nothing");
}

// The rest takes a map that lies, or a log that breaks its own rules.

// A log of entry 1 of x and an index head, whose map has for x the log that `entries` make.
struct FalseMap {
  explicit FalseMap(const std::vector<TagLogEntry>& entries, uint64_t count) {
    std::vector<std::string> leaves;
    for (const TagLogEntry& entry : entries) leaves.push_back(EncodeTagLogEntry(entry));
    testing::ReferenceTree tree(leaves);
    const TagValue value{count, tree.Root(leaves.size())};
    log.Add({kX});
    log.Add({});
    log.AddIndexHeadSaying(3, TagLeafHash(kX, value));
    answer = log.Answer(RecordedWithin(kX, {0, 1}), 4);
    answer.map->proof = "";
    answer.map->range->value = value;
    answer.map->range->places.clear();
    for (const TagLogEntry& entry : entries) answer.map->range->places.push_back({false, entry});
    answer.map->range->proof.clear();
    answer.query.recorded = {1'000'000, kNoEnd};
    answer.query.event = {1, 2};
    answer.has_tail = true;
    answer.leaves = {{0, log.log().leaves()[0]}, {3, log.log().leaves()[3]}};
    answer.proof = SetProof({0, 3}, 4, log.log()).value();
  }
  absl::Status Verify() {
    return VerifyCompleteAnswer(answer, log.HeadOf(4), answer.query, std::nullopt).status();
  }
  IndexedLog log;
  CompleteAnswer answer;
};

TEST(AnswerOfAFalseMap, EntriesAscendInPlaceAndTime) {
  EXPECT_OK(FalseMap({{1, 10, 0, kX}, {2, 20'000'000, 0, kY}}, 2).Verify());
  EXPECT_THAT(FalseMap({{2, 10, 0, kX}, {1, 20'000'000, 0, kY}}, 2).Verify(),
              StatusIs(StatusCode::kDataLoss, HasSubstr("entry 1 follows entry 2")));
  EXPECT_THAT(FalseMap({{1, 10, 0, kX}, {1, 20'000'000, 0, kY}}, 2).Verify(),
              StatusIs(StatusCode::kDataLoss, HasSubstr("entry 1 follows entry 1")));
  for (const uint64_t time : {9, 10}) {
    EXPECT_THAT(
        FalseMap({{1, 10, 0, kX}, {2, time, 0, kY}}, 2).Verify(),
        StatusIs(StatusCode::kDataLoss, HasSubstr("entry 2 was recorded no later than entry 1")));
  }
}

TEST(AnswerOfAFalseMap, ATagHasNoMoreEntriesThanAreCovered) {
  EXPECT_THAT(
      FalseMap({{1, 10, 0, kX}}, 4).Verify(),
      StatusIs(StatusCode::kDataLoss, HasSubstr("the map counts 4 entries of the tag among 3")));
  EXPECT_THAT(FalseMap({{3, 10, 0, kX}}, 1).Verify(),
              StatusIs(StatusCode::kDataLoss, HasSubstr("entry 3 is not among the 3")));
}

TEST(AnswerOfABrokenLog, EntriesParseAndWereRecordedInOrder) {
  testing::TestLog log;
  const auto verify = [&] {
    CompleteAnswer answer;
    answer.query = RecordedWithin(kX, {});
    answer.has_tail = true;
    for (uint64_t i = 0; i < log.size(); ++i) answer.leaves.push_back({i, log.leaves()[i]});
    Checkpoint head;
    head.origin = log.origin();
    head.size = log.size();
    head.root = log.RootAt(log.size());
    return VerifyCompleteAnswer(answer, head, answer.query, std::nullopt).status();
  };
  Leaf leaf;
  leaf.recorded_at_us = log.NextTime();
  log.AddLeaf(leaf, std::nullopt);
  EXPECT_OK(verify());
  log.AddLeaf(leaf, std::nullopt);
  EXPECT_THAT(verify(), StatusIs(StatusCode::kDataLoss,
                                 HasSubstr("entry 2 was recorded no later than entry 1")));
  log = testing::TestLog();
  log.AddBytes("no leaf", std::nullopt);
  EXPECT_THAT(verify(), StatusIs(StatusCode::kDataLoss, HasSubstr("entry 1: leaf version")));
}

}  // namespace
}  // namespace auditledger
