#include "ledger/log_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/leaf.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status ReadBackError(absl::string_view what, uint64_t index) {
  return absl::DataLossError(
      absl::StrCat("read back after the commit: ", what, " ", index, " is not what was written"));
}

// Every tile that the commit changed holds what was written, and each hash above level 0 that the
// commit added is the root of the full tile below it.
absl::Status CheckTiles(const CommitBatch& batch, TileReader& tiles, NodeCache& nodes) {
  for (const auto& [id, written] : batch.tiles) {
    ASSIGN_OR_RETURN(const std::string stored, tiles.ReadTile(id, written.size() / Hash::kSize));
    if (stored != written) return ReadBackError(absl::StrCat("tile ", id.level, "/"), id.index);
    if (written.size() < kTileWidth * Hash::kSize) continue;
    const NodeId parent{static_cast<uint8_t>((id.level + 1) * kTileHeight), id.index};
    ASSIGN_OR_RETURN(const std::vector<Hash> above, nodes.ReadNodes({parent}));
    const NodeId left{static_cast<uint8_t>(parent.level - 1), parent.index * 2};
    const NodeId right{left.level, left.index + 1};
    ASSIGN_OR_RETURN(const std::vector<Hash> below, nodes.ReadNodes({left, right}));
    if (NodeHash(below[0], below[1]) != above[0]) return ReadBackError("root of tile", id.index);
  }
  return absl::OkStatus();
}

}  // namespace

LogWriter::LogWriter(Engine& engine, SeedStore& seeds, Signer& signer, Clock& clock,
                     const std::optional<Head>& head, TreeEdge edge)
    : engine_(engine),
      seeds_(seeds),
      signer_(signer),
      clock_(clock),
      tiles_(engine),
      empty_(!head.has_value()),
      head_(head.value_or(Head{})),
      edge_(std::move(edge)) {}

absl::StatusOr<Committed> LogWriter::Commit(CommitPlan plan) {
  // 2 index, time, leaves, a copy of the edge extended
  ASSIGN_OR_RETURN(Prepared prepared, Prepare(std::move(plan)));
  // 3 secrets, then one batch, each synced
  RETURN_IF_ERROR(Write(prepared));
  // 4 the root once more, from what the engine gives back
  Committed out;
  out.nodes = std::make_unique<NodeCache>(tiles_, prepared.batch.head.size);
  ASSIGN_OR_RETURN(out.leaves, ReadBack(prepared, *out.nodes));
  // 5 proof and signature
  ASSIGN_OR_RETURN(out.checkpoint, Sign(prepared.batch.head, *out.nodes));

  out.first_index = head_.size;
  out.head = prepared.batch.head;
  head_ = out.head;
  edge_ = std::move(prepared.edge);
  empty_ = false;
  return out;
}

absl::StatusOr<LogWriter::Prepared> LogWriter::Prepare(CommitPlan plan) {
  Prepared out;
  out.edge = edge_;
  const uint64_t wall_us = clock_.WallMicros();
  uint64_t time_us = head_.time_us;
  uint64_t index = head_.size;
  auto& records = out.batch.records;
  records.reserve(plan.entries.size() * 3);
  for (NewEntry& entry : plan.entries) {
    time_us = std::max(wall_us, time_us + 1);
    entry.leaf.recorded_at_us = time_us;
    ASSIGN_OR_RETURN(std::string leaf, EncodeLeaf(entry.leaf));
    out.edge.Append(LeafHash(leaf));
    records.push_back({RecordKind::kLeaf, index, std::move(leaf)});
    if (!entry.payload.empty()) {
      records.push_back({RecordKind::kPayload, index, std::move(entry.payload)});
    }
    if (entry.identity.has_value()) {
      records.push_back({RecordKind::kIdentity, index, EncodeIdentityRecord(*entry.identity)});
    }
    out.secrets.push_back(std::move(entry.secret));
    ++index;
  }
  out.batch.tiles = out.edge.TakeChangedTiles();
  out.batch.stream_records = std::move(plan.stream_records);
  out.batch.head = {out.edge.size(), out.edge.Root(), time_us};
  return out;
}

absl::Status LogWriter::Write(const Prepared& prepared) {
  // Secrets first: one without an entry is overwritten later, an entry without its own is lost.
  RETURN_IF_ERROR(seeds_.Put(head_.size, prepared.secrets));
  return engine_.Commit(empty_ ? std::nullopt : std::optional<Head>(head_), prepared.batch);
}

absl::StatusOr<std::vector<std::string>> LogWriter::ReadBack(const Prepared& prepared,
                                                             NodeCache& nodes) {
  const Head& head = prepared.batch.head;
  std::vector<NodeId> ids;
  for (uint64_t i = head_.size; i < head.size; ++i) ids.push_back({0, i});
  ASSIGN_OR_RETURN(const std::vector<Hash> hashes, nodes.ReadNodes(ids));
  std::vector<std::string> leaves;
  absl::Status wrong;
  RETURN_IF_ERROR(engine_.Scan(RecordKind::kLeaf, head_.size, head.size,
                               [&](uint64_t index, absl::string_view leaf) {
                                 const size_t at = leaves.size();
                                 if (index != head_.size + at || LeafHash(leaf) != hashes[at]) {
                                   wrong = ReadBackError("leaf", index);
                                   return false;
                                 }
                                 leaves.emplace_back(leaf);
                                 return true;
                               }));
  RETURN_IF_ERROR(wrong);
  if (leaves.size() != ids.size()) return ReadBackError("leaf", head_.size + leaves.size());
  RETURN_IF_ERROR(CheckTiles(prepared.batch, tiles_, nodes));
  ASSIGN_OR_RETURN(const Hash root, RootAt(head.size, nodes));
  if (root != head.root) return ReadBackError("root of size", head.size);
  return leaves;
}

absl::StatusOr<std::string> LogWriter::Sign(const Head& head, NodeCache& nodes) {
  std::vector<Hash> proof;
  if (head_.size > 0) {
    ASSIGN_OR_RETURN(proof, ConsistencyProof(head_.size, head.size, nodes));
  }
  return signer_.Sign(head, proof);
}

}  // namespace auditledger
