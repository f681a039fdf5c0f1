// Sends what a spool holds, one round at a time: a batch out of the spool, over the append stream,
// receipts checked and kept, the spool let go of what is settled. It has no thread and no clock of
// its own: emitter.h calls it and waits as it says.
//
// Example:
//   EmitSender sender(spool, store, transport, options);
//   while (true) { const auto round = sender.Step(); if (round.idle) ...; Wait(round.wait); }
//
// What becomes of an answer:
//   a receipt that proves the event         kept by policy, the event is let go
//   MALFORMED_EVENT, EVENT_TOO_LARGE, EVENT_ID_CONFLICT   kept among the refused, told, let go
//   EVENT_AHEAD     by this machine's clock too the event is dated over 24 hours ahead: as those.
//                   Else one of the clocks is wrong: it stays, and is sent again
//   EVENT_ERASED    recorded once and erased since, as the ledger says and does not prove: id and
//                   number are kept among the refused, told, let go
//   anything else (no answer, no right, a ledger that is read-only, a receipt that proves nothing)
//                                           stays and is sent again, after random(0, initial * 2^n)
// One of the first three for a whole call (an event of a message did not parse): the events are
// sent one by one, until it is known which one it is. An event is let go when all before it are.
// What had an answer that was lost is sent again under the same id and gets its first receipt: one
// entry.
//
// Thread-safety: Step is for one thread; counters() and stopped() for all.
#ifndef AUDITLEDGER_API_CLIENT_EMIT_SENDER_H_
#define AUDITLEDGER_API_CLIENT_EMIT_SENDER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/client/emitter_transport.h"
#include "api/client/retry.h"
#include "api/client/settled_store.h"
#include "api/client/spool.h"

namespace auditledger {

struct EmitSenderOptions {
  // Waits between rounds that failed; the number of attempts is not bounded.
  RetryPolicy backoff{0, std::chrono::milliseconds{100}, std::chrono::milliseconds{30000}, {}};
  size_t batch_events = 1000;  // the ledger's own window
  size_t batch_bytes = 2 << 20;
  std::chrono::milliseconds witness_interval{1000};  // between looks for a witnessed head
  // Called before an event is let go, after its receipt was kept; in order, but for a repeat after
  // a restart.
  std::function<void(const SpooledEvent&, const v1::Receipt&)> on_receipt;
  std::function<void(const SpooledEvent&, const absl::Status&)> on_refused;
};

struct SenderCounters {
  uint64_t settled = 0;   // events let go, in whatever way
  uint64_t receipts = 0;  // checked
  uint64_t repeated = 0;  // of them: the ledger had the event already
  uint64_t refused = 0;
  uint64_t erased = 0;            // as the ledger says
  uint64_t retries = 0;           // rounds that failed
  uint64_t not_proven = 0;        // receipts and heads that do not prove what they should
  uint64_t oldest_unsent_us = 0;  // when it was spooled, Unix time; 0: nothing waits
  absl::Status last_error;        // of the last round; OK when that went well
};

class EmitSender {
 public:
  // All must outlive it.
  EmitSender(Spool& spool, SettledStore& store, EmitterTransport& transport,
             EmitSenderOptions options);

  struct Round {
    bool idle = false;                  // nothing waits in the spool
    std::chrono::microseconds wait{0};  // before the next round; idle: at most
    absl::Status stopped;               // not OK: a disk failed, there is no next round
  };
  Round Step();
  absl::Status stopped() const;  // as Round.stopped
  SenderCounters counters() const;

 private:
  using Result = std::optional<absl::StatusOr<v1::Receipt>>;
  absl::Status SendBatch(const std::vector<SpooledEvent>& batch);
  absl::Status Settle(const std::vector<SpooledEvent>& batch, const std::vector<Result>& results,
                      const std::string& head);
  absl::StatusOr<std::string> FollowAll(const std::vector<Result>& results);
  // One event: OK when it is settled.
  absl::Status SettleOne(const SpooledEvent& spooled, const absl::StatusOr<v1::Receipt>& result);
  void Tell(const SpooledEvent& spooled, const absl::StatusOr<v1::Receipt>& result);
  // The ledger will never take this very event.
  bool IsRefusal(const SpooledEvent& spooled, const absl::Status& status) const;
  absl::Status LookForWitnesses();
  std::chrono::microseconds BackOff(const absl::Status& status);
  void Note(const absl::Status& status);

  Spool& spool_;
  SettledStore& store_;
  EmitterTransport& transport_;
  const EmitSenderOptions options_;
  std::mt19937_64 random_;
  int failed_ = 0;    // rounds in a row
  size_t alone_ = 0;  // so many events to be sent one by one
  uint64_t next_look_us_ = 0;
  mutable std::mutex mutex_;
  SenderCounters counters_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_EMIT_SENDER_H_
