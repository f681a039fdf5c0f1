// AppendEventStream: events in, results out, in order.
//
// Each event has a slot from the moment it is read until its result is written. With
// kMaxUnansweredEvents slots taken, nothing more is read, and HTTP/2 stops the client; the message
// that crosses the line is still taken whole, so that at most kMaxUnansweredEvents - 1 + 1,000
// events are held. Reading goes on only after all events of a message stand in the ledger's queue:
// that keeps their order.
//
// Finishes once: at half-close after the last answer; on drain with UNAVAILABLE after the answers
// of all that was read; with the error of a message that breaks the stream's own rules, after the
// answers before it, or of a caller whose token has expired; when the client is gone, or took no
// answer for slow_reader_seconds.
//
// Thread-safety: all methods.
#ifndef AUDITLEDGER_API_APPEND_STREAM_H_
#define AUDITLEDGER_API_APPEND_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/call.h"
#include "api/on_arena.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "ledger/ledger.h"
#include "ledger/mutex.h"

namespace auditledger {

class AppendStream : public TrackedCall,
                     public Call,
                     public std::enable_shared_from_this<AppendStream> {
 public:
  static constexpr char kMethod[] = "LedgerService/AppendEventStream";
  explicit AppendStream(ServiceContext& context) : Call(context, kMethod) {}

  // The reactor deletes itself.
  static grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Start(
      const std::shared_ptr<AppendStream>& stream, const absl::Status& admitted);

  void BeginDrain() override;
  void Tick() override;
  void Abort(const absl::Status& why) override;

 private:
  class Reactor;
  class Results;
  struct Slot {
    bool done = false;
    bool with_opening = false;
    bool omit_proof = false;
    uint64_t started_us = 0;
    uint64_t position = 0;
    // The answer: an entry under a head, or without a head the v1.Problem, serialised.
    AppendedEntry entry;
    std::shared_ptr<const PublishedHead> head;
    std::string problem;
  };
  using Slots = std::vector<std::shared_ptr<Slot>>;
  using Request = OnArena<v1::AppendEventStreamRequest>;

  void OnReadDone(bool ok);
  void OnWriteDone(bool ok);
  void OnCancel();
  void OnDone() {
    context().tracker.RemoveStream(this);
    Leave();
  }

  absl::Status CheckMessage(const v1::AppendEventStreamRequest& request);
  Slots TakeSlots(const v1::AppendEventStreamRequest& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Process(const Request& request, const Slots& slots);
  void SubmitOne(const v1::AppendEventRequest& request, const std::shared_ptr<Slot>& slot);
  void Complete(const std::shared_ptr<Slot>& slot, absl::StatusOr<AppendOutcome> outcome);
  void Processed();

  // Starts whatever is due: the next write, the next read, the finish.
  void Step() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteResults() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Finish(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Reactor* reactor_ = nullptr;  // owns this; valid until finished_
  Ledger* ledger_ = nullptr;    // set by the first message; one reader at a time
  std::string ledger_name_;
  Mutex mutex_;
  std::deque<std::shared_ptr<Slot>> slots_ ABSL_GUARDED_BY(mutex_);  // unanswered, in order
  uint64_t next_position_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;     // a read is pending
  bool processing_ ABSL_GUARDED_BY(mutex_) = false;  // a message is being put into the queue
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t write_began_us_ ABSL_GUARDED_BY(mutex_) = 0;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;  // nobody waits for answers any more
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status end_
      ABSL_GUARDED_BY(mutex_);  // not OK: read no more, finish with it after the answers
  grpc::ByteBuffer in_;
  grpc::ByteBuffer out_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_APPEND_STREAM_H_
