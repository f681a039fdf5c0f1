#include "merkle/tag_log.h"

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/patricia.h"

namespace auditledger {

TagLogEntry TagLogEntryOf(uint64_t index, const Leaf& leaf, const Hash& leaf_hash) {
  return {index, leaf.recorded_at_us, leaf.event_time_us, leaf_hash};
}

std::string EncodeTagLogEntry(const TagLogEntry& entry) {
  std::string out;
  PutU64(out, entry.index);
  PutU64(out, entry.recorded_at_us);
  PutU64(out, entry.event_time_us);
  absl::StrAppend(&out, entry.leaf_hash.view());
  return out;
}

Hash TagLogHash(const TagLogEntry& entry) { return LeafHash(EncodeTagLogEntry(entry)); }

std::string EncodeTagValue(const TagValue& value) {
  std::string out;
  PutU64(out, value.count);
  absl::StrAppend(&out, value.root.view());
  return out;
}

Hash TagLeafHash(const Hash& tag, const TagValue& value) {
  return PatriciaLeafHash(tag.view(), EncodeTagValue(value));
}

}  // namespace auditledger
