#include "merkle/tag_map.h"

#include <utility>
#include <vector>

#include "merkle/status_macros.h"

namespace auditledger {

absl::Status TagMap::Add(const TagLogEntry& entry, absl::Span<const Hash> tags) {
  if (tags.empty()) return absl::OkStatus();
  const Hash hash = TagLogHash(entry);
  for (const Hash& tag : tags) {
    auto log = changed_.find(tag);
    if (log == changed_.end()) {
      ASSIGN_OR_RETURN(Frontier stored, store_.ReadTag(tag));
      log = changed_.emplace(tag, std::move(stored)).first;
    }
    log->second.Append(hash);
  }
  return absl::OkStatus();
}

absl::StatusOr<Hash> TagMap::Root() {
  std::vector<PatriciaChange> changes;
  changes.reserve(changed_.size());
  for (const auto& [tag, log] : changed_) {
    changes.push_back({tag, TagLeafHash(tag, {log.size(), log.Root()})});
    store_.WriteTag(tag, log);
  }
  changed_.clear();
  return UpdatePatricia(changes, store_, [&](const PatriciaSlot& slot, const PatriciaNode& node) {
    store_.WriteNode(slot, node);
  });
}

absl::StatusOr<std::optional<PatriciaNode>> MemoryTagMapStore::ReadNode(const PatriciaSlot& slot) {
  const auto node = nodes_.find(slot);
  if (node == nodes_.end()) return std::nullopt;
  return node->second;
}

absl::StatusOr<Frontier> MemoryTagMapStore::ReadTag(const Hash& tag) {
  const auto log = tags_.find(tag);
  return log == tags_.end() ? Frontier() : log->second;
}

void MemoryTagMapStore::WriteTag(const Hash& tag, const Frontier& log) { tags_[tag] = log; }

void MemoryTagMapStore::WriteNode(const PatriciaSlot& slot, const PatriciaNode& node) {
  nodes_[slot] = node;
}

}  // namespace auditledger
