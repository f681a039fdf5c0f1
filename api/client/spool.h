// The events of one emitter on a disk of its own, from Append until their receipts are settled:
// bounded, encrypted, in order. emitter.h sends what it holds.
//
//   FOLDER/lock            one process at a time
//   FOLDER/events-N        (record_log.h) u64 when it was spooled, us | the event in canonical form
//   FOLDER/state           (spool_state.h) up to where all is settled, which files there are, the
//                          last head seen
//   FOLDER/reserve         zeros, given up on a full disk: without room for the state no settled
//                          file could be removed, and there would never be room again
//   FOLDER/receipts-N, FOLDER/refused-N   what emitter.h keeps
//
// **Identity.** An event gets its id (a random UUID, unless it has one) and its place in the stream
// when it is written, so that the numbers that the ledger sees have no gaps. The stream is
// "NAME@EPOCH": an epoch is the life of the folder, 48 bits of milliseconds and 16 at random, so
// that a spool that was lost and made anew does not count again what it has counted before.
//
// **Durable** means, by choice:
//   kEachEvent  Append returns when the event is on the disk; syncs of several threads are one
//   kGroups     Append returns when it is written: a killed process loses nothing, a power cut what
//               was written in the last sync_interval. Nothing is sent before it is synced.
//
// Example:
//   ASSIGN_OR_RETURN(auto spool, Spool::Open(SpoolWorld::Machine(), std::move(key), options));
//   ASSIGN_OR_RETURN(const Emitted emitted, spool->Append(event));
//   ASSIGN_OR_RETURN(std::vector<SpooledEvent> events, spool->Next(500, 1 << 20));
//   RETURN_IF_ERROR(spool->Acknowledge(events.back().sequence, newest_head));
//
// Thread-safety: all methods; Next and Acknowledge are for one thread, the one that sends.
// Errors: Append: ResourceExhausted when the spool or the disk is full (nothing was recorded;
// another time there may be room), InvalidArgument for an event that is too large or that the
// ledger could not read (not UTF-8, nested too deep); after any other error of the disk the spool
// has stopped, and whether the event was recorded is not known. Next, Acknowledge:
// ResourceExhausted when the machine has no room or file descriptors: try again. Open: Unavailable
// while another process has the folder; FailedPrecondition when it is another stream's; DataLoss
// for what no crash does (a file that is missing too), saying what is wrong: put the folder away
// (it is evidence) and begin with an empty one.
// Limits: kMaxEmittedEventBytes, kMaxStreamNameBytes, kLeastSpoolBytes.
#ifndef AUDITLEDGER_API_CLIENT_SPOOL_H_
#define AUDITLEDGER_API_CLIENT_SPOOL_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/client/record_log.h"
#include "api/client/spool_file.h"
#include "api/client/spool_key.h"
#include "api/client/spool_state.h"
#include "api/client/spool_world.h"
#include "auditledger/v1/event.pb.h"

namespace auditledger {

inline constexpr size_t kMaxEmittedEventBytes = 64 << 10;  // what the ledger takes
inline constexpr size_t kMaxStreamNameBytes = 100;         // with "@EPOCH" below the ledger's 128
inline constexpr uint64_t kLeastSpoolBytes = 1 << 20;      // several files of large events
inline constexpr size_t kSpoolReserveBytes = 64 << 10;     // a state with its head, with room

// What a crash may make an emitter send once more.
inline constexpr std::chrono::seconds kStateInterval{1};

enum class SpoolSync { kEachEvent, kGroups };

struct SpoolOptions {
  std::string folder;  // made if need be, 0700; its parent is there
  std::string stream;  // this emitter instance, among all of one principal; printable ASCII, no '@'
  uint64_t max_bytes = 256 << 20;  // some 200,000 events of 1 KiB: an hour of a busy system
  SpoolSync sync = SpoolSync::kEachEvent;
  std::chrono::milliseconds sync_interval{10};  // kGroups
};

struct Emitted {
  std::string event_id;
  std::string stream_id;
  uint64_t sequence = 0;
};

struct SpooledEvent {
  uint64_t sequence = 0;
  uint64_t spooled_at_us = 0;
  v1::AuditEvent event;
};

// OK when an event parses as it travels, in a request: its texts are UTF-8, and it is not nested
// deeper than protobuf reads. InvalidArgument otherwise.
absl::Status CheckTravels(const v1::AuditEvent& event);

class Spool {
 public:
  static absl::StatusOr<std::unique_ptr<Spool>> Open(SpoolWorld world,
                                                     std::shared_ptr<const SpoolKey> key,
                                                     SpoolOptions options);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Fills in id, stream and sequence (what stands there of the last two is replaced).
  absl::StatusOr<Emitted> Append(v1::AuditEvent event);
  absl::Status Sync();
  // The oldest durable events that are not acknowledged. Empty when there is none.
  absl::StatusOr<std::vector<SpooledEvent>> Next(size_t max_events, size_t max_bytes);
  // Every event up to `sequence` is settled, the last head seen is `head`. It is noted on the disk
  // now and then (NoteState): a crash before sends again what the ledger has, which makes no second
  // entry, and saves two of three syncs.
  absl::Status Acknowledge(uint64_t sequence, const std::string& head);
  // Writes what Acknowledge said, if the last time is kStateInterval ago. A disk too full for it is
  // no error: it is written the next time.
  absl::Status NoteState();

  // Waits until Acknowledge has been called since `seen` was read of settlings(), or `limit` is
  // over; false then.
  bool WaitForRoom(uint64_t seen, std::chrono::microseconds limit);
  uint64_t settlings() const;

  const std::string& stream_id() const { return stream_id_; }
  uint64_t epoch() const { return events_->epoch(); }
  std::string head() const;
  uint64_t acknowledged() const;
  uint64_t last() const { return events_->next() - 1; }  // sequence of the newest event
  uint64_t depth() const;                                // events that are not acknowledged
  uint64_t bytes() const { return events_->bytes(); }
  // Of the crash before this start: bytes at the end that were never durable.
  uint64_t torn_bytes() const { return events_->torn_bytes(); }
  absl::Status status() const { return events_->status(); }  // why it has stopped

  const SpoolWorld& world() const { return world_; }
  const std::shared_ptr<const SpoolKey>& key() const { return key_; }
  const SpoolOptions& options() const { return options_; }

 private:
  Spool(SpoolWorld world, std::shared_ptr<const SpoolKey> key, SpoolOptions options,
        SpoolFile lock);
  absl::Status Load();
  absl::Status LoadState();
  absl::Status CheckState(bool found) const;
  absl::Status WriteState();
  absl::Status PutState(const std::string& bytes);
  absl::Status NoteFile(uint64_t number);
  absl::StatusOr<std::string> RecordOf(v1::AuditEvent& event, uint64_t sequence) const;
  void SyncInGroups();

  const SpoolWorld world_;
  const std::shared_ptr<const SpoolKey> key_;
  const SpoolOptions options_;
  const SpoolFile lock_;
  std::unique_ptr<RecordLog> events_;
  std::string stream_id_;

  mutable std::mutex mutex_;
  std::condition_variable settled_;
  SpoolState state_;
  uint64_t settlings_ = 0;
  bool noted_ = true;          // what is in the file is what is in state_
  uint64_t next_note_us_ = 0;  // monotonic
  std::mutex note_mutex_;      // who writes the file; taken before mutex_
  bool has_reserve_ = false;   // known to be there

  std::mutex syncer_mutex_;
  std::condition_variable syncer_wake_;
  bool written_ = false;  // since the last sync
  bool stop_ = false;
  std::thread syncer_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_SPOOL_H_
