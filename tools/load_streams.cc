// The bidirectional stream of load_calls.h: each caller keeps a window of unanswered events open.
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "api/client/rpc_error.h"
#include "merkle/status_macros.h"
#include "merkle/wire.h"
#include "tools/load_calls.h"

namespace auditledger {
namespace {

constexpr char kStreamMethod[] = "/auditledger.v1.LedgerService/AppendEventStream";
constexpr uint32_t kStreamLedger = 1;
constexpr uint32_t kStreamRequests = 2;
constexpr uint32_t kResults = 1;
constexpr uint32_t kProblem = 3;

// One message that was sent and not yet answered in full.
struct Sent {
  int64_t at_ns = 0;
  uint64_t events = 0;
};

// Results of one answer: how many, and the refusals among them.
struct Results {
  uint64_t count = 0;
  std::vector<absl::Status> refused;
};

absl::StatusOr<Results> ReadResults(absl::string_view answer) {
  Results out;
  WireReader reader(answer);
  while (!reader.done()) {
    ASSIGN_OR_RETURN(const WireField field, reader.Next());
    if (field.number != kResults) continue;
    ++out.count;
    std::optional<WireField> problem;
    RETURN_IF_ERROR(ReadSingularFields("result", field.value,
                                       {{kProblem, WireType::kLengthDelimited, &problem}}));
    if (!problem) continue;
    v1::Problem parsed;
    if (!parsed.ParseFromArray(problem->value.data(), static_cast<int>(problem->value.size()))) {
      return absl::DataLossError("a refusal that does not parse");
    }
    out.refused.push_back(FromProblem(parsed));
  }
  return out;
}

class Stream {
 public:
  enum class Step { kStarted, kWritten, kRead, kWritesDone, kFinished };
  struct Tag {
    Stream* stream;
    Step step;
  };

  Stream(const LoadParts& parts, uint32_t number, LoadTally& tally)
      : parts_(parts), plan_(*parts.plan), number_(number), tally_(tally) {}

  void Start(grpc::GenericStub& stub, grpc::CompletionQueue& queue) {
    call_ = stub.PrepareCall(&context_, kStreamMethod, &queue);
    call_->StartCall(&started_);
  }
  // True when the stream has ended.
  bool On(Step step, bool ok);

 private:
  void WriteMore();
  void Read() { call_->Read(&answer_, &read_); }
  void OnAnswer();
  void Fail(const absl::Status& status);

  const LoadParts& parts_;
  const LoadPlan& plan_;
  const uint32_t number_;
  LoadTally& tally_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer answer_;
  grpc::Status status_;
  std::string encoded_;
  std::deque<Sent> sent_;
  uint64_t open_ = 0;  // events without an answer
  uint64_t next_ = 1;  // sequence of the next event
  uint64_t answered_ = 0;
  uint64_t answers_seen_ = 0;
  bool writing_ = false;
  bool closed_ = false;
  Tag started_{this, Step::kStarted};
  Tag written_{this, Step::kWritten};
  Tag read_{this, Step::kRead};
  Tag writes_done_{this, Step::kWritesDone};
  Tag finished_{this, Step::kFinished};
};

void Stream::WriteMore() {
  if (writing_ || closed_) return;
  const int64_t now_ns = LoadNow();
  if (parts_.stretch->Over(now_ns)) {
    closed_ = true;
    return call_->WritesDone(&writes_done_);
  }
  if (open_ + plan_.per_message > plan_.window) return;
  encoded_.clear();
  if (next_ == 1) {
    PutLengthDelimitedPrefix(encoded_, kStreamLedger, plan_.ledger.size());
    encoded_ += plan_.ledger;
  }
  for (size_t i = 0; i < plan_.per_message; ++i) {
    parts_.events->AppendRequest(encoded_, kStreamRequests, "", number_, next_++);
  }
  open_ += plan_.per_message;
  sent_.push_back({now_ns, plan_.per_message});
  if (parts_.stretch->Counts(now_ns)) tally_.request_bytes += encoded_.size();
  grpc::WriteOptions options;
  // Without the hint every message is a system call of its own.
  if (open_ + plan_.per_message <= plan_.window) options.set_buffer_hint();
  writing_ = true;
  call_->Write(BufferOf(encoded_), options, &written_);
}

void Stream::OnAnswer() {
  const int64_t now_ns = LoadNow();
  std::string bytes = FlatBytes(answer_);
  const absl::StatusOr<Results> results = ReadResults(bytes);
  if (!results.ok()) return Fail(results.status());
  if (results->count > open_) return Fail(absl::DataLossError("more results than events"));
  const uint64_t receipts = results->count - results->refused.size();
  for (const absl::Status& refusal : results->refused) {
    tally_.AddRefusal(refusal, 1);
    if (!tally_.failure.ok()) parts_.stretch->EndNow();
  }
  tally_.events_in_all += receipts;
  parts_.progress->fetch_add(receipts, std::memory_order_relaxed);
  if (parts_.stretch->Counts(now_ns)) {
    tally_.events += receipts;
    ++tally_.answers;
    tally_.answer_bytes += bytes.size();
  }
  for (uint64_t left = results->count; left > 0;) {
    Sent& oldest = sent_.front();
    const uint64_t taken = std::min(left, oldest.events);
    if (parts_.stretch->Counts(oldest.at_ns)) {
      tally_.latency.Record(static_cast<uint64_t>(now_ns - oldest.at_ns), taken);
    }
    oldest.events -= taken;
    left -= taken;
    if (oldest.events == 0) sent_.pop_front();
  }
  if (parts_.receipts != nullptr && answers_seen_++ % plan_.verify_every == 0) {
    parts_.receipts->Submit(
        {LoadAnswer::kStream, number_, answered_ + 1, results->count, std::move(bytes)});
  }
  answered_ += results->count;
  open_ -= results->count;
}

void Stream::Fail(const absl::Status& status) {
  if (tally_.failure.ok()) tally_.failure = status;
  parts_.stretch->EndNow();
  context_.TryCancel();
}

bool Stream::On(Step step, bool ok) {
  switch (step) {
    case Step::kStarted:
      if (ok) {
        Read();
        WriteMore();
      } else {
        call_->Finish(&status_, &finished_);
      }
      return false;
    case Step::kWritten:
      writing_ = false;
      if (ok) WriteMore();
      return false;
    case Step::kRead:
      if (ok) {
        OnAnswer();
        WriteMore();
        Read();
      } else {
        call_->Finish(&status_, &finished_);
      }
      return false;
    case Step::kWritesDone:
      return false;
    case Step::kFinished:
      break;
  }
  // It may only end when we have closed it and every event has its result.
  if (!status_.ok() || open_ > 0) {
    const absl::Status ended = FromGrpc(status_);
    tally_.AddRefusal(ended.ok() ? absl::UnavailableError("ended before all results") : ended,
                      open_);
    Fail(ended.ok() ? absl::DataLossError("a stream ended before all results") : ended);
  }
  return true;
}

}  // namespace

LoadTally RunStreams(const LoadParts& parts, size_t thread, size_t threads) {
  LoadTally tally;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  for (const auto& channel : parts.channels) {
    stubs.push_back(std::make_unique<grpc::GenericStub>(channel));
  }
  grpc::CompletionQueue queue;
  std::deque<Stream> streams;
  for (size_t i = thread; i < parts.plan->callers; i += threads) {
    streams.emplace_back(parts, static_cast<uint32_t>(i), tally)
        .Start(*stubs[i % stubs.size()], queue);
  }
  void* tag = nullptr;
  bool ok = false;
  for (size_t running = streams.size(); running > 0 && queue.Next(&tag, &ok);) {
    const auto& [stream, step] = *static_cast<Stream::Tag*>(tag);
    if (stream->On(step, ok)) --running;
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return tally;
}

}  // namespace auditledger
