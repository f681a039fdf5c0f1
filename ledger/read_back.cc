#include "ledger/read_back.h"

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "ledger/engine_tiles.h"
#include "ledger/tree_edge.h"
#include "merkle/leaf.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Up to so many are read one by one: a scan first visits every table of the log.
constexpr uint64_t kFewLeaves = 32;

absl::Status ReadBackError(absl::string_view what, uint64_t index) {
  return absl::DataLossError(
      absl::StrCat("read back after the commit: ", what, " ", index, " is not what was written"));
}

// Calls `visit` for each of the leaves [begin, end), none missing.
absl::Status ScanLeaves(uint64_t begin, uint64_t end, Engine& engine,
                        absl::FunctionRef<absl::Status(uint64_t, absl::string_view)> visit) {
  if (end - begin <= kFewLeaves) {
    for (uint64_t index = begin; index < end; ++index) {
      const absl::StatusOr<std::string> leaf = engine.Read(RecordKind::kLeaf, index);
      if (absl::IsNotFound(leaf.status())) return ReadBackError("leaf", index);
      RETURN_IF_ERROR(leaf.status());
      RETURN_IF_ERROR(visit(index, *leaf));
    }
    return absl::OkStatus();
  }
  uint64_t next = begin;
  absl::Status wrong;
  RETURN_IF_ERROR(
      engine.Scan(RecordKind::kLeaf, begin, end, [&](uint64_t index, absl::string_view leaf) {
        wrong = index == next ? visit(index, leaf) : ReadBackError("leaf", next);
        ++next;
        return wrong.ok();
      }));
  RETURN_IF_ERROR(wrong);
  return next == end ? absl::OkStatus() : ReadBackError("leaf", next);
}

absl::Status CheckTiles(const WrittenTiles& changed, NodeCache& nodes) {
  for (const auto& [id, written] : changed) {
    ASSIGN_OR_RETURN(const FoldedTile* const stored, nodes.Tile(id));
    if (stored->bytes() != written) {
      return ReadBackError(absl::StrCat("tile ", id.level, "/"), id.index);
    }
    if (written.size() < kTileWidth * Hash::kSize) continue;
    const NodeId parent{static_cast<uint8_t>((id.level + 1) * kTileHeight), id.index};
    ASSIGN_OR_RETURN(const Hash above, nodes.Node(parent));
    const NodeId left{static_cast<uint8_t>(parent.level - 1), parent.index * 2};
    ASSIGN_OR_RETURN(const Hash below_left, nodes.Node(left));
    ASSIGN_OR_RETURN(const Hash below_right, nodes.Node({left.level, left.index + 1}));
    if (NodeHash(below_left, below_right) != above) {
      return ReadBackError("root of tile", id.index);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadBack(uint64_t old_size, const Head& head,
                                                  const WrittenTiles& tiles, Engine& engine,
                                                  NodeCache& nodes) {
  std::vector<std::string> leaves;
  leaves.reserve(head.size - old_size);
  const auto check = [&](uint64_t index, absl::string_view leaf) -> absl::Status {
    ASSIGN_OR_RETURN(const Hash hash, nodes.Node({0, index}));
    if (LeafHash(leaf) != hash) return ReadBackError("leaf", index);
    leaves.emplace_back(leaf);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ScanLeaves(old_size, head.size, engine, check));
  RETURN_IF_ERROR(CheckTiles(tiles, nodes));
  ASSIGN_OR_RETURN(const Hash root, RootAt(head.size, nodes));
  if (root != head.root) return ReadBackError("root of size", head.size);
  return leaves;
}

absl::Status ReadBackStored(const Head& old, const Head& head, Engine& engine) {
  EngineTiles tiles(engine);
  TreeEdge edge;
  if (old.size > 0) {
    ASSIGN_OR_RETURN(edge, TreeEdge::Load(old.size, tiles));
  }
  RETURN_IF_ERROR(
      ScanLeaves(old.size, head.size, engine, [&](uint64_t index, absl::string_view leaf) {
        if (!ParseLeaf(leaf).ok()) return ReadBackError("leaf", index);
        edge.Append(LeafHash(leaf));
        return absl::OkStatus();
      }));
  NodeCache nodes(tiles, head.size);
  return ReadBack(old.size, head, edge.TakeChangedTiles(), engine, nodes).status();
}

}  // namespace auditledger
