#include "api/head_stream.h"

#include <utility>

#include "api/status.h"
#include "ledger/errors.h"

namespace auditledger {

class HeadStream::Reactor : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  explicit Reactor(std::shared_ptr<HeadStream> stream) : stream_(std::move(stream)) {}
  void OnWriteDone(bool ok) override { stream_->OnWriteDone(ok); }
  void OnCancel() override { stream_->OnCancel(); }
  void OnDone() override {
    stream_->OnDone();
    delete this;
  }

 private:
  const std::shared_ptr<HeadStream> stream_;
};

grpc::ServerWriteReactor<grpc::ByteBuffer>* HeadStream::Start(
    const std::shared_ptr<HeadStream>& stream, const absl::Status& admitted, Ledger* ledger) {
  auto* const reactor = new Reactor(stream);
  stream->reactor_ = reactor;
  if (!admitted.ok()) {
    MutexLock lock(stream->mutex_);
    stream->Fail(admitted);
    return reactor;
  }
  stream->ledger_ = ledger;
  stream->listening_ = true;
  // Calls back at once with the newest head, hence without the lock.
  stream->listener_ = ledger->AddHeadListener(
      [stream](const std::shared_ptr<const PublishedHead>& head) { stream->OnHead(head); });
  stream->context().tracker.AddStream(stream.get(), stream);
  return reactor;
}

void HeadStream::OnHead(const std::shared_ptr<const PublishedHead>& head) {
  MutexLock lock(mutex_);
  head_ = head;
  Step();
}

void HeadStream::Step() {
  if (finished_ || writing_ || recording_ || Busy()) return;
  if (end_.ok()) end_ = StillAllowed();  // before each message, and at each tick
  if (!end_.ok()) return Fail(end_);
  if (head_ != nullptr && !RecordsFirst()) Advance(*head_);
}

// True while something has to be put on record before the stream goes on.
bool HeadStream::RecordsFirst() {
  const std::optional<EntrySpan> disclosed = Disclosed();
  if (!disclosed.has_value()) return false;
  const bool grew = recorded_.has_value() && disclosed->end > recorded_->end;
  const uint64_t since_us = context().clock.MonotonicMicros() - recorded_us_;
  if (recorded_.has_value() && !(grew && since_us >= kRecordStreamMicros)) return false;
  const AccessPhase phase = recorded_.has_value() ? AccessPhase::kGoesOn : AccessPhase::kOpened;
  auto self = shared_from_this();
  // Not here: the answer may come before Record returns. Refused for load: the tick tries again.
  recording_ = context().read_pool.Submit([self, phase, range = *disclosed] {
    // Else it would be on record as opened, and give nothing.
    const absl::Status may = self->context().access_log.MayRecord(*self->ledger_);
    if (!may.ok()) return self->OnRecorded(may, range);
    self->context().access_log.Record(
        *self->ledger_, self->ReadOf(phase, range),
        [self, range](const absl::Status& status) { self->OnRecorded(status, range); });
  });
  return true;
}

void HeadStream::OnRecorded(const absl::Status& status, EntrySpan range) {
  MutexLock lock(mutex_);
  recording_ = false;
  if (status.ok()) {
    recorded_ = range;
    recorded_us_ = context().clock.MonotonicMicros();
  } else if (end_.ok()) {
    end_ = status;
  }
  Step();
}

void HeadStream::Tick() {
  MutexLock lock(mutex_);
  if (writing_ && !finished_ && IsStuck(write_began_us_)) {
    if (end_.ok()) end_ = SlowReader();
    CancelRpc();
  }
  Step();
}

void HeadStream::BeginDrain() {
  Abort(WithReason(
      absl::UnavailableError("the server is shutting down; go on where the stream ended"),
      kReasonShuttingDown));
}

void HeadStream::Abort(const absl::Status& why) {
  MutexLock lock(mutex_);
  if (end_.ok()) end_ = why;
  Step();
}

void HeadStream::OnCancel() { Abort(absl::CancelledError("the client is gone")); }

void HeadStream::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  if (!ok && end_.ok()) end_ = absl::CancelledError("the client is gone");
  Step();
}

void HeadStream::OnDone() {
  context().tracker.RemoveStream(this);
  std::optional<EntrySpan> given;
  {
    MutexLock lock(mutex_);
    if (recorded_.has_value()) given = Disclosed();
  }
  if (given.has_value()) {
    context().access_log.RecordEnd(*ledger_, ReadOf(AccessPhase::kEnded, *given));
  }
  // Waits for a listener that runs, hence without the lock.
  if (listening_) ledger_->RemoveHeadListener(listener_);
  Leave();
}

void HeadStream::Write(const google::protobuf::Message& message) {
  if (finished_) return;
  out_ = SerializeMessage(message);
  writing_ = true;
  write_began_us_ = context().clock.MonotonicMicros();
  reactor_->StartWrite(&out_);
}

void HeadStream::Fail(const absl::Status& status) {
  if (finished_) return;
  finished_ = true;
  Record(status);
  reactor_->Finish(ToGrpcStatus(status));
}

}  // namespace auditledger
