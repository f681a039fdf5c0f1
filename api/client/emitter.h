// The emitter's library: hand an event over and go on. It is on this machine's disk when Emit
// returns, and in the ledger, once, when the ledger can be reached again: after an outage of it, of
// the network, of this process, of the machine.
//
//   Emit ──▶ spool (a bounded, encrypted folder) ──▶ sender, a thread ──▶ append stream ──▶ ledger
//                                                        └─ receipts checked, kept, handed on
//
// Example:
//   ASSIGN_OR_RETURN(auto channel, TlsChannel({"ledger.example:8443", "ca.pem", "ehr.pem",
//                                              "ehr.key"}));
//   ASSIGN_OR_RETURN(SpoolKey key, SpoolKey::FromFile("/run/credentials/ehr/spool.key"));
//   EmitterOptions options;
//   options.spool.folder = "/var/lib/ehr/audit-spool";
//   options.spool.stream = "ehr-1";                           // this instance
//   options.source.mutable_observer()->set_reference("Device/ehr");
//   ASSIGN_OR_RETURN(auto emitter, Emitter::Start(std::move(options), std::move(key),
//       std::make_unique<LedgerTransport>(channel, LedgerTransportOptions{"ledgers/main",
//       pinned})));
//   ASSIGN_OR_RETURN(const Emitted emitted, emitter->Emit(event));     // from any thread
//   ...
//   RETURN_IF_ERROR(emitter->Drain(std::chrono::seconds(10)));         // at the end
//
// **What an OK of Emit promises**: the event has its id and its number in the stream, and is kept
// until the ledger has it or has refused it. It is durable as options.spool.sync says (spool.h).
// **What an error says**: that the event was not taken (ResourceExhausted: spool or disk are full,
// and stayed so for block_for; InvalidArgument: the ledger would refuse or could not read it), or
// that the disk failed: nobody knows whether it was, and the emitter takes no more. Then "no
// record, no access" is the caller's to decide. Nothing is dropped silently: what was not taken is
// declared in the stream by an outage event (how many, from when to when, why) as soon as there is
// room, by Drain at the latest. What Drain had no room or time for is not known after the process.
// **Event ids**: a random UUID, unless the event has one. An id that was emitted before is
// another event with a used id: the ledger refuses it (EVENT_ID_CONFLICT). A caller who must be
// able to repeat a call after a crash uses an outbox (README.md).
// **What the ledger refuses** (it names the reason) is kept in the folder among the refused,
// counted, and told by on_refused. It is taken away by Refused and TakeRefused: when 64 MiB of it
// are kept nothing is sent any more. Mended it may be emitted again, under its id.
// **Heartbeats**: after `heartbeat` without an event, one is emitted while nothing waits: the
// ledger knows then that nothing is missing. Start and end are events too (emitter_events.h).
//
// Thread-safety: all methods. The callbacks of options run on the sender's thread.
// Ownership: one emitter for a folder; it has a thread, with kGroups two. The destructor stops
// sending after the round under way: at most the transport's stream_timeout for the batch, and its
// timeout for each head that is followed and for a look for witnesses. What waits is sent after the
// next start.
// Limits: an event has 64 KiB; options.spool.max_bytes are kept, below 1 MiB no spool is begun.
// Clock: times are the machine's; one that is set back changes no order, numbers make it.
#ifndef AUDITLEDGER_API_CLIENT_EMITTER_H_
#define AUDITLEDGER_API_CLIENT_EMITTER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/client/emit_sender.h"
#include "api/client/emitter_events.h"
#include "api/client/emitter_transport.h"
#include "api/client/settled_store.h"
#include "api/client/spool.h"
#include "api/client/spool_key.h"
#include "api/client/spool_world.h"
#include "auditledger/v1/event.pb.h"

namespace auditledger {

enum class WhenFull {
  kFail,   // Emit answers ResourceExhausted at once
  kBlock,  // Emit waits for room, at most block_for
};

struct EmitterOptions {
  SpoolOptions spool;
  // Who reports: put into events without an observer, and into the emitter's own. observer is
  // required.
  v1::Source source;
  WhenFull when_full = WhenFull::kFail;
  std::chrono::milliseconds block_for{5000};
  std::chrono::seconds heartbeat{60};  // a ledger alarms after twice that; 0: none
  bool declare_recording = true;       // events when recording starts and stops
  SettledStoreOptions keep;
  EmitSenderOptions send;
  SpoolWorld world = SpoolWorld::Machine();
};

struct EmitterCounters {
  uint64_t emitted = 0;    // since the start; the emitter's own events too
  uint64_t not_taken = 0;  // Emit calls that failed
  uint64_t spool_events = 0;
  uint64_t spool_bytes = 0;
  uint64_t oldest_unsent_age_us = 0;  // 0: nothing waits
  uint64_t receipts_kept = 0;         // that wait for witnesses
  uint64_t refused_kept = 0;          // of earlier starts too
  SenderCounters sender;
  // Not OK: a disk failed and nothing is sent any more, nor taken, if it says that the events have
  // stopped.
  absl::Status spool;
};

class Emitter {
 public:
  // Opens the spool and begins to send what it holds. `transport` without a thread of its own.
  static absl::StatusOr<std::unique_ptr<Emitter>> Start(
      EmitterOptions options, SpoolKey key, std::unique_ptr<EmitterTransport> transport);
  ~Emitter();
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  // schema_version, recorded and source are filled in where they are missing.
  absl::StatusOr<Emitted> Emit(v1::AuditEvent event);

  // Tells the ledger that events are missing, or may be, for a reason outside of this library.
  absl::StatusOr<Emitted> DeclareOutage(const EmitterOutage& outage);

  // Ends recording (an event says so), declares what was not taken, and waits until everything is
  // settled; a sender that waits after a failure tries at once. DeadlineExceeded with the number of
  // events that wait (they are safe, and are sent after the next start), and what could not be
  // declared. Emit must not be called any more.
  absl::Status Drain(std::chrono::milliseconds limit);

  // Ends the sending, as the destructor does: no callback comes after it.
  void Stop();

  EmitterCounters counters() const;
  // What the ledger refused, oldest first: for people who mend the emitter.
  absl::StatusOr<std::vector<RefusedEvent>> Refused() const { return store_->RefusedEvents(); }
  // Lets them go up to the one of this number, when they are safe elsewhere.
  absl::Status TakeRefused(uint64_t through) { return store_->TakeRefused(through); }
  const std::string& stream_id() const { return spool_->stream_id(); }

 private:
  Emitter(EmitterOptions options, std::unique_ptr<EmitterTransport> transport);
  absl::Status Open(SpoolKey key);
  void DeclareStart();
  absl::StatusOr<Emitted> Append(const v1::AuditEvent& event, bool may_block);
  // Declares what was not taken, if there is something and room for it.
  void DeclareMissed();
  void NoteMissed(const absl::Status& status);
  bool Misses() const;
  void Run();
  void Beat();
  void Wake();
  absl::Status Left(bool told) const;  // what Drain answers

  const EmitterOptions options_;
  const std::unique_ptr<EmitterTransport> transport_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<SettledStore> store_;
  std::unique_ptr<EmitSender> sender_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;   // the sender's
  std::condition_variable moved_;  // Drain's: something was settled, or the sender ended
  bool appended_ = false;
  bool hurry_ = false;  // no more waiting after a failure
  bool stop_ = false;
  bool ended_ = false;
  uint64_t emitted_ = 0;
  uint64_t not_taken_ = 0;
  uint64_t last_emit_us_ = 0;  // monotonic
  EmitterOutage missed_;       // events != 0: to be declared
  std::mutex declare_mutex_;   // who declares; taken before mutex_
  std::thread thread_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_EMITTER_H_
