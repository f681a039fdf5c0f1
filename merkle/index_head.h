// The body of an index head, an entry by which the ledger says what its verifiable index is.
//
//   index head  u8 1 | u64 size | map_root[32]
//
// The map is the one that tag_map.h makes of the first `size` entries' leaves; the version is that
// of the map's format too (patricia.h, tag_log.h). It is the operator's word until somebody who has
// the leaves makes the map anew, which takes no secret.
//
// Thread-safety: values and pure functions.
// Errors: InvalidArgument naming the part. Source: shared/design.md section 7.
#ifndef AUDITLEDGER_MERKLE_INDEX_HEAD_H_
#define AUDITLEDGER_MERKLE_INDEX_HEAD_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/hash.h"

namespace auditledger {

struct IndexHead {
  uint64_t size = 0;  // at most the index of its entry, and never less than an earlier one's
  Hash map_root;
  friend bool operator==(const IndexHead&, const IndexHead&) = default;
};
std::string EncodeIndexHead(const IndexHead& head);
absl::StatusOr<IndexHead> ParseIndexHead(absl::string_view body);  // strict; size at least 1

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_INDEX_HEAD_H_
