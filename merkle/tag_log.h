// What the verifiable index has about one tag: an RFC 6962 log of its own, of all entries that
// carry the tag, in their order; and what the map (patricia.h) has under the tag.
//
//   leaf of a tag's log   u64 index | u64 recorded_at_us | u64 event_time_us | leaf_hash[32]
//   value in the map      u64 count | root[32]             of a log of at least one leaf
//
// All three numbers are those of the entry's leaf (leaf.h), leaf_hash the hash of that leaf. Every
// entry below N whose leaf carries the tag is there, of whatever kind, and nothing else: whoever
// has the leaves can make the same map anew (tag_map.h).
//
// Thread-safety: values and pure functions. Source: shared/design.md section 7.
#ifndef AUDITLEDGER_MERKLE_TAG_LOG_H_
#define AUDITLEDGER_MERKLE_TAG_LOG_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"
#include "merkle/leaf.h"

namespace auditledger {

struct TagLogEntry {
  uint64_t index = 0;
  uint64_t recorded_at_us = 0;
  uint64_t event_time_us = 0;  // 0 = none
  Hash leaf_hash;
  friend bool operator==(const TagLogEntry&, const TagLogEntry&) = default;
};
TagLogEntry TagLogEntryOf(uint64_t index, const Leaf& leaf, const Hash& leaf_hash);
std::string EncodeTagLogEntry(const TagLogEntry& entry);
// The hash of the tag's log's leaf.
Hash TagLogHash(const TagLogEntry& entry);

struct TagValue {
  uint64_t count = 0;
  Hash root;
  friend bool operator==(const TagValue&, const TagValue&) = default;
};
std::string EncodeTagValue(const TagValue& value);
// The map's leaf of a tag.
Hash TagLeafHash(const Hash& tag, const TagValue& value);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_TAG_LOG_H_
