#include "merkle/proof_roots.h"

#include <bit>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Appends the full nodes that make up `range`, left to right: those of a tree of its own, moved.
void AppendNodesOf(LeafRange range, std::vector<NodeId>& nodes) {
  for (uint64_t begin = range.begin; begin != range.end;) {
    const uint64_t width = std::bit_floor(range.end - begin);
    const auto level = static_cast<uint8_t>(std::countr_zero(width));
    nodes.push_back({level, begin >> level});
    begin += width;
  }
}

// The root over neighbours of falling size.
Hash Fold(absl::Span<const Hash> nodes) {
  if (nodes.empty()) return EmptyRoot();
  Hash root = nodes.back();
  for (size_t i = nodes.size() - 1; i-- > 0;) root = NodeHash(nodes[i], root);
  return root;
}

}  // namespace

absl::StatusOr<std::vector<Hash>> ReadRoots(const std::vector<LeafRange>& ranges,
                                            NodeReader& reader) {
  std::vector<NodeId> ids;
  ids.reserve(ranges.size());
  for (const LeafRange& range : ranges) AppendNodesOf(range, ids);
  if (ids.empty()) return std::vector<Hash>(ranges.size(), EmptyRoot());
  ASSIGN_OR_RETURN(const std::vector<Hash> hashes, reader.ReadNodes(ids));
  if (hashes.size() != ids.size()) {
    return absl::InternalError(
        absl::StrCat("node reader: ", ids.size(), " nodes asked, ", hashes.size(), " given"));
  }
  std::vector<Hash> roots;
  roots.reserve(ranges.size());
  size_t next = 0;
  for (const LeafRange& range : ranges) {
    const auto count = static_cast<size_t>(std::popcount(range.end - range.begin));
    roots.push_back(Fold(absl::MakeConstSpan(hashes).subspan(next, count)));
    next += count;
  }
  return roots;
}

}  // namespace auditledger
