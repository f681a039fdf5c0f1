#include "merkle/answer_maker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/answer_check.h"
#include "tests/testing/indexed_log.h"
#include "tests/testing/seed.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::IndexedLog;
using ::auditledger::testing::StatusIs;
using ::testing::HasSubstr;

Hash Tag(uint64_t number) { return LeafHash(absl::StrCat("tag ", number)); }

// Made by the product as the reference makes it, to the byte, and proven to be the truth.
void ExpectAsReference(IndexedLog& log, const AnswerQuery& query, uint64_t size) {
  const auto source = log.Source(size);
  ASSERT_OK_AND_ASSIGN(const CompleteAnswer answer, MakeCompleteAnswer(query, {}, *source));
  const CompleteAnswer reference = log.Answer(query, size);
  ASSERT_EQ(EncodeCompleteAnswer(answer).value(), EncodeCompleteAnswer(reference).value());
  const auto proven = VerifyCompleteAnswer(answer, log.HeadOf(size), query, std::nullopt);
  ASSERT_OK(proven);
  EXPECT_EQ(proven->complete_size, size);
  std::vector<uint64_t> entries;
  for (const AnswerLeaf& shown : proven->entries) {
    entries.push_back(shown.index);
    EXPECT_EQ(shown.leaf, log.log().leaves()[shown.index]);
  }
  EXPECT_EQ(entries, log.Truth(query, size));
}

TEST(AnswerMakerTest, EveryWindowOfEverySizeOfASmallLog) {
  IndexedLog log;
  log.Add({Tag(0), Tag(1)});
  log.Add({Tag(0)});
  log.Add({});
  log.AddIndexHead();
  log.Add({Tag(1)});
  log.AddIndexHead(5);
  log.Add({Tag(0)});
  log.Add({Tag(0), Tag(2)});
  log.AddIndexHead();
  log.Add({Tag(0)});
  for (uint64_t size = 1; size <= log.size(); ++size) {
    for (uint64_t tag = 0; tag < 4; ++tag) {
      for (uint64_t from = 0; from < size; ++from) {
        for (uint64_t to = from + 1; to <= size; ++to) {
          const TimeWindow window{log.leaf(from).recorded_at_us,
                                  to == size ? kNoEnd : log.leaf(to).recorded_at_us};
          ASSERT_NO_FATAL_FAILURE(ExpectAsReference(log, RecordedWithin(Tag(tag), window), size));
          ASSERT_NO_FATAL_FAILURE(ExpectAsReference(log, HappenedWithin(Tag(tag), window), size));
        }
      }
    }
  }
}

TEST(AnswerMakerTest, RandomWindowsOfALargerLog) {
  std::mt19937_64 random(testing::TestSeed());
  IndexedLog log;
  while (log.size() < 400) {
    std::set<Hash> tags;
    for (uint64_t n = random() % 3; n > 0; --n) tags.insert(Tag(random() % 12));
    if (random() % 16 == 0) {
      const uint64_t least = log.Covered(log.IndexHeadBefore(log.size()));
      log.AddIndexHead(std::max<uint64_t>(
          {1, least, log.size() - random() % std::min<uint64_t>(8, log.size())}));
    } else if (random() % 3 == 0) {
      log.Add(tags, log.NextTime() - random() % 200'000);  // late
    } else {
      log.Add(tags, random() % 2 == 0 ? 0 : log.NextTime() - random() % 900);
    }
  }
  for (int round = 0; round < 150; ++round) {
    const uint64_t size = 1 + random() % log.size();
    const uint64_t from = log.leaf(random() % size).recorded_at_us - random() % 2000;
    const TimeWindow window{from, random() % 4 == 0 ? kNoEnd : from + 1 + random() % 300'000};
    const Hash tag = Tag(random() % 13);
    ASSERT_NO_FATAL_FAILURE(ExpectAsReference(log, RecordedWithin(tag, window), size));
    ASSERT_NO_FATAL_FAILURE(ExpectAsReference(log, HappenedWithin(tag, window), size));
    ASSERT_NO_FATAL_FAILURE(
        ExpectAsReference(log, {tag, {from - 50'000, from + 90'000}, window}, size));
  }
}

TEST(AnswerMakerTest, ALongTailIsLeftOutAndTheAnswerSaysSo) {
  IndexedLog log;
  log.Add({Tag(0)});
  log.AddIndexHead();
  const AnswerQuery query = RecordedWithin(Tag(0), {});
  AnswerLimits limits;
  limits.max_tail = 3;  // the index head itself, and two more
  for (uint64_t size = log.size(); size <= 6; ++size) {
    const auto source = log.Source(size);
    ASSERT_OK_AND_ASSIGN(const CompleteAnswer answer, MakeCompleteAnswer(query, limits, *source));
    EXPECT_EQ(answer.has_tail, size <= 5);
    const auto proven = VerifyCompleteAnswer(answer, log.HeadOf(size), query, std::nullopt);
    ASSERT_OK(proven);
    EXPECT_EQ(proven->complete_size, size <= 5 ? size : 2);
    log.Add({Tag(0)});
  }
  // Of what was recorded before, it is complete all the same: a later entry of the tag shows it.
  log.AddIndexHead();
  for (int i = 0; i < 5; ++i) log.Add({Tag(0)});
  const AnswerQuery before = RecordedWithin(Tag(0), {0, log.leaf(4).recorded_at_us});
  const auto source = log.Source(log.size());
  ASSERT_OK_AND_ASSIGN(const CompleteAnswer answer, MakeCompleteAnswer(before, limits, *source));
  EXPECT_FALSE(answer.has_tail);
  const auto proven = VerifyCompleteAnswer(answer, log.HeadOf(log.size()), before, std::nullopt);
  ASSERT_OK(proven);
  EXPECT_EQ(proven->complete_size, log.size());
}

TEST(AnswerMakerTest, WithoutAnIndexHeadALongLogHasNoAnswer) {
  IndexedLog log;
  log.Add({Tag(0)});
  log.Add({Tag(0)});
  AnswerLimits limits;
  limits.max_tail = 3;
  const AnswerQuery query = RecordedWithin(Tag(0), {});
  EXPECT_OK(MakeCompleteAnswer(query, limits, *log.Source(3)));
  limits.max_tail = 2;
  EXPECT_THAT(MakeCompleteAnswer(query, limits, *log.Source(3)),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("3 entries are too many")));
}

TEST(AnswerMakerTest, TooManyPlacesSayWhereToDivideTheWindow) {
  IndexedLog log;
  for (int i = 0; i < 20; ++i) log.Add({Tag(0)});
  log.AddIndexHead();
  AnswerLimits limits;
  limits.max_places = 20;
  EXPECT_OK(MakeCompleteAnswer(RecordedWithin(Tag(0), {}), limits, *log.Source(log.size())));
  limits.max_places = 19;
  EXPECT_THAT(MakeCompleteAnswer(RecordedWithin(Tag(0), {}), limits, *log.Source(log.size())),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("more than 19")));
  limits.max_places = 8;
  // By what it says, in parts that together are all of it.
  TimeWindow window;
  std::set<uint64_t> entries;
  for (int parts = 1;; ++parts) {
    ASSERT_LE(parts, 4);
    auto source = log.Source(log.size());
    AnswerQuery query = RecordedWithin(Tag(0), window);
    auto answer = MakeCompleteAnswer(query, limits, *source);
    const bool last = answer.ok();
    if (!last) {
      ASSERT_THAT(answer, StatusIs(StatusCode::kResourceExhausted, HasSubstr("more than 8")));
      const std::string said(answer.status().message());
      const std::string after = said.substr(said.find("before ") + 7);
      query.recorded.to_us = std::stoull(after);
      answer = MakeCompleteAnswer(query, limits, *source);
      ASSERT_OK(answer);
    }
    const auto proven = VerifyCompleteAnswer(*answer, log.HeadOf(log.size()), query, std::nullopt);
    ASSERT_OK(proven);
    for (const AnswerLeaf& shown : proven->entries) entries.insert(shown.index);
    if (last) break;
    window.from_us = query.recorded.to_us;
  }
  EXPECT_EQ(entries.size(), 20u);
}

TEST(AnswerMakerTest, AnEmptyWindowIsNoQuestion) {
  IndexedLog log;
  log.AddIndexHead();
  EXPECT_THAT(MakeCompleteAnswer(RecordedWithin(Tag(0), {5, 5}), {}, *log.Source(1)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no time in it")));
}

TEST(AnswerMakerTest, ASourcesErrorIsHandedOn) {
  IndexedLog log;
  log.Add({Tag(0)});
  log.Add({Tag(1)});
  log.AddIndexHead();
  class Broken : public AnswerSource {
   public:
    Broken(AnswerSource& source, int part) : source_(source), part_(part) {}
    std::string checkpoint() const override { return source_.checkpoint(); }
    uint64_t size() const override { return source_.size(); }
    std::optional<uint64_t> index_head() const override { return source_.index_head(); }
    uint64_t covered() const override { return source_.covered(); }
    NodeReader& nodes() override { return part_ == 0 ? broken_nodes_ : source_.nodes(); }
    PatriciaReader& map() override { return part_ == 1 ? broken_map_ : source_.map(); }
    absl::StatusOr<std::string> ReadLeaf(uint64_t index) override {
      if (part_ == 2) return absl::UnavailableError("disk");
      return source_.ReadLeaf(index);
    }
    absl::StatusOr<std::unique_ptr<TagLogReader>> OpenTag(const Hash& tag) override {
      if (part_ == 3) return absl::UnavailableError("disk");
      return source_.OpenTag(tag);
    }

   private:
    struct BrokenNodes : NodeReader {
      absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>&) override {
        return absl::UnavailableError("disk");
      }
    } broken_nodes_;
    struct BrokenMap : PatriciaReader {
      absl::StatusOr<std::optional<PatriciaNode>> ReadNode(const PatriciaSlot&) override {
        return absl::UnavailableError("disk");
      }
    } broken_map_;
    AnswerSource& source_;
    const int part_;
  };
  log.Add({});
  for (const uint64_t tag : {0, 2}) {
    // Before the tail, so that not every entry is shown and no node read.
    const AnswerQuery query =
        RecordedWithin(Tag(tag), {log.leaf(1).recorded_at_us, log.leaf(2).recorded_at_us});
    const auto source = log.Source(log.size());
    for (int part = 0; part < 4; ++part) {
      Broken broken(*source, part);
      EXPECT_THAT(MakeCompleteAnswer(query, {}, broken), StatusIs(StatusCode::kUnavailable))
          << tag << " " << part;
    }
  }
}

}  // namespace
}  // namespace auditledger
