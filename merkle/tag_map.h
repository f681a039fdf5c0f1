// The map of the verifiable index, made of leaves: what ledger, fsck, mirrors and verifiers all
// compute, and compare with what index heads say.
//
// Rule: for each entry in order, for each tag of its leaf, of whatever kind, the tag's own log gets
// a leaf (tag_log.h); the map has count and root of each such log under the tag (patricia.h).
//
// Example:
//   MemoryTagMapStore store;
//   TagMap map(store);
//   for (...) RETURN_IF_ERROR(map.Add(TagLogEntryOf(index, leaf, leaf_hash), leaf.tags));
//   ASSIGN_OR_RETURN(const Hash root, map.Root());   // what an index head of that size must say
//
// Between two roots only the tags that were added to are in memory; what the store keeps there, and
// where, is its business. Cost of Root(): some hashes for each such tag, fewer the more there are.
//
// Thread-safety: an object belongs to one thread. The store must outlive the map.
// Errors: those of the store; DataLoss when what it gives is no tree.
#ifndef AUDITLEDGER_MERKLE_TAG_MAP_H_
#define AUDITLEDGER_MERKLE_TAG_MAP_H_

#include <cstdint>
#include <map>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "merkle/frontier.h"
#include "merkle/hash.h"
#include "merkle/patricia_tree.h"
#include "merkle/tag_log.h"

namespace auditledger {

// What a TagMap was at its last root: the map's nodes and the edge of each tag's log.
class TagMapStore : public PatriciaReader {
 public:
  // Empty for a tag that has no log yet.
  virtual absl::StatusOr<Frontier> ReadTag(const Hash& tag) = 0;
  virtual void WriteTag(const Hash& tag, const Frontier& log) = 0;
  virtual void WriteNode(const PatriciaSlot& slot, const PatriciaNode& node) = 0;
};

class TagMap {
 public:
  explicit TagMap(TagMapStore& store) : store_(store) {}

  // The next entry. REQUIRES: entries come in order, none left out.
  absl::Status Add(const TagLogEntry& entry, absl::Span<const Hash> tags);
  // The map's root as of the entries so far; the store has them then.
  absl::StatusOr<Hash> Root();
  // Whether an entry has been added since the last root that has tags.
  bool HasChanges() const { return !changed_.empty(); }

 private:
  TagMapStore& store_;
  std::map<Hash, Frontier> changed_;
};

// In memory: some 300 bytes a tag.
class MemoryTagMapStore : public TagMapStore {
 public:
  absl::StatusOr<std::optional<PatriciaNode>> ReadNode(const PatriciaSlot& slot) override;
  absl::StatusOr<Frontier> ReadTag(const Hash& tag) override;
  void WriteTag(const Hash& tag, const Frontier& log) override;
  void WriteNode(const PatriciaSlot& slot, const PatriciaNode& node) override;
  size_t tags() const { return tags_.size(); }

 private:
  // Ordered, not hashed: who writes the leaves chooses the tags.
  std::map<PatriciaSlot, PatriciaNode> nodes_;
  std::map<Hash, Frontier> tags_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_TAG_MAP_H_
