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
  if (finished_ || writing_ || Busy()) return;
  if (end_.ok()) end_ = StillAllowed();  // before each message, and at each tick
  if (!end_.ok()) return Fail(end_);
  if (head_ != nullptr) Advance(*head_);
}

void HeadStream::Tick() {
  MutexLock lock(mutex_);
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
  // Waits for a listener that runs, hence without the lock.
  if (listening_) ledger_->RemoveHeadListener(listener_);
  Leave();
}

void HeadStream::Write(const google::protobuf::Message& message) {
  if (finished_) return;
  out_ = SerializeMessage(message);
  writing_ = true;
  reactor_->StartWrite(&out_);
}

void HeadStream::Fail(const absl::Status& status) {
  if (finished_) return;
  finished_ = true;
  Record(status);
  reactor_->Finish(ToGrpcStatus(status));
}

}  // namespace auditledger
