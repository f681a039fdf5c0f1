// Exactly once, for ever: decides for each queued request what of it is new, what was there before
// and what contradicts the log. Step 1 of the commit order.
//
// A request stands or falls as a whole. In it an event is
//   new         its identity is unknown: it gets the next index, next to the request's other new
//   ones a repeat    same identity, same event: its first place is the answer erased      same
//   identity, the event was erased: FailedPrecondition EVENT_ERASED, naming the erasure a conflict
//   same identity, another event: AlreadyExists EVENT_ID_CONFLICT. Nothing of the request
//               is appended but one conflict entry for each such event, the n-th (from 0) of an
//               identity recorded under
//     conflict_identity = HMAC-SHA-256(dedup_key, "conflict" 00 || identity_mac || BE64(n))[0:16]
//               so that the same refused event again finds its evidence and adds none, and
//               max_conflicts_per_identity bounds what one identity can make the log keep. Once
//               evidence was erased, which may have been of this very event, none is kept any more.
// Known is what the log holds and what this commit already got; two different events under one
// identity inside one request contradict each other and are InvalidArgument.
//
// Thread-safety: one thread. Errors of single requests are in their plans; an error of Plan itself
// is one of storage: without knowing what is there nothing may be appended.
#ifndef AUDITLEDGER_LEDGER_REQUEST_PLANNER_H_
#define AUDITLEDGER_LEDGER_REQUEST_PLANNER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/engine.h"
#include "ledger/erasures.h"
#include "ledger/identity_index.h"
#include "ledger/new_entry.h"
#include "ledger/options.h"
#include "ledger/sealer.h"
#include "ledger/stream_table.h"

namespace auditledger {

Mac128 ConflictIdentity(absl::string_view dedup_key, const Mac128& identity, uint64_t n);

// Where one event of a request is.
struct PlannedEvent {
  uint64_t index = 0;
  bool repeated = false;
};

struct RequestPlan {
  absl::Status refusal;              // not OK: the answer, once this commit is durable
  std::vector<PlannedEvent> events;  // when OK: one for each event of the request
  uint64_t conflicts = 0;
  uint64_t over_cap = 0;  // numbered events of streams over a bound (stream_table.h)
};

class RequestPlanner {
 public:
  // All must outlive it.
  RequestPlanner(const LedgerLimits& limits, absl::string_view dedup_key, Engine& engine,
                 IdentityIndex& identities, StreamTable& streams, const Erasures& erasures);

  // Begins a commit whose first entry will have index `next_index`.
  void Begin(uint64_t next_index);
  // Adds a request to it. What becomes an entry is moved out of `events`, except seeds and headers.
  absl::StatusOr<RequestPlan> Add(std::vector<SealedEvent>& events);
  // Adds an entry of the ledger's own. Where an event stands behind it its identity must be new:
  // ALREADY_EXISTS (EVENT_ID_CONFLICT) without evidence, for its writer is the ledger itself.
  absl::StatusOr<RequestPlan> AddOwn(NewEntry entry);
  uint64_t entries() const { return plan_.entries.size(); }
  // What to commit; may have no entries.
  CommitPlan Take();
  // The commit is in the log: identities and stream numbers enter the indexes.
  absl::Status Committed();

 private:
  struct Known {
    uint64_t index = 0;
    Mac128 event_mac{};
  };
  enum class Verdict { kNew, kRepeat, kErased, kConflict };
  struct Finding {
    Verdict verdict = Verdict::kNew;
    uint64_t index = 0;  // of the entry that is there
  };

  uint64_t next_index() const { return first_index_ + plan_.entries.size(); }
  absl::StatusOr<std::optional<Known>> Find(const Mac128& identity);
  absl::Status Erased(size_t position, uint64_t index) const;
  absl::StatusOr<std::vector<Finding>> Classify(const std::vector<SealedEvent>& events);
  absl::StatusOr<RequestPlan> RefuseConflict(std::vector<SealedEvent>& events,
                                             const std::vector<Finding>& findings);
  struct Evidence {
    uint64_t index = 0;
    bool kept = false;  // it holds this very event; else the bound is reached and it is the last
  };
  absl::StatusOr<Evidence> KeepEvidence(SealedEvent& event, uint64_t first_index);
  RequestPlan Accept(std::vector<SealedEvent>& events, const std::vector<Finding>& findings);
  uint32_t StreamOf(const SealedEvent& event, RequestPlan& plan);
  void Push(NewEntry entry);

  const uint64_t max_conflicts_;
  const std::string dedup_key_;
  Engine& engine_;
  IdentityIndex& identities_;
  StreamTable& streams_;
  const Erasures& erasures_;
  uint64_t first_index_ = 0;
  CommitPlan plan_;
  absl::flat_hash_map<Mac128, Known> pending_;        // of this commit
  std::vector<std::optional<IdentityRecord>> added_;  // one for each entry of this commit
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_REQUEST_PLANNER_H_
