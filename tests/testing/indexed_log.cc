#include "tests/testing/indexed_log.h"

#include <algorithm>
#include <cstdlib>

#include "merkle/index_head.h"
#include "merkle/set_proof.h"
#include "merkle/tag_map.h"
#include "tests/testing/reference_merkle.h"

namespace auditledger::testing {
namespace {

std::string Bytes(const Hash& hash) { return std::string(hash.view()); }

ReferenceTree TreeOf(const std::vector<TagLogEntry>& entries) {
  std::vector<std::string> leaves;
  for (const TagLogEntry& entry : entries) leaves.push_back(EncodeTagLogEntry(entry));
  return ReferenceTree(leaves);
}

// One tag's log.
class LogReader : public TagLogReader {
 public:
  explicit LogReader(std::vector<TagLogEntry> entries)
      : entries_(std::move(entries)), tree_(TreeOf(entries_)) {}
  TagValue value() const override {
    ReferenceTree tree = tree_;
    return {entries_.size(), tree.Root(entries_.size())};
  }
  absl::StatusOr<std::vector<TagLogEntry>> ReadEntries(uint64_t first, uint64_t count) override {
    const auto begin = entries_.begin() + static_cast<ptrdiff_t>(first);
    return std::vector<TagLogEntry>(begin, begin + static_cast<ptrdiff_t>(count));
  }
  absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) override {
    return tree_.ReadNodes(ids);
  }

 private:
  std::vector<TagLogEntry> entries_;
  ReferenceTree tree_;
};

}  // namespace

class IndexedLogSource : public AnswerSource {
 public:
  IndexedLogSource(IndexedLog& log, uint64_t size)
      : log_(log), size_(size), head_(log.IndexHeadBefore(size)) {
    TagMap map(map_);
    for (uint64_t i = 0; i < covered(); ++i) {
      const Leaf& leaf = log.leaves_[i];
      const Hash hash = LeafHash(log.log_.leaves()[i]);
      if (!map.Add(TagLogEntryOf(i, leaf, hash), leaf.tags).ok()) std::abort();
    }
    if (!map.Root().ok()) std::abort();
  }
  std::string checkpoint() const override { return log_.log_.CheckpointAt(size_); }
  uint64_t size() const override { return size_; }
  std::optional<uint64_t> index_head() const override { return head_; }
  uint64_t covered() const override { return log_.Covered(head_); }
  NodeReader& nodes() override { return log_.log_; }
  PatriciaReader& map() override { return map_; }
  absl::StatusOr<std::string> ReadLeaf(uint64_t index) override {
    return log_.log_.leaves()[index];
  }
  absl::StatusOr<std::unique_ptr<TagLogReader>> OpenTag(const Hash& tag) override {
    std::vector<TagLogEntry> entries = log_.LogOf(tag, covered());
    if (entries.empty()) return absl::NotFoundError("no such tag");
    return std::make_unique<LogReader>(std::move(entries));
  }

 private:
  IndexedLog& log_;
  const uint64_t size_;
  const std::optional<uint64_t> head_;
  MemoryTagMapStore map_;
};

IndexedLog::IndexedLog() { leaves_.push_back(ParseLeaf(log_.leaves()[0]).value()); }

uint64_t IndexedLog::Add(std::set<Hash> tags, uint64_t event_time_us) {
  Leaf leaf;
  leaf.recorded_at_us = NextTime();
  leaf.event_time_us = event_time_us;
  leaf.tags.assign(tags.begin(), tags.end());
  leaf.commitment = LeafHash("commitment");
  return AddLeaf(leaf);
}

uint64_t IndexedLog::AddLeaf(const Leaf& leaf) {
  leaves_.push_back(leaf);
  return log_.AddLeaf(leaf, std::nullopt);
}

uint64_t IndexedLog::AddIndexHead(uint64_t covered) {
  return AddIndexHeadSaying(covered, MapRoot(covered));
}

uint64_t IndexedLog::AddIndexHeadSaying(uint64_t covered, const Hash& map_root) {
  Leaf leaf;
  leaf.kind = EntryKind::kIndexHead;
  leaf.recorded_at_us = NextTime();
  leaf.body = EncodeIndexHead({covered, map_root});
  return AddLeaf(leaf);
}

Checkpoint IndexedLog::HeadOf(uint64_t size) {
  Checkpoint head;
  head.origin = log_.origin();
  head.size = size;
  head.root = log_.RootAt(size);
  return head;
}

std::vector<uint64_t> IndexedLog::Truth(const AnswerQuery& query, uint64_t end) const {
  std::vector<uint64_t> truth;
  for (uint64_t i = 0; i < end; ++i) {
    const Leaf& leaf = leaves_[i];
    if (std::count(leaf.tags.begin(), leaf.tags.end(), query.tag) == 0) continue;
    const uint64_t happened = leaf.event_time_us > 0 ? leaf.event_time_us : leaf.recorded_at_us;
    const auto within = [](const TimeWindow& window, uint64_t time) {
      return window.from_us <= time && (time < window.to_us || window.to_us == UINT64_MAX);
    };
    if (within(query.recorded, leaf.recorded_at_us) && within(query.event, happened)) {
      truth.push_back(i);
    }
  }
  return truth;
}

std::optional<uint64_t> IndexedLog::IndexHeadBefore(uint64_t size) const {
  for (uint64_t i = size; i-- > 0;) {
    if (leaves_[i].kind == EntryKind::kIndexHead) return i;
  }
  return std::nullopt;
}

uint64_t IndexedLog::Covered(std::optional<uint64_t> index_head) const {
  return index_head.has_value() ? ParseIndexHead(leaves_[*index_head].body).value().size : 0;
}

std::vector<TagLogEntry> IndexedLog::LogOf(const Hash& tag, uint64_t covered) const {
  std::vector<TagLogEntry> entries;
  for (uint64_t i = 0; i < covered; ++i) {
    const Leaf& leaf = leaves_[i];
    if (std::count(leaf.tags.begin(), leaf.tags.end(), tag) == 0) continue;
    entries.push_back({i, leaf.recorded_at_us, leaf.event_time_us, LeafHash(log_.leaves()[i])});
  }
  return entries;
}

ReferenceMap& IndexedLog::MapOf(uint64_t covered) {
  const auto found = maps_.find(covered);
  if (found != maps_.end()) return found->second;
  std::set<Hash> tags;
  for (uint64_t i = 0; i < covered; ++i)
    tags.insert(leaves_[i].tags.begin(), leaves_[i].tags.end());
  std::map<std::string, std::string> pairs;
  for (const Hash& tag : tags) {
    const std::vector<TagLogEntry> entries = LogOf(tag, covered);
    pairs[Bytes(tag)] = EncodeTagValue({entries.size(), TreeOf(entries).Root(entries.size())});
  }
  return maps_[covered] = ReferenceMap(pairs);
}

IndexedLog::Parts IndexedLog::TrueParts(const AnswerQuery& query, uint64_t size) {
  Parts parts{query, size};
  parts.index_head = IndexHeadBefore(size);
  parts.map_tag = query.tag;
  parts.leaves.insert(0);
  const uint64_t covered = Covered(parts.index_head);
  if (parts.index_head.has_value()) parts.leaves.insert(*parts.index_head);
  const std::vector<TagLogEntry> entries = LogOf(query.tag, covered);
  uint64_t before = 0;
  uint64_t within = 0;
  for (const TagLogEntry& entry : entries) {
    if (entry.recorded_at_us < query.recorded.from_us) {
      ++before;
    } else if (entry.recorded_at_us < query.recorded.to_us || query.recorded.to_us == UINT64_MAX) {
      ++within;
    }
  }
  const uint64_t behind = entries.size() - before - within;
  parts.first = before > 0 ? before - 1 : 0;
  parts.end = before + within + (behind > 0 ? 1 : 0);
  for (const uint64_t index : Truth(query, covered)) {
    parts.shown.insert(index);
    parts.leaves.insert(index);
  }
  parts.tail = behind == 0;
  for (uint64_t i = covered; parts.tail && i < size; ++i) parts.leaves.insert(i);
  return parts;
}

CompleteAnswer IndexedLog::Compose(const Parts& parts) {
  CompleteAnswer answer;
  std::string& note = checkpoints_[parts.size];
  if (note.empty()) note = log_.CheckpointAt(parts.size);
  answer.checkpoint = note;
  answer.query = parts.query;
  answer.has_tail = parts.tail;
  if (parts.index_head.has_value()) {
    const uint64_t covered = Covered(parts.index_head);
    AnswerMap& map = answer.map.emplace();
    map.index_head = *parts.index_head;
    map.proof = MapOf(covered).Proof(Bytes(parts.map_tag));
    const std::vector<TagLogEntry> entries = LogOf(parts.map_tag, covered);
    if (!entries.empty()) {
      ReferenceTree tree = TreeOf(entries);
      AnswerRange& range = map.range.emplace();
      range.value = {entries.size(), tree.Root(entries.size())};
      range.first = parts.first;
      for (uint64_t i = parts.first; i < parts.end; ++i) {
        const bool shown = parts.shown.count(entries[i].index) > 0;
        range.places.push_back(
            {shown, shown ? TagLogEntry{entries[i].index, 0, 0, {}} : entries[i]});
      }
      range.proof = tree.Range(parts.first, parts.end, entries.size());
    }
  }
  const std::vector<uint64_t> indexes(parts.leaves.begin(), parts.leaves.end());
  for (const uint64_t index : indexes) answer.leaves.push_back({index, log_.leaves()[index]});
  if (!indexes.empty()) answer.proof = SetProof(indexes, parts.size, log_).value();
  return answer;
}

std::unique_ptr<AnswerSource> IndexedLog::Source(uint64_t size) {
  return std::make_unique<IndexedLogSource>(*this, size);
}

}  // namespace auditledger::testing
