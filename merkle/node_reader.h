// How proof code asks for stored hashes, whatever keeps them.
#ifndef AUDITLEDGER_MERKLE_NODE_READER_H_
#define AUDITLEDGER_MERKLE_NODE_READER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "merkle/hash.h"

namespace auditledger {

// A perfect subtree's root: level L, index i covers leaves [i*2^L, (i+1)*2^L). It never changes
// once full.
struct NodeId {
  uint8_t level = 0;
  uint64_t index = 0;
  friend bool operator==(const NodeId&, const NodeId&) = default;
};

class NodeReader {
 public:
  virtual ~NodeReader() = default;
  // Hashes of `ids`, in the order asked. Every id is a full node of the tree being proven.
  // NotFound when a node is not stored, DataLoss when what is stored is damaged.
  virtual absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_NODE_READER_H_
