// The log of the log: whoever reads payloads is recorded in the ledger that is read, before they
// leave; whoever is refused is, too.
//
//   a read with payloads ──▶ Record ──▶ queued while a commit of ours is under way ──▶
//   Ledger::Append
//                                                                                          │
//                                                                                          durable
//                              the answer leaves  ◀── done(OK) ◀───────────────────────────┘
//
// So an access costs one commit of waiting, and many at once share it: those of one caller by one
// method become one event with their ranges (access_event.h). They are events like any other, under
// the principal "ledger:<origin>", which nobody can claim, in the stream "access", exactly once.
// It cannot be switched off: where nothing can be recorded no payload leaves.
//
// A ledger that has ended records nothing: reads of it are recorded in its successor, where that is
// served here, and refused where it is not.
//
// Thread-safety: all methods. `done` is called exactly once: by the thread that calls Record, or by
// the ledger's acknowledging one, so that it must not block, nor hold what Record's caller holds.
#ifndef AUDITLEDGER_API_ACCESS_ACCESS_LOG_H_
#define AUDITLEDGER_API_ACCESS_ACCESS_LOG_H_

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/access/access_event.h"
#include "ledger/clock.h"
#include "ledger/ledger_set.h"
#include "ledger/mutex.h"
#include "ledger/random.h"

namespace auditledger {

// Reads of one commit: each is an event at worst, and a commit takes a thousand.
inline constexpr size_t kMaxAccessBatch = 500;
// Answers that wait for their entries, in bytes: a disk that stalls must not fill the memory with
// what was read meanwhile. As much as appends may have in flight.
inline constexpr size_t kMaxWaitingAnswerBytes = 64 << 20;
// Ends of streams that could not be recorded and are tried again.
inline constexpr size_t kMaxUnrecordedEnds = 1000;

struct AccessRead {
  std::string principal;
  std::string method;  // "LedgerService/GetEntry"
  std::string ledger;  // "ledgers/main"
  AccessPhase phase = AccessPhase::kRead;
  EntrySpan range;
  size_t answer_bytes = 0;  // that `done` holds
};

class AccessLog {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  // All must outlive it.
  AccessLog(LedgerSet& ledgers, Clock& clock, Random& random)
      : ledgers_(ledgers), clock_(clock), random_(random) {}

  // ResourceExhausted (OVERLOADED) over kMaxWaitingAnswerBytes. `done` gets OK once the read of
  // `ledger` is on record; else Unavailable, or for a ledger that has ended FailedPrecondition
  // (both ACCESS_NOT_RECORDED): then nothing of it may leave.
  void Record(Ledger& ledger, AccessRead read, Done done);
  // Whether a read could be recorded now, as far as is known: for a stream that is open already.
  absl::Status MayRecord(Ledger& ledger);
  // An event of a refusal (access_refusals.h), with the same promise.
  void RecordRefusal(Ledger& ledger, RefusalEventInput refusal, Done done);
  // The same for a change of policy or key.
  void RecordChange(Ledger& ledger, ChangeEventInput change, Done done);
  // The end of a stream, which has nobody to tell: tried again by Retry until it is recorded.
  void RecordEnd(Ledger& ledger, AccessRead read);
  // What is due: ends that could not be recorded, and each ledger's last change of key, once.
  void Retry();
  // Waits until nothing is under way. Before the ledgers are drained.
  void Drain();

 private:
  struct Pending {
    std::string origin;  // of the ledger that is read
    AccessRead read;
    std::optional<v1::AuditEvent> event;  // in place of a read
    Done done;
    bool is_read() const { return !event.has_value(); }
  };
  struct End {
    Ledger* ledger = nullptr;
    AccessRead read;
  };
  struct Feed {
    bool busy = false;  // an append of ours is under way
    std::deque<Pending> waiting;
  };

  AccessEventBase FreshBase(const std::string& origin);
  void QueueEvent(Ledger& ledger, v1::AuditEvent event, Done done);
  absl::StatusOr<Ledger*> Recorder(Ledger& ledger);
  void Queue(Ledger& ledger, Pending pending);
  void Flush(Ledger& recorder);
  std::vector<Pending> TakeBatch(Ledger& recorder);
  void RecordKeyChange(Ledger& ledger);
  absl::StatusOr<std::vector<SealedEvent>> Seal(Ledger& recorder,
                                                const std::vector<Pending>& batch);

  LedgerSet& ledgers_;
  Clock& clock_;
  Random& random_;
  Mutex mutex_;
  CondVar idle_;
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<End> ends_ ABSL_GUARDED_BY(mutex_);
  // The change of key that is on record, as far as is known.
  std::map<Ledger*, uint64_t> key_changes_ ABSL_GUARDED_BY(mutex_);
  std::map<Ledger*, Feed> feeds_ ABSL_GUARDED_BY(mutex_);
  std::map<Ledger*, Ledger*> successors_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_ACCESS_LOG_H_
