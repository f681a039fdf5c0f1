// A server that answers falsely: what it hides, adds, swaps and repeats, from which index head, tag
// and window it takes its proofs, at all positions of small logs and at random in larger ones. What
// is accepted is the truth, always; and the one true answer is.
//
// Covers: merkle/answer_check
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/answer_check.h"
#include "tests/testing/indexed_log.h"
#include "tests/testing/seed.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::IndexedLog;

const std::vector<Hash>& Tags() {
  static const auto& tags =
      *new std::vector<Hash>{LeafHash("x"), LeafHash("y"), LeafHash("nobody")};
  return tags;
}

// Whom the liar lies to: with the question, and the head that it has.
class Asker {
 public:
  Asker(IndexedLog& log, uint64_t size) : log_(log), size_(size), head_(log.HeadOf(size)) {}

  // Whether it is believed; then it must be true.
  bool Believes(const CompleteAnswer& answer, const AnswerQuery& asked) {
    ++asked_;
    const auto proven = VerifyCompleteAnswer(answer, head_, asked, std::nullopt);
    if (!proven.ok()) return false;
    std::vector<uint64_t> entries;
    for (const AnswerLeaf& shown : proven->entries) {
      entries.push_back(shown.index);
      EXPECT_EQ(shown.leaf, log_.log().leaves()[shown.index]);
    }
    EXPECT_EQ(entries, log_.Truth(asked, proven->complete_size))
        << "complete to " << proven->complete_size << " of " << size_;
    return true;
  }
  uint64_t asked() const { return asked_; }

 private:
  IndexedLog& log_;
  const uint64_t size_;
  const Checkpoint head_;
  uint64_t asked_ = 0;
};

// Every window between entries of the log, in recorded time.
std::vector<TimeWindow> Windows(const IndexedLog& log) {
  std::vector<TimeWindow> windows;
  for (uint64_t from = 1; from < log.size(); ++from) {
    for (uint64_t to = from + 1; to <= log.size(); ++to) {
      windows.push_back({from == 1 ? 0 : log.leaf(from).recorded_at_us,
                         to == log.size() ? kNoEnd : log.leaf(to).recorded_at_us});
    }
  }
  return windows;
}

// Everything that Compose can show for a question: from each index head, any tag's log, any range
// of it, with and without tail, what is an answer shown or one of them kept back. `lie` gets each.
void ForEachLie(IndexedLog& log, const AnswerQuery& asked,
                const std::function<void(const CompleteAnswer&)>& lie) {
  const uint64_t size = log.size();
  std::vector<std::optional<uint64_t>> heads = {std::nullopt};
  for (uint64_t i = 0; i < size; ++i) {
    if (log.leaf(i).kind == EntryKind::kIndexHead) heads.push_back(i);
  }
  for (const auto& head : heads) {
    const uint64_t covered = log.Covered(head);
    for (const Hash& tag : Tags()) {
      const uint64_t count = log.Truth(RecordedWithin(tag, {}), covered).size();
      for (uint64_t first = 0; first <= count; ++first) {
        for (uint64_t end = std::max<uint64_t>(first + 1, 1); end <= std::max<uint64_t>(count, 1);
             ++end) {
          if (count > 0 && first == count) continue;
          IndexedLog::Parts parts{asked, size, head, tag, first, end, {}, false, {0}};
          if (head.has_value()) parts.leaves.insert(*head);
          AnswerQuery of_tag = asked;
          of_tag.tag = tag;
          std::vector<uint64_t> answers = log.Truth(of_tag, covered);
          const std::vector<uint64_t> all = log.Truth(RecordedWithin(tag, {}), covered);
          std::erase_if(answers, [&](uint64_t index) {
            const auto at =
                static_cast<uint64_t>(std::find(all.begin(), all.end(), index) - all.begin());
            return at < first || at >= end;
          });
          for (size_t kept_back = 0; kept_back <= answers.size(); ++kept_back) {
            IndexedLog::Parts with = parts;
            for (size_t i = 0; i < answers.size(); ++i) {
              if (i == kept_back) continue;
              with.shown.insert(answers[i]);
              with.leaves.insert(answers[i]);
            }
            lie(log.Compose(with));
            with.tail = true;
            for (uint64_t i = covered; i < size; ++i) with.leaves.insert(i);
            lie(log.Compose(with));
            // A tail with an entry less, which is then shown to nobody.
            for (uint64_t i = covered; kept_back == answers.size() && i < size; ++i) {
              IndexedLog::Parts short_tail = with;
              short_tail.leaves.erase(i);
              if (!short_tail.leaves.empty()) lie(log.Compose(short_tail));
            }
          }
        }
        if (count == 0) break;
      }
    }
  }
}

// What can be done to the parts of an answer without its proofs.
void ForEachChange(const CompleteAnswer& answer,
                   const std::function<void(const CompleteAnswer&)>& lie) {
  const auto with = [&](const std::function<void(CompleteAnswer&)>& change) {
    CompleteAnswer changed = answer;
    change(changed);
    if (!(changed == answer)) lie(changed);
  };
  const auto each_list = [&](auto list_of) {
    CompleteAnswer copy = answer;
    const auto* list = list_of(copy);
    const size_t size = list == nullptr ? 0 : list->size();
    for (size_t i = 0; i < size; ++i) {
      with([&](CompleteAnswer& a) { list_of(a)->erase(list_of(a)->begin() + ptrdiff_t(i)); });
      for (size_t j = 0; j < size; ++j) {
        with([&](CompleteAnswer& a) { std::swap((*list_of(a))[i], (*list_of(a))[j]); });
        with([&](CompleteAnswer& a) { (*list_of(a))[i] = (*list_of(a))[j]; });
        with([&](CompleteAnswer& a) {
          const auto copied = (*list_of(a))[j];
          list_of(a)->insert(list_of(a)->begin() + ptrdiff_t(i), copied);
        });
      }
    }
  };
  using Places = std::vector<AnswerPlace>;
  using Hashes = std::vector<Hash>;
  const auto range = [](CompleteAnswer& a) {
    return a.map.has_value() && a.map->range.has_value() ? &*a.map->range : nullptr;
  };
  each_list([&](CompleteAnswer& a) -> Places* { return range(a) ? &range(a)->places : nullptr; });
  each_list([&](CompleteAnswer& a) -> Hashes* { return range(a) ? &range(a)->proof : nullptr; });
  each_list([](CompleteAnswer& a) { return &a.leaves; });
  each_list([](CompleteAnswer& a) { return &a.proof; });
  with([](CompleteAnswer& a) { a.has_tail = !a.has_tail; });
  for (size_t i = 0; i < answer.leaves.size(); ++i) {
    with([&](CompleteAnswer& a) { ++a.leaves[i].index; });
    with([&](CompleteAnswer& a) { --a.leaves[i].index; });
  }
  if (!answer.map.has_value()) return;
  with([](CompleteAnswer& a) { a.map->range.reset(); });
  with([](CompleteAnswer& a) { a.map.reset(); });
  for (const AnswerLeaf& shown : answer.leaves) {
    with([&](CompleteAnswer& a) { a.map->index_head = shown.index; });
  }
  CompleteAnswer copy = answer;
  if (range(copy) == nullptr) return;
  for (const int step : {-1, 1}) {
    with([&](CompleteAnswer& a) { range(a)->first += static_cast<uint64_t>(step); });
    with([&](CompleteAnswer& a) { range(a)->value.count += static_cast<uint64_t>(step); });
  }
  for (size_t i = 0; i < range(copy)->places.size(); ++i) {
    with([&](CompleteAnswer& a) { range(a)->places[i].shown ^= true; });
    for (uint64_t index = 0; index < 8; ++index) {
      with([&](CompleteAnswer& a) { range(a)->places[i].entry.index = index; });
    }
    with([&](CompleteAnswer& a) { ++range(a)->places[i].entry.recorded_at_us; });
    with([&](CompleteAnswer& a) { ++range(a)->places[i].entry.event_time_us; });
  }
}

// Which tags an entry has, of x and y; or it is an index head.
constexpr uint64_t kIndexHead = 4;

IndexedLog World(uint64_t number, uint64_t entries) {
  IndexedLog log;
  for (uint64_t i = 0; i < entries; ++i, number /= 5) {
    const uint64_t what = number % 5;
    if (what == kIndexHead) {
      log.AddIndexHead();
      continue;
    }
    std::set<Hash> tags;
    if ((what & 1) != 0) tags.insert(Tags()[0]);
    if ((what & 2) != 0) tags.insert(Tags()[1]);
    // Some happened long before they were recorded.
    log.Add(tags, i % 2 == 1 ? log.leaf(0).recorded_at_us + i : 0);
  }
  return log;
}

TEST(AnswerLiarTest, NoAnswerOfAnySmallWorldIsBelievedThatIsNotTrue) {
  constexpr uint64_t kEntries = 4;
  uint64_t worlds = 1;
  for (uint64_t i = 0; i < kEntries; ++i) worlds *= 5;
  uint64_t asked = 0;
  uint64_t believed = 0;
  for (uint64_t world = 0; world < worlds; ++world) {
    IndexedLog log = World(world, kEntries);
    Asker asker(log, log.size());
    for (const TimeWindow& window : Windows(log)) {
      const Hash& tag = Tags()[0];
      for (const AnswerQuery& query : {RecordedWithin(tag, window), AnswerQuery{tag, {}, window}}) {
        ASSERT_TRUE(asker.Believes(log.Answer(query, log.size()), query)) << world;
        ForEachLie(log, query, [&](const CompleteAnswer& answer) {
          believed += asker.Believes(answer, query) ? 1 : 0;
        });
        ASSERT_FALSE(HasFailure()) << "world " << world << ", window " << window.from_us;
      }
    }
    asked += asker.asked();
  }
  std::printf("%llu answers, %llu of them true\n", static_cast<unsigned long long>(asked),
              static_cast<unsigned long long>(believed));
  EXPECT_GT(believed, 0u) << "what stops at the index head is among them";
}

TEST(AnswerLiarTest, NoChangeOfAnyAnswerOfASmallWorldIsBelievedThatIsNotTrue) {
  std::mt19937_64 random(testing::TestSeed());
  uint64_t asked = 0;
  for (int round = 0; round < 40; ++round) {
    IndexedLog log = World(random(), 7);
    Asker asker(log, log.size());
    const std::vector<TimeWindow> windows = Windows(log);
    for (int i = 0; i < 3; ++i) {
      const TimeWindow& window = windows[random() % windows.size()];
      const AnswerQuery query = random() % 2 == 0 ? RecordedWithin(Tags()[0], window)
                                                  : AnswerQuery{Tags()[0], {}, window};
      ForEachChange(log.Answer(query, log.size()),
                    [&](const CompleteAnswer& answer) { asker.Believes(answer, query); });
      ASSERT_FALSE(HasFailure()) << "round " << round;
    }
    asked += asker.asked();
  }
  std::printf("%llu answers\n", static_cast<unsigned long long>(asked));
}

TEST(AnswerLiarTest, NoFlippedBitOfAnAnswerIsBelieved) {
  IndexedLog log = World(1 + 5 * (3 + 5 * (4 + 5 * (2 + 5 * 1))), 6);
  const AnswerQuery query = RecordedWithin(Tags()[0], {});
  Asker asker(log, log.size());
  const CompleteAnswer honest = log.Answer(query, log.size());
  ASSERT_TRUE(asker.Believes(honest, query));
  const std::string bytes = EncodeCompleteAnswer(honest).value();
  // The note's signature is the verifier's business (verifier/), not this check's.
  const size_t note_end = 1 + 4 + honest.checkpoint.size();
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    if (bit / 8 >= 5 && bit / 8 < note_end) continue;
    std::string flipped = bytes;
    flipped[bit / 8] ^= static_cast<char>(1 << bit % 8);
    const auto answer = ParseCompleteAnswer(flipped);
    if (!answer.ok()) continue;
    EXPECT_FALSE(asker.Believes(*answer, query)) << "bit " << bit;
  }
}

TEST(AnswerLiarTest, RandomLiesAboutALargerLog) {
  std::mt19937_64 random(testing::TestSeed());
  IndexedLog log;
  while (log.size() < 300) {
    if (random() % 20 == 0) {
      log.AddIndexHead();
      continue;
    }
    std::set<Hash> tags;
    for (const Hash& tag : Tags()) {
      if (random() % 4 == 0 && tag != Tags()[2]) tags.insert(tag);
    }
    log.Add(tags, random() % 3 == 0 ? log.NextTime() - random() % 100'000 : 0);
  }
  Asker asker(log, log.size());
  const std::vector<TimeWindow> windows = Windows(log);
  uint64_t believed = 0;
  for (int round = 0; round < 4000; ++round) {
    const TimeWindow& window = windows[random() % windows.size()];
    const AnswerQuery query =
        random() % 2 == 0 ? RecordedWithin(Tags()[0], window) : AnswerQuery{Tags()[0], {}, window};
    // As asked, or about something else, with a part of another answer or two changed.
    IndexedLog::Parts parts = log.TrueParts(query, log.size());
    const AnswerQuery other =
        RecordedWithin(Tags()[random() % 3], windows[random() % windows.size()]);
    const IndexedLog::Parts foreign = log.TrueParts(other, 1 + random() % log.size());
    if (random() % 3 == 0) parts.index_head = foreign.index_head;
    if (random() % 3 == 0) {
      parts.map_tag = foreign.map_tag;
      parts.shown = foreign.shown;
    }
    const uint64_t count =
        log.Truth(RecordedWithin(parts.map_tag, {}), log.Covered(parts.index_head)).size();
    if (random() % 2 == 0) parts.first += random() % 3;
    if (random() % 2 == 0) parts.end -= std::min<uint64_t>(parts.end, random() % 3);
    parts.end = std::min(parts.end, count);
    parts.first = std::min(parts.first, parts.end > 0 ? parts.end - 1 : 0);
    if (parts.end == 0) parts.end = std::min<uint64_t>(count, 1);
    if (random() % 2 == 0) parts.leaves.erase(random() % log.size());
    if (random() % 3 == 0) parts.leaves.insert(random() % log.size());
    if (random() % 3 == 0 && !parts.shown.empty()) parts.shown.erase(parts.shown.begin());
    CompleteAnswer answer = log.Compose(parts);
    if (random() % 4 == 0 && !answer.leaves.empty()) {
      answer.leaves[random() % answer.leaves.size()].index = random() % log.size();
    }
    believed += asker.Believes(answer, query) ? 1 : 0;
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
  EXPECT_GT(believed, 0u);
}

}  // namespace
}  // namespace auditledger
