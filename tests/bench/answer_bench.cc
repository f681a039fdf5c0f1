// What the verifiable index costs to keep, and how large, how quickly made and how quickly checked
// complete answers are: all in memory, so that it is the computation that is measured.
//
//   answer_bench [--entries 1000000] [--tags 100000] [--tail 4096] [--seconds 1]
//
// Each entry has the tag of a patient, few of whom have many entries (Zipf, exponent 1), and of one
// of 2,000 agents. Beside them are patients of 0, 1, 10, 100 and 1,000 entries, spread over the
// log, whom answers are about. Times are of CPU time, which other work on the host leaves alone.
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/answer_check.h"
#include "merkle/answer_maker.h"
#include "merkle/frontier.h"
#include "merkle/leaf.h"
#include "merkle/patricia.h"
#include "merkle/system_entries.h"
#include "merkle/tag_map.h"

namespace auditledger {
namespace {

constexpr uint64_t kEpochEntries = 4096;
constexpr uint64_t kAgents = 2000;
constexpr uint64_t kFirstUs = 1'760'000'000'000'000;
constexpr uint64_t kStepUs = 50;  // 20,000 events a second
constexpr uint64_t kAskedCounts[] = {0, 1, 10, 100, 1000};

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "answer_bench: %s\n", value.status().ToString().c_str());
  std::exit(1);
}

double CpuSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

uint64_t Mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Perfect nodes, level by level.
class Nodes : public NodeReader {
 public:
  void Append(const Hash& leaf) {
    frontier_.Append(leaf, [&](NodeId id, const Hash& hash) {
      if (levels_.size() <= id.level) levels_.resize(id.level + 1u);
      levels_[id.level].push_back(hash);
    });
  }
  Hash Root() const { return frontier_.Root(); }
  absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) override {
    std::vector<Hash> out;
    for (const NodeId& id : ids) out.push_back(levels_[id.level][id.index]);
    return out;
  }

 private:
  Frontier frontier_;
  std::vector<std::vector<Hash>> levels_;
};

// Entry i is a function of i: nothing but its hash is kept.
class World : public AnswerSource {
 public:
  World(uint64_t entries, uint64_t tags, uint64_t tail)
      : entries_(entries), tags_(static_cast<double>(tags)), tail_(tail) {}

  static Hash AskedTag(uint64_t count) { return LeafHash(absl::StrCat("asked ", count)); }

  void Fill() {
    TagMap map(map_);
    const double begin = CpuSeconds();
    double hashing = 0;
    for (uint64_t i = 0; i < entries_; ++i) {
      const double before = CpuSeconds();
      const Leaf leaf = LeafOf(i);
      const Hash hash = LeafHash(Need(EncodeLeaf(leaf)));
      nodes_.Append(hash);
      for (const Hash& tag : leaf.tags) by_tag_[tag].push_back(static_cast<uint32_t>(i));
      hashing += CpuSeconds() - before;
      if (!map.Add(TagLogEntryOf(i, leaf, hash), leaf.tags).ok()) std::exit(1);
      if (i % kEpochEntries == kEpochEntries - 1) Need(map.Root());
    }
    const Hash root = Need(map.Root());
    const double index_us = (CpuSeconds() - begin - hashing) * 1e6 / static_cast<double>(entries_);
    std::printf("%llu entries, %zu tags: the map takes %.2f us of CPU an entry\n",
                static_cast<unsigned long long>(entries_), map_.tags(), index_us);
    Leaf head;
    head.kind = EntryKind::kIndexHead;
    head.recorded_at_us = kFirstUs + entries_ * kStepUs;
    head.body = EncodeIndexHead({entries_, root});
    head_leaf_ = Need(EncodeLeaf(head));
    nodes_.Append(LeafHash(head_leaf_));
    for (uint64_t i = entries_ + 1; i < size(); ++i) {
      nodes_.Append(LeafHash(Need(EncodeLeaf(LeafOf(i)))));
    }
  }
  Hash Root() const { return nodes_.Root(); }

  std::string checkpoint() const override { return std::string(300, 'n'); }
  uint64_t size() const override { return entries_ + 1 + tail_; }
  std::optional<uint64_t> index_head() const override { return entries_; }
  uint64_t covered() const override { return entries_; }
  NodeReader& nodes() override { return nodes_; }
  PatriciaReader& map() override { return map_; }
  absl::StatusOr<std::string> ReadLeaf(uint64_t index) override {
    return index == entries_ ? head_leaf_ : EncodeLeaf(LeafOf(index));
  }
  absl::StatusOr<std::unique_ptr<TagLogReader>> OpenTag(const Hash& tag) override {
    auto log = std::make_unique<Log>();
    for (const uint32_t index : by_tag_.at(tag)) {
      const Leaf leaf = LeafOf(index);
      log->Append(TagLogEntryOf(index, leaf, LeafHash(Need(EncodeLeaf(leaf)))));
    }
    return log;
  }

 private:
  class Log : public TagLogReader {
   public:
    void Append(const TagLogEntry& entry) {
      entries_.push_back(entry);
      nodes_.Append(TagLogHash(entry));
    }
    TagValue value() const override { return {entries_.size(), nodes_.Root()}; }
    absl::StatusOr<std::vector<TagLogEntry>> ReadEntries(uint64_t first, uint64_t count) override {
      const auto begin = entries_.begin() + static_cast<ptrdiff_t>(first);
      return std::vector<TagLogEntry>(begin, begin + static_cast<ptrdiff_t>(count));
    }
    absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) override {
      return nodes_.ReadNodes(ids);
    }

   private:
    std::vector<TagLogEntry> entries_;
    Nodes nodes_;
  };

  Leaf LeafOf(uint64_t i) const {
    Leaf leaf;
    leaf.recorded_at_us = kFirstUs + i * kStepUs;
    if (i == 0) {
      leaf.kind = EntryKind::kGenesis;
      leaf.body = Need(EncodeGenesis({"bench.test/clinic"}));
      return leaf;
    }
    leaf.event_time_us = leaf.recorded_at_us - Mixed(i) % 1000;
    leaf.commitment = LeafHash("commitment");
    const double u = static_cast<double>(Mixed(i + 1) >> 11) * 0x1p-53;
    const auto patient = static_cast<uint64_t>(std::pow(tags_, u));
    leaf.tags = {LeafHash(absl::StrCat("patient ", patient)),
                 LeafHash(absl::StrCat("agent ", Mixed(i + 2) % kAgents))};
    for (const uint64_t count : kAskedCounts) {
      if (count > 0 && i % (entries_ / count) == entries_ / count / 2 && i < entries_) {
        leaf.tags.push_back(AskedTag(count));
      }
    }
    std::sort(leaf.tags.begin(), leaf.tags.end());
    return leaf;
  }

  const uint64_t entries_;
  const double tags_;
  const uint64_t tail_;
  Nodes nodes_;
  MemoryTagMapStore map_;
  std::map<Hash, std::vector<uint32_t>> by_tag_;
  std::string head_leaf_;
};

void Measure(World& world, uint64_t count, bool with_tail, double seconds) {
  const AnswerQuery query = RecordedWithin(World::AskedTag(count), {});
  AnswerLimits limits;
  if (!with_tail) limits.max_tail = 0;
  Checkpoint head;
  head.origin = "bench.test/clinic";
  head.size = world.size();
  head.root = world.Root();
  double making = 0;
  double checking = 0;
  size_t bytes = 0;
  int rounds = 0;
  while (making + checking < seconds || rounds == 0) {
    const double begin = CpuSeconds();
    const std::string file =
        Need(EncodeCompleteAnswer(Need(MakeCompleteAnswer(query, limits, world))));
    const double made = CpuSeconds();
    const AnswerProven proven =
        Need(VerifyCompleteAnswer(Need(ParseCompleteAnswer(file)), head, query, std::nullopt));
    checking += CpuSeconds() - made;
    making += made - begin;
    bytes = file.size();
    ++rounds;
    if (proven.entries.size() != count) std::exit(1);
  }
  std::printf("  %4llu answers, %s: %8zu bytes, made in %7.3f ms, checked in %7.3f ms\n",
              static_cast<unsigned long long>(count), with_tail ? "with the tail " : "to the head",
              bytes, making * 1e3 / rounds, checking * 1e3 / rounds);
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  uint64_t entries = 1'000'000;
  uint64_t tags = 100'000;
  uint64_t tail = 4096;
  double seconds = 1;
  CLI::App app("Complete answers: size, time to make and to check, and what the index costs");
  app.add_option("--entries", entries)->check(CLI::Range(uint64_t{1000}, uint64_t{1} << 31));
  app.add_option("--tags", tags);
  app.add_option("--tail", tail, "Entries behind the index head");
  app.add_option("--seconds", seconds, "CPU time for each kind of answer");
  CLI11_PARSE(app, argc, argv);
  auditledger::World world(entries, tags, tail);
  world.Fill();
  for (const uint64_t count : auditledger::kAskedCounts) {
    auditledger::Measure(world, count, false, seconds);
    auditledger::Measure(world, count, true, seconds);
  }
  return 0;
}
