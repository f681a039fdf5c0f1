// Walks over the index against looking at every entry: random worlds, questions and limits, both
// ways, resumed wherever they get tired.
//
// Covers: api/search/search_query
#include "api/search/search_query.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/testing/seed.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

PostingTerm TermOf(uint64_t number) {
  PostingTerm term;
  std::copy_n(LeafHash(absl::StrCat(number)).bytes.begin(), kPostingTermBytes, term.bytes.begin());
  return term;
}

class SearchQueryTest : public ::testing::Test {
 protected:
  // Entries [size_, size_ + count), each `step` apart from the next, with terms and times by the
  // dice.
  void Grow(uint64_t count, uint64_t step = 1) {
    PostingBatch batch;
    for (uint64_t i = 0; i < count; ++i, size_ += step) {
      std::set<uint64_t>& terms = world_[size_];
      for (uint64_t term = 0; term < 10; ++term) {
        if (dice_() % (1 + term * term) == 0) terms.insert(term);
      }
      for (const uint64_t term : terms) batch.runs[TermOf(term)].push_back(size_);
      // Mostly in order, with some that come late.
      const uint64_t time = 1000 + (dice_() % 20 == 0 ? dice_() % (size_ + 1) : size_);
      times_[size_] = time;
      const auto [zone, is_new] =
          batch.zones.try_emplace(size_ / kZoneEntries, TimeBounds{time, time});
      zone->second = {std::min(zone->second.least, time), std::max(zone->second.greatest, time)};
    }
    batch.position = size_;
    ASSERT_OK(store_->Apply(batch));
  }
  std::vector<uint64_t> Expected(const std::vector<std::vector<uint64_t>>& question,
                                 const SearchRange& range) const {
    std::vector<uint64_t> out;
    for (const auto& [entry, of_entry] : world_) {
      const auto& terms = of_entry;  // clang: no lambda may name a structured binding
      const bool wanted = std::all_of(question.begin(), question.end(), [&](const auto& group) {
        return std::any_of(group.begin(), group.end(),
                           [&](uint64_t term) { return terms.contains(term); });
      });
      const bool within = range.begin <= entry && entry < range.end;
      if (wanted && within && range.event_time.Holds(times_.at(entry))) out.push_back(entry);
    }
    if (range.order == LogOrder::kBackward) std::reverse(out.begin(), out.end());
    return out;
  }
  // By as many walks as it takes. What lies beside the window, a caller sees by the leaf.
  std::vector<uint64_t> Walked(const std::vector<std::vector<uint64_t>>& question,
                               SearchRange range, uint64_t max_steps) {
    std::vector<std::vector<PostingTerm>> groups;
    for (const auto& group : question) {
      groups.emplace_back();
      for (const uint64_t term : group) groups.back().push_back(TermOf(term));
    }
    std::vector<uint64_t> out;
    PostingReader reader(store_);
    for (int walks = 0; walks < 100'000; ++walks) {
      SearchWalk walk(reader, groups, range, max_steps);
      uint64_t pause = 1 + dice_() % 50;
      std::optional<uint64_t> found;
      do {
        found = walk.Next().value();
        if (found && range.event_time.Holds(times_.at(*found))) out.push_back(*found);
      } while (found && --pause > 0);
      if (!found && !walk.tired()) return out;
      (range.order == LogOrder::kForward ? range.begin : range.end) = walk.next();
    }
    ADD_FAILURE() << "it does not come to an end";
    return out;
  }
  std::vector<std::vector<uint64_t>> RandomQuestion() {
    std::vector<std::vector<uint64_t>> question(1 + dice_() % 3);
    for (auto& group : question) {
      for (uint64_t n = 1 + dice_() % 3; n > 0; --n) group.push_back(dice_() % 11);
    }
    return question;
  }

  testing::TempDir dir_;
  std::mt19937_64 dice_{testing::TestSeed()};
  std::shared_ptr<PostingStore> store_ =
      PostingStore::Open(dir_ / "index", "test.example/log", Hash{}).value();
  uint64_t size_ = 0;
  std::map<uint64_t, std::set<uint64_t>> world_;
  std::map<uint64_t, uint64_t> times_;
};

TEST_F(SearchQueryTest, FindsWhatLookingAtEveryEntryFinds) {
  for (int i = 0; i < 12; ++i) Grow(1 + dice_() % 80);
  for (int round = 0; round < 400; ++round) {
    const auto question = RandomQuestion();
    SearchRange range;
    range.order = dice_() % 2 == 0 ? LogOrder::kForward : LogOrder::kBackward;
    range.begin = dice_() % 3 == 0 ? dice_() % (size_ + 1) : 0;
    range.end = dice_() % 3 == 0 ? dice_() % (size_ + 1) : size_;
    const uint64_t steps = dice_() % 2 == 0 ? kMaxSearchSteps : 1 + dice_() % 30;
    ASSERT_EQ(Walked(question, range, steps), Expected(question, range)) << "round " << round;
  }
}

TEST_F(SearchQueryTest, WindowsInEventTimeLeapOverZones) {
  for (int i = 0; i < 20; ++i) Grow(200, /*step=*/1 + dice_() % 200);
  for (int round = 0; round < 200; ++round) {
    const auto question = RandomQuestion();
    SearchRange range;
    range.order = dice_() % 2 == 0 ? LogOrder::kForward : LogOrder::kBackward;
    range.end = size_;
    range.event_time.from = 1000 + dice_() % size_;
    range.event_time.to = range.event_time.from + dice_() % (size_ / 4);
    ASSERT_EQ(Walked(question, range, kMaxSearchSteps), Expected(question, range)) << round;
  }
}

// The rare term leads: what the common one has beside it costs nothing.
TEST_F(SearchQueryTest, WorkFollowsTheRarest) {
  PostingBatch batch;
  for (uint64_t begin = 0; begin < 100 * 1000; begin += 1000) {
    batch.runs.clear();
    for (uint64_t entry = begin; entry < begin + 1000; ++entry) {
      batch.runs[TermOf(1)].push_back(entry);
    }
    if (begin == 50'000) batch.runs[TermOf(2)] = {50'500};
    batch.position = begin + 1000;
    ASSERT_OK(store_->Apply(batch));
  }
  PostingReader reader(store_);
  SearchWalk walk(reader, {{TermOf(1)}, {TermOf(2)}}, {.begin = 0, .end = 100'000});
  EXPECT_EQ(walk.Next().value(), 50'500u);
  EXPECT_EQ(walk.Next().value(), std::nullopt);
  EXPECT_FALSE(walk.tired());
  EXPECT_LT(reader.steps(), 10u);
}

TEST_F(SearchQueryTest, ATiredWalkSaysWhereToGoOn) {
  Grow(500);
  PostingReader reader(store_);
  SearchWalk walk(reader, {{TermOf(0)}, {TermOf(0)}}, {.begin = 0, .end = size_}, /*max_steps=*/1);
  // Both lists have every entry: nothing but the bound on leaps ends it before its time.
  uint64_t found = 0;
  while (walk.Next().value().has_value()) ++found;
  EXPECT_TRUE(walk.tired());
  EXPECT_LT(found, 500u);
  EXPECT_LE(walk.next(), found + 1);
}

TEST_F(SearchQueryTest, AnEmptyRangeHoldsNothing) {
  Grow(10);
  PostingReader reader(store_);
  for (const LogOrder order : {LogOrder::kForward, LogOrder::kBackward}) {
    SearchWalk walk(reader, {{TermOf(0)}}, {.begin = 5, .end = 5, .order = order});
    EXPECT_EQ(walk.Next().value(), std::nullopt);
    EXPECT_FALSE(walk.tired());
    EXPECT_EQ(walk.next(), 5u);
  }
}

}  // namespace
}  // namespace auditledger
