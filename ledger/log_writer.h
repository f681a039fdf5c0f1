// Makes entries part of the log: one commit, from places to a signed head. The one function by
// which anything enters a ledger, genesis and the ledger's own entries included.
//
// Commit order (1, draining and dropping repeats, and 6, publishing, are the committer's):
//   2 give index and time, make leaves, extend a copy of the tree's edge
//   3 put secrets, synced; then one synced engine commit of everything else
//   4 re-read leaves and changed tiles and recompute the root on a second path (read_back.h)
//   5 prove that the new head extends the old one; sign it
// What is true after a crash behind each step stands in README.md.
//
// Thread-safety: one thread. Errors: after any error nothing may be committed any more; the outcome
// of the failed commit is unknown until the ledger is opened again.
#ifndef AUDITLEDGER_LEDGER_LOG_WRITER_H_
#define AUDITLEDGER_LEDGER_LOG_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/clock.h"
#include "ledger/engine.h"
#include "ledger/engine_tiles.h"
#include "ledger/new_entry.h"
#include "ledger/node_cache.h"
#include "ledger/seed_store.h"
#include "ledger/signer.h"
#include "ledger/tree_edge.h"
#include "merkle/cose_receipt.h"
#include "merkle/tile.h"

namespace auditledger {

// Entries of the ledger's own that one commit holds at most, beside max_commit_entries events: a
// clock step, or what an operator overrode at start.
inline constexpr uint64_t kMaxOwnEntries = 5;

struct Committed {
  uint64_t first_index = 0;
  Head head;
  std::string checkpoint;            // signed note
  std::vector<std::string> leaves;   // as read back
  std::unique_ptr<NodeCache> nodes;  // of the new tree, warm; valid as long as the writer
};

class LogWriter {
 public:
  // `head` is the stored one (nothing: an empty store) and `edge` its edge. All must outlive it.
  LogWriter(Engine& engine, SeedStore& seeds, Signer& signer, Clock& clock,
            const std::optional<Head>& head, TreeEdge edge);

  // REQUIRES: plan.entries is not empty; a change of the log's key is its only entry, and the new
  // key signs the head.
  absl::StatusOr<Committed> Commit(CommitPlan plan);

  // A receipt for the newest head as its signer signs it; its entry and path are to be filled in.
  absl::StatusOr<CoseReceipt> SignCoseHead();

  size_t CommitBytesNow() const { return engine_.CommitBytesNow(); }
  uint64_t size() const { return edge_.size(); }
  const Head& head() const { return head_; }
  // The failure was one of making data durable: what was written may be lost though it can be read.
  bool SyncFailed() const {
    return seeds_.SyncFailed() || engine_.SyncFailed() || signer_.SyncFailed();
  }
  TileReader& tiles() { return tiles_; }

 private:
  struct Prepared {
    CommitBatch batch;
    std::vector<std::string> secrets;
    TreeEdge edge;
  };
  absl::StatusOr<Prepared> Prepare(CommitPlan plan);
  absl::Status Write(const Prepared& prepared);
  absl::StatusOr<std::string> Sign(const Head& head, NodeCache& nodes);
  absl::StatusOr<std::string> SignKeyChange(const Head& head, const std::string& leaf,
                                            NodeCache& nodes);

  Engine& engine_;
  SeedStore& seeds_;
  Signer& signer_;
  Clock& clock_;
  EngineTiles tiles_;
  bool empty_;  // nothing was ever committed
  Head head_;
  TreeEdge edge_;
  TileEdge read_edge_;  // as the last commit read it back
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_LOG_WRITER_H_
