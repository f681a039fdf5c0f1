// The one committer: takes appends into a bounded queue and makes order of them, one commit at a
// time.
//
// Group commit is natural: while one commit is being made the next ones queue up, and all of them
// go into the next; there is no timer. The numbered commit order continues in log_writer.h:
//   1 take what is queued, bounded; drop repeats, refuse conflicts
//   2-5 LogWriter::Commit
//   6 publish the head, bring the indexes up to date, hand the answers to the acknowledging thread
// A failure in 2-5 latches: nothing is committed any more, reads go on at the last signed head.
//
// Thread-safety: CommitOwn and Start by the opening thread, in this order; the rest by many
// threads.
#ifndef AUDITLEDGER_LEDGER_COMMITTER_H_
#define AUDITLEDGER_LEDGER_COMMITTER_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "ledger/acknowledger.h"
#include "ledger/erasures.h"
#include "ledger/head_feed.h"
#include "ledger/identity_index.h"
#include "ledger/ledger.h"
#include "ledger/log_writer.h"
#include "ledger/mutex.h"
#include "ledger/new_entry.h"
#include "ledger/options.h"
#include "ledger/pause_gate.h"
#include "ledger/reader.h"
#include "ledger/request_planner.h"
#include "ledger/stream_table.h"

namespace auditledger {

// All not owned; they must outlive the committer.
struct CommitterParts {
  LedgerLimits limits;
  Clock* clock = nullptr;
  LogWriter* writer = nullptr;
  RequestPlanner* planner = nullptr;
  IdentityIndex* identities = nullptr;
  StreamTable* streams = nullptr;
  PauseGate* gate = nullptr;
  const Reader* reader = nullptr;
  HeadFeed* feed = nullptr;
  Erasures* erasures = nullptr;
  // Called once, on the committing thread, when a sync failed.
  std::function<void()> on_sync_failure;
  // Called on the acknowledging thread with the streams' ranges when a run of identities was
  // written.
  std::function<void(uint64_t size, std::string ranges)> save_ranges;
};

class Committer {
 public:
  explicit Committer(CommitterParts parts);
  ~Committer() { Drain(); }

  // Commits entries of the ledger's own. Before Start.
  absl::Status CommitOwn(std::vector<NewEntry> entries);
  // Appends are answered with `why` (not OK) from now on, queued ones too, and Start need not be
  // called. Nothing takes it back.
  void RefuseAppends(absl::Status why);
  // Nothing is committed any more: what is written beside commits failed. `sync_failed`: as
  // LogWriter::SyncFailed.
  void Fail(const absl::Status& cause, bool sync_failed);
  // What every append is answered for good; OK while there is no such thing.
  absl::Status stopped() const;
  // Appends are answered `why` from now on; OK ends it. What is queued is committed.
  void Hold(const absl::Status& why);
  // Does nothing once it drains.
  void Start();

  void Append(std::vector<SealedEvent> events, AppendCallback done);
  // An entry of the ledger's own, while it serves.
  void AppendOwn(NewEntry entry, AppendCallback done);
  void SignCoseHead(CoseHeadCallback done);
  // After what is queued: commits `last` alone, after which appends are refused with `why`.
  void AppendLast(NewEntry last, absl::Status why, AppendCallback done);
  LedgerStatus status();
  LedgerCounters counters() const;
  // Idempotent.
  void Drain();

 private:
  struct Request {
    std::vector<SealedEvent> events;
    AppendCallback done;
    size_t bytes = 0;
    std::optional<NewEntry> own = std::nullopt;  // instead of events
    CoseHeadCallback sign = nullptr;             // instead of both, and of done
    std::optional<NewEntry> last = {};           // of AppendLast, which has no events
    absl::Status refusal = {};                   // of what comes after it

    bool may_use_reserve() const {
      return !events.empty() && std::all_of(events.begin(), events.end(), [](const auto& event) {
        return event.may_use_reserve;
      });
    }
    size_t entries() const { return std::max<size_t>(1, events.size()); }
    void Refuse(const absl::Status& why) { sign == nullptr ? done(why) : sign(why); }
  };

  void Queue(Request request);
  absl::Status Admit(const Request& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();
  std::vector<Request> TakeQueued();
  void Process(std::vector<Request> requests);
  void ProcessLast(Request request);
  std::vector<Request> KeepReserved(std::vector<Request> requests, const absl::Status& paused);
  absl::Status Plan(std::vector<Request>& requests, std::vector<RequestPlan>& plans);
  absl::Status Publish(Committed& committed, Acknowledgement& acknowledgement);
  void SignHeads(std::vector<Request>& requests, Acknowledgement& acknowledgement);
  void FailAll(std::vector<Request> requests, const absl::Status& why);
  void Latch(const absl::Status& cause) { Fail(cause, parts_.writer->SyncFailed()); }

  const CommitterParts parts_;
  Acknowledger acknowledger_;
  std::thread thread_;
  uint64_t ranges_saved_at_ = 0;  // identities->covered() then; the committing thread's
  Mutex drain_mutex_;             // one Drain at a time
  mutable Mutex mutex_;
  CondVar queued_;
  std::deque<Request> queue_ ABSL_GUARDED_BY(mutex_);
  absl::Status stopped_ ABSL_GUARDED_BY(mutex_);  // not OK: what every append is answered
  absl::Status hold_ ABSL_GUARDED_BY(mutex_);     // not OK: the same, until it is lifted
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  LedgerCounters counters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_COMMITTER_H_
