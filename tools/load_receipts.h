// Checks receipts on threads of its own, so that a load generator believes nothing it measures.
//
// Each receipt is checked as emitters do (api/client/receipt_check.h): head signed by a pinned
// key, leaf in the tree at its index, leaf committing to the very event sent. Beyond that, no two
// events may have been given one index. A head's signature is checked once and then remembered: the
// receipts of one commit share their head, and a signature costs as much as ten receipts.
//
//   LoadReceipts receipts(log, events, /*threads=*/1);
//   receipts.Submit({.kind = LoadAnswer::kBatch, .stream = 3, .first = 1, .count = 1000, .bytes =
//   b}); receipts.Finish(); receipts.failure();   // OK, or what the first bad receipt was
//
// Thread-safety: all methods. Submit waits while kMaxLoadQueueBytes are queued: who verifies all
// cannot be faster than the verifying.
#ifndef AUDITLEDGER_TOOLS_LOAD_RECEIPTS_H_
#define AUDITLEDGER_TOOLS_LOAD_RECEIPTS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/client/receipt_check.h"
#include "ledger/mutex.h"
#include "merkle/checkpoint.h"
#include "tools/load_events.h"

namespace auditledger {

inline constexpr size_t kMaxLoadQueueBytes = 64 << 20;

// One answer of the server, and which events it answers: `count` of `stream` from `first` on.
struct LoadAnswer {
  enum Kind { kUnary, kBatch, kStream };
  Kind kind = kUnary;
  uint32_t stream = 0;
  uint64_t first = 1;
  uint64_t count = 1;
  std::string bytes;  // the response message
};

// Thread-safety: an object belongs to one thread.
class ReceiptChecker {
 public:
  ReceiptChecker(PinnedLog log, const LoadEvents& events) : log_(std::move(log)), events_(events) {}
  // The indices of the receipts, those that were refused apart. Errors as CheckReceipt, and
  // DataLoss for another number of receipts than events.
  absl::StatusOr<std::vector<uint64_t>> Check(const LoadAnswer& answer);

 private:
  absl::Status CheckOne(const v1::Receipt& receipt, uint32_t stream, uint64_t sequence);
  absl::StatusOr<const Checkpoint*> Head(const std::string& note);

  const PinnedLog log_;
  const LoadEvents& events_;
  std::map<std::string, Checkpoint> heads_;  // by note: whose signature was checked
};

class LoadReceipts {
 public:
  // `events` must outlive it.
  LoadReceipts(const PinnedLog& log, const LoadEvents& events, size_t threads);
  ~LoadReceipts() { Finish(); }

  void Submit(LoadAnswer answer);
  // Checks what is queued and ends the threads. Idempotent.
  void Finish();

  uint64_t verified() const;
  absl::Status failure() const;
  // CPU seconds the checking took. After Finish.
  double cpu_seconds() const;

 private:
  void Run(ReceiptChecker checker);
  absl::Status Note(const std::vector<uint64_t>& indices) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<LoadAnswer> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t verified_ ABSL_GUARDED_BY(mutex_) = 0;
  double cpu_seconds_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<bool> seen_ ABSL_GUARDED_BY(mutex_);  // indices that an event was given
  std::vector<std::thread> threads_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_LOAD_RECEIPTS_H_
