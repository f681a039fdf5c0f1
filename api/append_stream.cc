#include "api/append_stream.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/access/access_refusals.h"
#include "api/ack.h"
#include "api/intake.h"
#include "api/receipt_writer.h"
#include "api/service.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

std::string ProblemBytes(const absl::Status& status) {
  const google::rpc::Status rpc = ToRpcStatus(status);
  v1::Problem out;
  out.set_code(rpc.code());
  out.set_message(rpc.message());
  out.set_status_details(rpc.SerializeAsString());
  return out.SerializeAsString();
}

// proto3 leaves out a number that is zero.
void PutPosition(std::string& out, uint64_t position) {
  if (position != 0) PutVarintField(out, v1::AppendResult::kPositionFieldNumber, position);
}

// Whether `head` says of what is under `before` all that `before` said.
bool Covers(const PublishedHead& head, const PublishedHead& before) {
  return head.witnessed == before.witnessed && head.head.size >= before.head.size;
}

}  // namespace

// The results of one message. Those under one head share what is written of it.
class AppendStream::Results {
 public:
  const std::string& bytes() const { return bytes_; }
  void CutTo(size_t size) { bytes_.resize(size); }

  void Append(const Slot& slot, bool with_proof) {
    position_.clear();
    PutPosition(position_, slot.position);
    if (slot.head == nullptr) {
      PutLengthDelimited(position_, v1::AppendResult::kProblemFieldNumber, slot.problem);
      return PutLengthDelimited(bytes_, kResults, position_);
    }
    if (head_ != slot.head) {
      head_ = slot.head;
      writer_.emplace(*head_);
    }
    const ReceiptForm form = with_proof ? ReceiptForm::kWhole : ReceiptForm::kBare;
    PutLengthDelimitedPrefix(
        bytes_, kResults,
        position_.size() + writer_->SizeOf(slot.entry, form, slot.with_opening, kReceipt));
    bytes_ += position_;
    writer_->Append(slot.entry, form, slot.with_opening, kReceipt, bytes_);
  }

 private:
  static constexpr uint32_t kResults = v1::AppendEventStreamResponse::kResultsFieldNumber;
  static constexpr uint32_t kReceipt = v1::AppendResult::kReceiptFieldNumber;
  std::string bytes_;
  std::string position_;  // scratch: what stands before a receipt or problem, or all of the latter
  std::shared_ptr<const PublishedHead> head_;
  std::optional<ReceiptWriter> writer_;
};

class AppendStream::Reactor : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Reactor(std::shared_ptr<AppendStream> stream) : stream_(std::move(stream)) {}
  void OnReadDone(bool ok) override { stream_->OnReadDone(ok); }
  void OnWriteDone(bool ok) override { stream_->OnWriteDone(ok); }
  void OnCancel() override { stream_->OnCancel(); }
  void OnDone() override {
    stream_->OnDone();
    delete this;
  }

 private:
  const std::shared_ptr<AppendStream> stream_;
};

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* AppendStream::Start(
    const std::shared_ptr<AppendStream>& stream, const absl::Status& admitted) {
  auto* const reactor = new Reactor(stream);
  stream->reactor_ = reactor;
  if (admitted.ok()) stream->context().tracker.AddStream(stream.get(), stream);
  MutexLock lock(stream->mutex_);
  if (!admitted.ok()) {
    stream->Finish(admitted);
  } else {
    stream->Step();
  }
  return reactor;
}

void AppendStream::OnReadDone(bool ok) {
  {
    MutexLock lock(mutex_);
    reading_ = false;
    if (finished_ || gone_) return;
    half_closed_ = half_closed_ || !ok;
    if (!ok) return Step();
    processing_ = true;  // from here on the message counts as read: drain waits for its answers
  }
  Request request;
  absl::Status status = ParseMessage(in_, request);
  in_.Clear();
  if (status.ok()) status = CheckMessage(*request);
  Slots slots;
  {
    MutexLock lock(mutex_);
    if (status.ok()) slots = TakeSlots(*request);
    if (!status.ok() && end_.ok()) end_ = status;
  }
  if (slots.size() <= kMaxInlineSeals) return Process(request, slots);
  auto self = shared_from_this();
  if (context().seal_pool.Submit([self, request, slots] { self->Process(request, slots); })) return;
  for (const auto& slot : slots) Complete(slot, PoolIsFull());
  Processed();
}

absl::Status AppendStream::CheckMessage(const v1::AppendEventStreamRequest& request) {
  RETURN_IF_ERROR(StillAuthenticated());
  const size_t count = static_cast<size_t>(request.requests_size());
  if (count > context().limits.max_batch_events) {
    return InvalidField(
        "requests",
        absl::StrCat(count, " events, over the limit of ", context().limits.max_batch_events),
        kReasonBatchTooLarge);
  }
  if (ledger_ == nullptr) {
    RETURN_IF_ERROR(Authorize({request.ledger(), /*content=*/false, {}}));
    ASSIGN_OR_RETURN(ledger_, FindLedger(*this, "ledger", request.ledger()));
    ledger_name_ = request.ledger();
  } else if (!request.ledger().empty() && request.ledger() != ledger_name_) {
    return InvalidField("ledger", "must be empty or that of the first message");
  }
  return absl::OkStatus();
}

AppendStream::Slots AppendStream::TakeSlots(const v1::AppendEventStreamRequest& request) {
  Slots slots;
  for (const v1::AppendEventRequest& one : request.requests()) {
    auto slot = std::make_shared<Slot>();
    slot->with_opening = one.include_opening();
    slot->omit_proof = request.omit_proofs();
    slot->started_us = context().clock.MonotonicMicros();
    slot->position = next_position_++;
    slots_.push_back(slot);
    slots.push_back(std::move(slot));
  }
  return slots;
}

void AppendStream::Process(const Request& request, const Slots& slots) {
  for (size_t i = 0; i < slots.size(); ++i)
    SubmitOne(request->requests(static_cast<int>(i)), slots[i]);
  Processed();
}

void AppendStream::SubmitOne(const v1::AppendEventRequest& request,
                             const std::shared_ptr<Slot>& slot) {
  if (!request.ledger().empty() && request.ledger() != ledger_name_) {
    return Complete(slot, InvalidField("ledger", "must be empty or that of the first message"));
  }
  const absl::Status allowed = AllowStream(request.event().source().stream_id());
  if (!allowed.ok()) {
    context().refusals.Count(principal().name, kMethod, ledger_name_);
    return Complete(slot, allowed);
  }
  const absl::StatusOr<Cosigner*> cosigner =
      CosignerFor(context(), ledger_name_, "ack", request.ack());
  if (!cosigner.ok()) return Complete(slot, cosigner.status());
  absl::StatusOr<std::vector<SealedEvent>> sealed =
      SealEvents(context(), *ledger_, principal(), {&request}, /*indexed=*/false);
  if (!sealed.ok()) return Complete(slot, sealed.status());
  auto self = shared_from_this();
  auto answer = [self, slot](absl::StatusOr<AppendOutcome> outcome) {
    self->Complete(slot, std::move(outcome));
  };
  ledger_->Append(*std::move(sealed), WithAck(*cosigner, std::move(answer)));
}

void AppendStream::Processed() {
  MutexLock lock(mutex_);
  processing_ = false;
  Step();
}

void AppendStream::Complete(const std::shared_ptr<Slot>& slot,
                            absl::StatusOr<AppendOutcome> outcome) {
  std::string problem;
  if (outcome.ok()) {
    context().metrics.ObserveAppend(context().clock.MonotonicMicros() - slot->started_us);
  } else {
    problem = ProblemBytes(outcome.status());
    context().metrics.CountRefusal(ReasonName(outcome.status()));
  }
  MutexLock lock(mutex_);
  if (outcome.ok()) {
    slot->entry = std::move(outcome->entries[0]);
    slot->head = std::move(outcome->head);
  }
  slot->problem = std::move(problem);
  slot->done = true;
  Step();
}

void AppendStream::Step() {
  if (finished_) return;
  if (gone_) {
    if (!writing_) Finish(end_);
    return;
  }
  // Reading does not wait for a write: a client may send all before it reads its first answer.
  if (!writing_ && !slots_.empty() && slots_.front()->done) WriteResults();
  const bool takes_more = end_.ok() && !half_closed_;
  if (takes_more && !reading_ && !processing_ && slots_.size() < kMaxUnansweredEvents) {
    reading_ = true;
    reactor_->StartRead(&in_);
  }
  if (!takes_more && !processing_ && !writing_ && slots_.empty()) Finish(end_);
}

void AppendStream::WriteResults() {
  Results results;
  Slots unproven;  // the last receipt, when it has no proof, and the problems behind it
  size_t unproven_begin = 0;
  const auto prove = [&] {
    if (unproven.empty()) return;
    results.CutTo(unproven_begin);
    for (const auto& slot : unproven) results.Append(*slot, /*with_proof=*/true);
    unproven.clear();
  };
  for (int count = 0; count < kMaxPageSize && results.bytes().size() < kMaxPageBytes; ++count) {
    if (slots_.empty() || !slots_.front()->done) break;
    const std::shared_ptr<Slot> slot = std::move(slots_.front());
    slots_.pop_front();
    if (slot->head != nullptr) {
      // Without a proof of its own a receipt needs one behind it whose head covers it.
      if (!unproven.empty() && !Covers(*slot->head, *unproven.front()->head)) prove();
      unproven.clear();
    }
    const size_t begin = results.bytes().size();
    results.Append(*slot, /*with_proof=*/!slot->omit_proof);
    if (slot->head == nullptr) {
      if (!unproven.empty()) unproven.push_back(slot);
    } else if (slot->omit_proof) {
      unproven_begin = begin;
      unproven.push_back(slot);
    }
  }
  prove();
  const grpc::Slice slice(results.bytes());
  out_ = grpc::ByteBuffer(&slice, 1);
  writing_ = true;
  write_began_us_ = context().clock.MonotonicMicros();
  reactor_->StartWrite(&out_);
}

void AppendStream::Finish(const absl::Status& status) {
  finished_ = true;
  Record(status);
  reactor_->Finish(ToGrpcStatus(status));
}

void AppendStream::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  if (!ok) {
    gone_ = true;
    if (end_.ok()) end_ = absl::CancelledError("the client is gone");
  }
  Step();
}

void AppendStream::OnCancel() { Abort(absl::CancelledError("the client is gone")); }

void AppendStream::Abort(const absl::Status& why) {
  MutexLock lock(mutex_);
  gone_ = true;
  if (end_.ok()) end_ = why;
  Step();
}

void AppendStream::Tick() {
  MutexLock lock(mutex_);
  if (writing_ && !finished_ && IsStuck(write_began_us_)) {
    gone_ = true;
    if (end_.ok()) end_ = SlowReader();
    CancelRpc();
  }
  if (end_.ok()) end_ = StillAuthenticated();
  Step();
}

void AppendStream::BeginDrain() {
  MutexLock lock(mutex_);
  if (end_.ok()) {
    end_ = WithReason(
        absl::UnavailableError("the server is shutting down; send what has no answer again"),
        kReasonShuttingDown);
  }
  Step();
}

grpc::ServerBidiReactor<Bytes, Bytes>* LedgerServiceImpl::AppendEventStream(
    GrpcContext* grpc_context) {
  const auto stream = std::make_shared<AppendStream>(context_);
  const absl::Status admitted = stream->Admit(*grpc_context, listener_);
  return AppendStream::Start(stream, admitted);
}

}  // namespace auditledger
