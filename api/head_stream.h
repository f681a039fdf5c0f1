// Server streams that follow a ledger's heads: TailEntries and WatchCheckpoints; and those of a
// backup, which end at one.
//
// A HeadStream is woken by each new head (on the ledger's acknowledging thread, where it only
// queues), by a write that ended, and by the supervisor's tick. At most one message is being
// written: HTTP/2 flow control is thereby the client's brake, and a slow reader costs one message
// of memory, and after slow_reader_seconds its stream. Finishes once: on an error, when the client
// is gone, or on drain with UNAVAILABLE.
//
// A stream that gives payloads is on record (access_log.h): its opening before its first message,
// what it gave each hour, and its end; never each delivery. Where nothing can be recorded it ends.
//
// Thread-safety: all public methods.
#ifndef AUDITLEDGER_API_HEAD_STREAM_H_
#define AUDITLEDGER_API_HEAD_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/call.h"
#include "ledger/ledger.h"
#include "ledger/mutex.h"

namespace auditledger {

// An open stream's reads are on record at least so often.
inline constexpr uint64_t kRecordStreamMicros = 3600ull * 1'000'000;

class HeadStream : public TrackedCall,
                   public Call,
                   public std::enable_shared_from_this<HeadStream> {
 public:
  HeadStream(ServiceContext& context, absl::string_view method) : Call(context, method) {}

  // Takes over `stream`: checks `admitted` and `ledger`, and follows. The reactor deletes itself.
  static grpc::ServerWriteReactor<grpc::ByteBuffer>* Start(
      const std::shared_ptr<HeadStream>& stream, const absl::Status& admitted, Ledger* ledger);

  void BeginDrain() override;
  // Also ends it when the caller's grant or token has ended since.
  void Tick() override;
  void Abort(const absl::Status& why) override;

 protected:
  // Starts what is due: called when nothing is being written and the stream goes on.
  virtual void Advance(const PublishedHead& head) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) = 0;
  // What a stream has given of payloads or what opens them; nothing for one that gives none. Called
  // while it is not Busy.
  virtual std::optional<EntrySpan> Disclosed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::nullopt;
  }
  // True while a job is under way that will call Write or Fail.
  virtual bool Busy() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return false; }

  void Write(const google::protobuf::Message& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Fail(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends a stream that has said all.
  void Complete() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { Fail(absl::OkStatus()); }
  bool finished() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return finished_; }
  // Finishes if drain or abort asks for it, else Advance.
  void Step() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  Ledger* ledger_ = nullptr;

 private:
  class Reactor;
  void OnHead(const std::shared_ptr<const PublishedHead>& head);
  bool RecordsFirst() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnRecorded(const absl::Status& status, EntrySpan range);
  void OnWriteDone(bool ok);
  void OnCancel();
  void OnDone();

  Reactor* reactor_ = nullptr;  // owns this; valid until finished_
  uint64_t listener_ = 0;
  bool listening_ = false;
  std::shared_ptr<const PublishedHead> head_ ABSL_GUARDED_BY(mutex_);
  absl::Status end_
      ABSL_GUARDED_BY(mutex_);  // not OK: finish with it as soon as nothing is under way
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t write_began_us_ ABSL_GUARDED_BY(mutex_) = 0;
  bool recording_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<EntrySpan> recorded_ ABSL_GUARDED_BY(mutex_);  // what is on record, once opened
  uint64_t recorded_us_ ABSL_GUARDED_BY(mutex_) = 0;           // since when, monotonic
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ByteBuffer out_;
};

// Admits, parses and authorises in the one way of HandleUnary; `prepare` then gives the ledger to
// follow.
template <typename Request, typename Stream, typename Prepare>
grpc::ServerWriteReactor<grpc::ByteBuffer>* HandleHeadStream(
    const std::shared_ptr<Stream>& stream, const ListenerIdentity& listener,
    const grpc::CallbackServerContext& grpc_context, const grpc::ByteBuffer& in, Prepare prepare) {
  Request request;
  absl::Status status = stream->Admit(grpc_context, listener);
  if (status.ok()) status = ParseMessage(in, request);
  if (status.ok()) status = stream->Authorize(AccessOf(request));
  if (!status.ok()) return HeadStream::Start(stream, status, nullptr);
  const absl::StatusOr<Ledger*> ledger = prepare(*stream, std::move(request));
  return HeadStream::Start(stream, ledger.status(), ledger.ok() ? *ledger : nullptr);
}

}  // namespace auditledger

#endif  // AUDITLEDGER_API_HEAD_STREAM_H_
