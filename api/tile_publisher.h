// Keeps a public folder a ledger (ledger/tile_folder.h) at the ledger's signed head.
//
//   <root>/<ledger id>/checkpoint, tile/..., tile/entries/...
//
// One thread for all ledgers, off the commit path: each `interval` it goes round, reads what is new
// from each ledger and publishes its newest head. A round writes at most kMaxEntriesPerTurn entries
// of one ledger, so that one with a long past does not keep the others waiting; its head follows
// when the entries are there. Ledgers made meanwhile are found.
//
// Where a ledger has a witness policy the head is the newest witnessed one, with its cosignatures:
// whoever reads the folder under that policy may take every head in it, and while the quorum is
// away it stands still, which monitors see. Before the first such head it is the ledger's own.
//
// Before it goes on with a folder that is there it proves that its head is a prefix of the
// ledger's: a folder of another log, one that is ahead of the ledger (the ledger was rolled back)
// or that shows another history is refused, left as it is, and reported. Failures are logged once
// and counted as long as they last; they are tried again each round and concern nothing else:
// appends, reads and health go on.
//
// Example:
//   TilePublisher publisher(ledgers, log, {"/srv/ledgers", std::chrono::seconds(1)});
//   publisher.Start();  ...  publisher.Stop();
//
// Thread-safety: all methods but the constructor, Start and Stop; Report at any time.
#ifndef AUDITLEDGER_API_TILE_PUBLISHER_H_
#define AUDITLEDGER_API_TILE_PUBLISHER_H_

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "api/notification.h"
#include "api/rpc_log.h"
#include "ledger/ledger_set.h"
#include "ledger/mutex.h"
#include "ledger/tile_folder.h"

namespace auditledger {

class Witnessing;

// 256 bundles and their tiles: about a thousand syncs, a second or a few of a disk's time.
inline constexpr uint64_t kMaxEntriesPerTurn = 65536;
// How often a head is published where nobody says: monitors and witnesses look every few seconds.
inline constexpr uint64_t kDefaultPublishIntervalMs = 1000;

class TilePublisher {
 public:
  struct Options {
    std::string root;  // made when it is not there
    std::chrono::milliseconds interval{kDefaultPublishIntervalMs};
    uint64_t max_entries_per_turn = kMaxEntriesPerTurn;
    Witnessing* witnessing = nullptr;  // none: no ledger has a witness policy
  };
  struct Published {
    std::string ledger_id;
    uint64_t size = 0;  // of the newest head in the folder
    uint64_t lag = 0;   // entries of the ledger's head that it does not cover
    bool failing = false;
  };

  // All must outlive it.
  TilePublisher(LedgerSet& ledgers, RpcLog& log, Options options);
  ~TilePublisher() { Stop(); }

  void Start();
  // One more round, so that what the ledgers acknowledged last is published, then no more.
  // Idempotent.
  void Stop();
  // One round; what the thread does. True when a ledger has entries left for the next.
  bool RunOnce();
  // By ledger id, as of the last round.
  std::vector<Published> Report() const;

 private:
  struct Slot {
    std::unique_ptr<TileFolder> folder;
    std::shared_ptr<const PublishedHead> target;  // the head that is being written
    std::string logged;                           // the last failure, as logged
  };
  void Run();
  // The head that the folder should have.
  std::shared_ptr<const PublishedHead> Wanted(const std::string& id, Ledger& ledger) const;
  absl::Status Advance(const std::string& id, Ledger& ledger, Slot& slot);
  absl::Status OpenFolder(const std::string& id, Ledger& ledger, Slot& slot) const;
  void Note(const std::string& id, Slot& slot, uint64_t head_size, const absl::Status& status);

  LedgerSet& ledgers_;
  RpcLog& log_;
  const Options options_;
  Mutex round_mutex_;  // one round at a time
  std::map<std::string, Slot> slots_ ABSL_GUARDED_BY(round_mutex_);
  mutable Mutex report_mutex_;
  std::map<std::string, Published> report_ ABSL_GUARDED_BY(report_mutex_);
  Notification stopping_;
  std::thread thread_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_TILE_PUBLISHER_H_
