#include "tools/load_receipts.h"

#include <time.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "api/client/shared_proof.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Heads remembered: those of the commits whose answers can be under way at once.
constexpr size_t kMaxHeads = 256;
// Indices remembered, a bit each; a run beyond it would have to be told apart otherwise.
constexpr uint64_t kMaxIndices = uint64_t{1} << 33;

// CPU time of the calling thread.
double ThreadCpuSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// The receipts of an answer, in order; null for an event that was refused.
struct Receipts {
  v1::AppendEventResponse unary;
  std::vector<v1::Receipt> batch;
  v1::AppendEventStreamResponse stream;
  std::vector<const v1::Receipt*> all;
};

absl::Status Parse(const LoadAnswer& answer, Receipts& out) {
  bool parsed = false;
  switch (answer.kind) {
    case LoadAnswer::kUnary:
      parsed = out.unary.ParseFromString(answer.bytes);
      out.all.push_back(&out.unary.receipt());
      break;
    case LoadAnswer::kBatch: {
      v1::BatchAppendEventsResponse response;
      parsed = response.ParseFromString(answer.bytes);
      if (!parsed) break;
      ASSIGN_OR_RETURN(out.batch, WholeReceipts(std::move(response), answer.count));
      for (const v1::Receipt& receipt : out.batch) out.all.push_back(&receipt);
      break;
    }
    case LoadAnswer::kStream:
      parsed = out.stream.ParseFromString(answer.bytes);
      for (const v1::AppendResult& result : out.stream.results()) {
        out.all.push_back(result.has_receipt() ? &result.receipt() : nullptr);
      }
      break;
  }
  if (!parsed) return absl::DataLossError("an answer that does not parse");
  if (out.all.size() == answer.count) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(out.all.size(), " receipts for ", answer.count, " events"));
}

}  // namespace

absl::StatusOr<const Checkpoint*> ReceiptChecker::Head(const std::string& note) {
  const auto known = heads_.find(note);
  if (known != heads_.end()) return &known->second;
  ASSIGN_OR_RETURN(SignedCheckpoint head, OpenPinnedHead(note, log_));
  if (heads_.size() >= kMaxHeads) heads_.clear();
  return &heads_.emplace(note, std::move(head.checkpoint)).first->second;
}

absl::Status ReceiptChecker::CheckOne(const v1::Receipt& receipt, uint32_t stream,
                                      uint64_t sequence) {
  ASSIGN_OR_RETURN(const Checkpoint* const head, Head(receipt.checkpoint().note()));
  std::string event;
  events_.AppendEvent(event, stream, sequence);
  return CheckReceiptUnder(*head, receipt, event);
}

absl::StatusOr<std::vector<uint64_t>> ReceiptChecker::Check(const LoadAnswer& answer) {
  Receipts receipts;
  RETURN_IF_ERROR(Parse(answer, receipts));
  std::vector<uint64_t> indices;
  for (size_t i = 0; i < receipts.all.size(); ++i) {
    if (receipts.all[i] == nullptr) continue;
    RETURN_IF_ERROR(CheckOne(*receipts.all[i], answer.stream, answer.first + i));
    indices.push_back(receipts.all[i]->index());
  }
  return indices;
}

LoadReceipts::LoadReceipts(const PinnedLog& log, const LoadEvents& events, size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, log, &events] { Run(ReceiptChecker(log, events)); });
  }
}

void LoadReceipts::Submit(LoadAnswer answer) {
  MutexLock lock(mutex_);
  while (queued_bytes_ >= kMaxLoadQueueBytes) changed_.Wait(mutex_);
  queued_bytes_ += answer.bytes.size();
  queue_.push_back(std::move(answer));
  changed_.SignalAll();
}

absl::Status LoadReceipts::Note(const std::vector<uint64_t>& indices) {
  for (const uint64_t index : indices) {
    if (index >= kMaxIndices) return absl::DataLossError("an index beyond 2^33");
    if (index >= seen_.size()) seen_.resize(std::max<uint64_t>(index + 1, 2 * seen_.size()));
    if (seen_[index]) {
      return absl::DataLossError(absl::StrCat("two events were given the index ", index));
    }
    seen_[index] = true;
  }
  verified_ += indices.size();
  return absl::OkStatus();
}

void LoadReceipts::Run(ReceiptChecker checker) {
  while (true) {
    LoadAnswer answer;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !finishing_) changed_.Wait(mutex_);
      if (queue_.empty()) {
        cpu_seconds_ += ThreadCpuSeconds();
        return;
      }
      answer = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= answer.bytes.size();
      changed_.SignalAll();
    }
    const absl::StatusOr<std::vector<uint64_t>> indices = checker.Check(answer);
    MutexLock lock(mutex_);
    const absl::Status status = indices.ok() ? Note(*indices) : indices.status();
    if (failure_.ok()) failure_ = status;
  }
}

void LoadReceipts::Finish() {
  {
    MutexLock lock(mutex_);
    finishing_ = true;
    changed_.SignalAll();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

uint64_t LoadReceipts::verified() const {
  MutexLock lock(mutex_);
  return verified_;
}

absl::Status LoadReceipts::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

double LoadReceipts::cpu_seconds() const {
  MutexLock lock(mutex_);
  return cpu_seconds_;
}

}  // namespace auditledger
