// Has the heads of one ledger cosigned by the witnesses of its policy, and holds what follows from
// that: receipts that say WITNESSED, a bound on what goes on without, and a start that is
// confirmed.
//
//   ledger ─ new heads ─▶ CosigningRounds ◀─ a thread a witness: WitnessClient ─▶ witnesses
//                              │ the quorum has cosigned
//                              ▼
//          one thread: <state_dir>/<id>/witnessed/checkpoint, then witnessed(), then waiters
//
// Fails closed: witnessed() moves only when the policy's quorum holds on one head whose every
// cosignature was verified. Without it
//   - whoever waits for WITNESSED is answered Unavailable WITNESSES_UNAVAILABLE after
//   `ack_timeout`,
//     with the place where the event is durable
//   - DURABLE goes on until the lag reaches max_lag_entries or max_lag; then appends pause
//     (Unavailable LEDGER_PAUSED) and resume by themselves.
//
// Start. The ledger was opened held (LedgerOptions::hold_until_confirmed): nothing is signed. When
// the quorum has cosigned its last signed head in this run, everybody in it has said that what it
// cosigned before is a prefix of it; then Ledger::Confirm. A head of ours that a witness, or the
// stored checkpoint, proves to be signed and that is not in the log here refuses the ledger
// (LedgerSet::Refuse): the data, and with it the signer's memory, were rolled back. A witness that
// only says so and shows nothing does not count towards the quorum; of more than f such witnesses
// one is honest, and then the operator's word (CosignerParts::vouched) does not count either. Nor
// does it against a head, stored or cosigned by a witness, that opens by no known key of the log:
// those of its changes, and those that the policy lists for its origin, since a copy from before a
// change knows the new key from there alone.
//
// Thread-safety: all methods but Start and Stop, which belong to one thread. Callbacks run on the
// cosigner's thread and must not block.
#ifndef AUDITLEDGER_API_COSIGNER_H_
#define AUDITLEDGER_API_COSIGNER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "api/cosigning_rounds.h"
#include "api/http_transport.h"
#include "api/rpc_log.h"
#include "api/witness_policy.h"
#include "ledger/ledger.h"
#include "ledger/mutex.h"
#include "ledger/random.h"

namespace auditledger {

inline constexpr char kReasonWitnessesUnavailable[] = "WITNESSES_UNAVAILABLE";

struct CosignerOptions {
  // A round asks every witness once, and costs each a sync of its disk: four a second make
  // WITNESSED wait an eighth of a second on average.
  std::chrono::milliseconds interval{250};
  // One request to a witness: it has a signature, a proof and a sync to make, and a network
  // between.
  std::chrono::milliseconds timeout{2000};
  // How long WITNESSED waits for the quorum: half of the longest call.
  std::chrono::milliseconds ack_timeout{5000};
  // What may be appended that no quorum vouches for: a large hospital's day ...
  uint64_t max_lag_entries = 1'000'000;
  // ... and a night's call-out. Beyond either, appends pause.
  std::chrono::seconds max_lag{4 * 3600};
  // A quorum away for longer is an alarm: longer than the restart of a machine takes is not.
  std::chrono::seconds alarm_after{60};
};

// A witness that takes longer is down: the quorum does not wait for it, but a drain does.
inline constexpr uint32_t kMaxWitnessTimeoutMs = 10'000;
// Entries that may wait for WITNESSED: as many as the ledger's own queue holds. Beyond it is
// ResourceExhausted (OVERLOADED).
inline constexpr size_t kMaxWaitingEntries = 16384;
// And bytes of their leaves, which are kept for the receipts: a hundredth of a small machine.
inline constexpr size_t kMaxWaitingBytes = 64 << 20;
inline constexpr uint64_t kWitnessedRetryMs = 1000;

// What a WITNESSED receipt needs.
struct WitnessedEntries {
  HeadPtr head;                              // its note is cosigned by the quorum
  std::vector<std::vector<Hash>> inclusion;  // of each index that was asked for
};
using WitnessedCallback = absl::AnyInvocable<void(absl::StatusOr<WitnessedEntries>)>;

struct WitnessReport {
  std::string name;                        // within the policy
  uint64_t size = 0;                       // what it has cosigned, as far as is known
  uint64_t last_success_us = 0;            // wall clock; 0: never in this run
  uint64_t latency_us = 0;                 // of the last cosignature
  std::string failing{};                   // name of the last outcome; empty: it cosigned
  std::string detail{};                    // of that failure
  std::map<std::string, uint64_t> failed;  // requests, by outcome, since start
};

struct CosignerReport {
  uint64_t witnessed_size = 0;
  uint64_t lag_entries = 0;
  uint64_t lag_us = 0;
  uint64_t away_us = 0;    // since when a quorum is wanted and not there; 0: it is there
  bool alarm = false;      // away for over alarm_after, or the start is not confirmed
  bool confirmed = false;  // the start was, or needed no confirming
  int64_t f = 0;
  std::string policy;  // in words, with how f was computed
  std::vector<WitnessReport> witnesses;
};

struct CosignerParts {
  std::string ledger_id;
  Ledger* ledger = nullptr;  // outlives it, as all pointers here
  const WitnessPolicy* policy = nullptr;
  CosignerOptions options;
  std::string dir;                // <state_dir>/<id>/witnessed; made when it is not there
  std::optional<Head> vouched{};  // --accept_unwitnessed_start
  HttpTransportFactory transport;
  Clock* clock = nullptr;
  Random* random = nullptr;
  RpcLog* log = nullptr;
  std::function<void(const absl::Status&)> refuse;  // LedgerSet::Refuse
};

class Cosigner {
 public:
  explicit Cosigner(CosignerParts parts);
  ~Cosigner() { Stop(); }

  void Start();
  // Nothing new is begun, and whoever waits is answered Unavailable; waits for nothing.
  // Thread-safe.
  void BeginStop();
  // That, and requests under way are waited for. Idempotent.
  void Stop();

  // The newest head cosigned by the quorum, in this run or before; nullptr when there is none.
  HeadPtr witnessed() const;
  // Calls `done` once, when all of `indices`, which are under a signed head, lie under a witnessed
  // one, or when the time is over. `bytes`: what the caller keeps meanwhile.
  void WhenWitnessed(std::vector<uint64_t> indices, size_t bytes, WitnessedCallback done);
  CosignerReport Report() const;

 private:
  struct Waiter {
    std::vector<uint64_t> indices;
    size_t bytes = 0;
    uint64_t size = 0;  // a head of this size covers them
    uint64_t deadline_us = 0;
    WitnessedCallback done;
  };

  absl::Status LoadStored();
  void RunWitness(size_t w);
  void Note(size_t w, const WitnessReply& reply, uint64_t micros)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Examine(WitnessClient& client, const WitnessReply& reply);
  void Contradicted(absl::string_view who, const SignedCheckpoint& head, const absl::Status& why);
  void Run();
  void TakeCosigned();
  void ConfirmStart();
  std::string Objection() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wait(const std::string& objection);
  void WatchLag();
  void AnswerWaiters();
  absl::Status ExpiredError(const Waiter& waiter) const;
  bool stopping() const;

  CosignerParts parts_;
  const std::vector<NoteVerifier> keys_;
  mutable Mutex mutex_;
  CondVar changed_;  // for the witnesses' threads
  CondVar news_;     // for the cosigner's thread
  CosigningRounds rounds_ ABSL_GUARDED_BY(mutex_);
  HeadPtr witnessed_ ABSL_GUARDED_BY(mutex_);
  std::vector<WitnessReport> reports_ ABSL_GUARDED_BY(mutex_);
  std::vector<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_entries_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  // Heads said to be ours that cannot be held against the log here, by who shows them.
  std::map<std::string, std::string> unknown_ ABSL_GUARDED_BY(mutex_);
  bool cosigned_changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool confirmed_ ABSL_GUARDED_BY(mutex_) = false;
  bool refused_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool lagging_ = false;        // the cosigner thread's
  bool store_failing_ = false;  // the same
  std::string start_problem_;   // the same
  std::string objection_;       // the same: what the held ledger says now
  std::string waits_reason_;    // what it says without one
  uint64_t listener_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_COSIGNER_H_
