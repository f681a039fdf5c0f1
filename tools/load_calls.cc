#include "tools/load_calls.h"

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "api/client/retry.h"
#include "api/client/rpc_error.h"

namespace auditledger {
namespace {

constexpr char kAppendMethod[] = "/auditledger.v1.LedgerService/AppendEvent";
constexpr char kBatchMethod[] = "/auditledger.v1.LedgerService/BatchAppendEvents";
constexpr uint32_t kBatchLedger = 1;
constexpr uint32_t kBatchRequests = 2;
constexpr char kBatchShareProof[] = "\x18\x01";    // field 3, as LedgerClient asks
constexpr char kBatchAckWitnessed[] = "\x20\x02";  // field 4, ACK_LEVEL_WITNESSED
// Streams of events for each thread: fewer than the service tells apart for one principal.
constexpr uint32_t kStreamsPerThread = 64;
// A closed loop's wait after a refusal that gives no hint, and the longest it waits at all.
constexpr uint64_t kUnhintedWaitMs = 100;
constexpr uint64_t kMaxWaitMs = 2000;

using Deadline = std::chrono::system_clock::time_point;

Deadline After(std::chrono::nanoseconds wait) {
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(wait);
}

// One call that can be under way.
struct Slot {
  std::optional<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  grpc::Status status;
  grpc::Alarm alarm;
  grpc::GenericStub* stub = nullptr;
  bool waiting = false;     // for the alarm, to send again
  int64_t intended_ns = 0;  // when it was to be sent
  uint32_t stream = 0;
  uint64_t first = 0;  // sequence
};

class CallLoop {
 public:
  CallLoop(const LoadParts& parts, size_t thread, size_t threads);
  LoadTally Run();

 private:
  void Fill(Slot& slot, int64_t intended_ns);
  void Send(Slot& slot);
  void OnDone(Slot& slot);
  void OnReceipt(Slot& slot, int64_t now_ns);
  // Whether the slot's event goes on by itself.
  bool OnRefusal(Slot& slot, int64_t now_ns);
  void GoOn(Slot& slot);
  void Pace();
  Slot* TakeFree();

  const LoadParts& parts_;
  const LoadPlan& plan_;
  const size_t thread_;
  const bool open_loop_;
  const double events_per_second_;  // this thread's share
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::deque<Slot> slots_;
  size_t active_ = 0;  // of a closed loop
  uint32_t next_stream_ = 0;
  uint64_t sequences_[kStreamsPerThread] = {};
  uint64_t answers_seen_ = 0;
  LoadTally tally_;
  LoadTally sent_;  // what the pacing thread counts
  std::string encoded_;
  std::mutex free_mutex_;
  std::vector<Slot*> free_;
};

CallLoop::CallLoop(const LoadParts& parts, size_t thread, size_t threads)
    : parts_(parts),
      plan_(*parts.plan),
      thread_(thread),
      open_loop_(plan_.rate > 0),
      events_per_second_(plan_.rate / static_cast<double>(threads)) {
  for (const auto& channel : parts.channels) {
    stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
  }
  const size_t all = open_loop_ ? plan_.max_outstanding : plan_.callers;
  for (size_t i = thread; i < all; i += threads) {
    Slot& slot = slots_.emplace_back();
    slot.stub = stubs_[i % stubs_.size()].get();
    free_.push_back(&slot);
  }
}

void CallLoop::Fill(Slot& slot, int64_t intended_ns) {
  const uint32_t stream = next_stream_++ % kStreamsPerThread;
  slot.intended_ns = intended_ns;
  slot.stream = static_cast<uint32_t>(thread_) * kStreamsPerThread + stream;
  slot.first = sequences_[stream] + 1;
  sequences_[stream] += plan_.events_per_call();
  encoded_.clear();
  if (plan_.mode == LoadPlan::Mode::kUnary) {
    parts_.events->AppendRequest(encoded_, 0, plan_.ledger, slot.stream, slot.first);
  } else {
    encoded_.push_back(static_cast<char>(kBatchLedger << 3 | 2));
    encoded_.push_back(static_cast<char>(plan_.ledger.size()));
    encoded_ += plan_.ledger;
    encoded_ += kBatchShareProof;
    if (plan_.witnessed) encoded_ += kBatchAckWitnessed;
    for (size_t i = 0; i < plan_.batch; ++i) {
      parts_.events->AppendRequest(encoded_, kBatchRequests, "", slot.stream, slot.first + i);
    }
  }
  slot.request = BufferOf(encoded_);
}

void CallLoop::Send(Slot& slot) {
  slot.context.emplace();
  slot.context->set_deadline(
      After(std::chrono::nanoseconds(static_cast<int64_t>(plan_.timeout_s * 1e9))));
  slot.response.Clear();
  slot.reader = slot.stub->PrepareUnaryCall(
      &*slot.context, plan_.mode == LoadPlan::Mode::kUnary ? kAppendMethod : kBatchMethod,
      slot.request, &queue_);
  slot.reader->StartCall();
  slot.reader->Finish(&slot.response, &slot.status, &slot);
}

void CallLoop::OnReceipt(Slot& slot, int64_t now_ns) {
  const uint64_t events = plan_.events_per_call();
  tally_.events_in_all += events;
  parts_.progress->fetch_add(events, std::memory_order_relaxed);
  if (parts_.stretch->Counts(now_ns)) {
    tally_.events += events;
    ++tally_.answers;
    tally_.request_bytes += slot.request.Length();
    tally_.answer_bytes += slot.response.Length();
  }
  if (parts_.stretch->Counts(slot.intended_ns)) {
    tally_.latency.Record(static_cast<uint64_t>(now_ns - slot.intended_ns));
  }
  if (parts_.receipts != nullptr && answers_seen_++ % plan_.verify_every == 0) {
    parts_.receipts->Submit(
        {plan_.mode == LoadPlan::Mode::kUnary ? LoadAnswer::kUnary : LoadAnswer::kBatch,
         slot.stream, slot.first, events, FlatBytes(slot.response)});
  }
}

bool CallLoop::OnRefusal(Slot& slot, int64_t now_ns) {
  const absl::Status status = FromGrpc(slot.status);
  tally_.AddRefusal(status, plan_.events_per_call());
  tally_.refusal_latency.Record(static_cast<uint64_t>(now_ns - slot.intended_ns));
  if (!tally_.failure.ok()) parts_.stretch->EndNow();
  if (open_loop_ || !IsRetryable(status)) return false;
  const uint64_t wait_ms = std::min(RetryAfterMs(status).value_or(kUnhintedWaitMs), kMaxWaitMs);
  slot.waiting = true;
  slot.alarm.Set(&queue_, After(std::chrono::milliseconds(wait_ms)), &slot);
  return true;
}

void CallLoop::OnDone(Slot& slot) {
  if (std::exchange(slot.waiting, false)) {
    return parts_.stretch->Over(LoadNow()) ? GoOn(slot) : Send(slot);
  }
  const int64_t now_ns = LoadNow();
  if (slot.status.ok()) {
    OnReceipt(slot, now_ns);
  } else if (OnRefusal(slot, now_ns)) {
    return;
  }
  GoOn(slot);
}

void CallLoop::GoOn(Slot& slot) {
  if (open_loop_) {
    const std::lock_guard<std::mutex> lock(free_mutex_);
    free_.push_back(&slot);
    return;
  }
  const int64_t now_ns = LoadNow();
  if (parts_.stretch->Over(now_ns)) {
    if (--active_ == 0) queue_.Shutdown();
    return;
  }
  Fill(slot, now_ns);
  Send(slot);
}

Slot* CallLoop::TakeFree() {
  const std::lock_guard<std::mutex> lock(free_mutex_);
  if (free_.empty()) return nullptr;
  Slot* const slot = free_.back();
  free_.pop_back();
  return slot;
}

// Sends at even distances. After a stall of its own it catches up: what was late keeps the moment
// it was intended for.
void CallLoop::Pace() {
  std::mutex mutex;
  std::condition_variable never;
  const double distance_ns =
      1e9 * static_cast<double>(plan_.events_per_call()) / events_per_second_;
  const int64_t begin_ns = LoadNow();
  for (uint64_t call = 0;; ++call) {
    const int64_t intended_ns =
        begin_ns + static_cast<int64_t>(static_cast<double>(call) * distance_ns);
    if (parts_.stretch->Over(std::max(intended_ns, LoadNow()))) break;
    if (intended_ns > LoadNow()) {
      std::unique_lock<std::mutex> lock(mutex);
      never.wait_until(lock, LoadClock::time_point(std::chrono::nanoseconds(intended_ns)),
                       [intended_ns] { return LoadNow() >= intended_ns; });
    }
    const uint64_t events = plan_.events_per_call();
    const bool counts = parts_.stretch->Counts(intended_ns);
    if (counts) sent_.attempted_events += events;
    Slot* const slot = TakeFree();
    if (slot == nullptr) {
      if (counts) sent_.unsent_events += events;
      continue;
    }
    Fill(*slot, intended_ns);
    Send(*slot);
  }
  queue_.Shutdown();
}

LoadTally CallLoop::Run() {
  std::thread pacer;
  if (open_loop_) {
    pacer = std::thread([this] { Pace(); });
  } else if (slots_.empty()) {
    queue_.Shutdown();
  } else {
    active_ = slots_.size();
    for (Slot& slot : slots_) {
      Fill(slot, LoadNow());
      Send(slot);
    }
  }
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) OnDone(*static_cast<Slot*>(tag));
  if (pacer.joinable()) pacer.join();
  tally_.Merge(sent_);
  return std::move(tally_);
}

}  // namespace

std::string FlatBytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return out;
  out.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return out;
}

grpc::ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

LoadTally RunCalls(const LoadParts& parts, size_t thread, size_t threads) {
  return CallLoop(parts, thread, threads).Run();
}

}  // namespace auditledger
