#include "ledger/log_writer.h"

#include <algorithm>
#include <utility>

#include "ledger/read_back.h"
#include "merkle/leaf.h"
#include "merkle/proof.h"
#include "merkle/status_macros.h"

namespace auditledger {

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
  const bool changes_key = plan.entries[0].leaf.kind == EntryKind::kKeyChange;
  // 2 index, time, leaves, a copy of the edge extended
  ASSIGN_OR_RETURN(Prepared prepared, Prepare(std::move(plan)));
  // 3 secrets, then one batch, each synced
  RETURN_IF_ERROR(Write(prepared));
  // 4 the root once more, from what the engine gives back
  Committed out;
  out.nodes = std::make_unique<NodeCache>(tiles_, prepared.batch.head.size, std::move(read_edge_));
  ASSIGN_OR_RETURN(out.leaves, ReadBack(head_.size, prepared.batch.head, prepared.batch.tiles,
                                        engine_, *out.nodes));
  // 5 proof and signature
  ASSIGN_OR_RETURN(out.checkpoint,
                   changes_key ? SignKeyChange(prepared.batch.head, out.leaves[0], *out.nodes)
                               : Sign(prepared.batch.head, *out.nodes));

  out.first_index = head_.size;
  out.head = prepared.batch.head;
  head_ = out.head;
  read_edge_ = out.nodes->Edge();
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

absl::StatusOr<CoseReceipt> LogWriter::SignCoseHead() {
  CoseReceipt receipt = NewCoseReceipt(signer_.verifier());
  receipt.size = head_.size;
  ASSIGN_OR_RETURN(receipt.signature, signer_.SignCoseHead(head_));
  return receipt;
}

absl::Status LogWriter::Write(const Prepared& prepared) {
  // Secrets first: one without an entry is overwritten later, an entry without its own is lost.
  RETURN_IF_ERROR(seeds_.Put(head_.size, prepared.secrets));
  return engine_.Commit(empty_ ? std::nullopt : std::optional<Head>(head_), prepared.batch);
}

absl::StatusOr<std::string> LogWriter::Sign(const Head& head, NodeCache& nodes) {
  std::vector<Hash> proof;
  if (head_.size > 0) {
    ASSIGN_OR_RETURN(proof, ConsistencyProof(head_.size, head.size, nodes));
  }
  return signer_.Sign(head, proof);
}

absl::StatusOr<std::string> LogWriter::SignKeyChange(const Head& head, const std::string& leaf,
                                                     NodeCache& nodes) {
  ASSIGN_OR_RETURN(const std::vector<Hash> proof, ConsistencyProof(head_.size, head.size, nodes));
  ASSIGN_OR_RETURN(const std::vector<Hash> inclusion,
                   InclusionProof(head.size - 1, head.size, nodes));
  return signer_.SignKeyChange(head, proof, leaf, inclusion);
}

}  // namespace auditledger
