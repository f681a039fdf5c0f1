// TailEntries and WatchCheckpoints.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/convert.h"
#include "api/head_stream.h"
#include "api/intake.h"
#include "api/service.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Reads entries on the read pool, a message of at most kMaxPageBytes and kMaxPageSize entries at a
// time.
class TailStream : public HeadStream {
 public:
  explicit TailStream(ServiceContext& context) : HeadStream(context, "LedgerService/TailEntries") {}
  void Begin(uint64_t start_index, bool full) {
    MutexLock lock(mutex_);
    begin_ = start_index;
    next_ = start_index;
    full_ = full;
  }

 protected:
  bool Busy() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return reading_; }
  std::optional<EntrySpan> Disclosed() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!full_) return std::nullopt;
    return EntrySpan{begin_, next_};
  }

  void Advance(const PublishedHead& head) override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (next_ >= head.head.size) return;
    auto self = std::static_pointer_cast<TailStream>(shared_from_this());
    // Refused for load: the supervisor's tick tries again.
    reading_ = context().read_pool.Submit([self] { self->ReadSome(); });
  }

 private:
  void ReadSome() {
    const auto head = ledger_->head();
    uint64_t next = 0;
    {
      MutexLock lock(mutex_);
      next = next_;
    }
    v1::TailEntriesResponse response;
    response.mutable_checkpoint()->set_note(head->checkpoint);
    size_t bytes = 0;
    const uint64_t end = std::min<uint64_t>(head->head.size, next + kMaxPageSize);
    absl::Status status = full_ ? context().access_log.MayRecord(*ledger_) : absl::OkStatus();
    if (status.ok()) {
      status = ledger_->ReadEntries(next, end, full_, [&](const StoredEntry& entry) {
        v1::Entry* added = response.add_entries();
        *added = ToEntry(entry);
        bytes += added->ByteSizeLong();
        return bytes < kMaxPageBytes;
      });
    }
    MutexLock lock(mutex_);
    reading_ = false;
    if (!status.ok()) return Fail(status);
    next_ = next + static_cast<uint64_t>(response.entries_size());
    Write(response);
  }

  uint64_t begin_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool full_ = false;
};

class WatchStream : public HeadStream {
 public:
  explicit WatchStream(ServiceContext& context)
      : HeadStream(context, "LedgerService/WatchCheckpoints") {}

 protected:
  void Advance(const PublishedHead& head) override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (head.checkpoint == sent_) return;
    sent_ = head.checkpoint;
    v1::WatchCheckpointsResponse response;
    response.mutable_checkpoint()->set_note(head.checkpoint);
    Write(response);
  }

 private:
  std::string sent_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<Ledger*> PrepareTail(TailStream& stream, const v1::TailEntriesRequest& request) {
  if (!v1::EntryView_IsValid(request.view())) {
    return InvalidField("view", "is not a value this server knows");
  }
  ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(stream, "ledger", request.ledger()));
  const uint64_t size = ledger->head()->head.size;
  if (request.start_index() > size) {
    return WithReason(
        absl::OutOfRangeError(absl::StrCat("start_index is beyond the size ", size)),
        kReasonIndexBeyondSize,
        {{"index", absl::StrCat(request.start_index())}, {"size", absl::StrCat(size)}});
  }
  stream.Begin(request.start_index(), request.view() == v1::ENTRY_VIEW_FULL);
  return ledger;
}

}  // namespace

grpc::ServerWriteReactor<Bytes>* LedgerServiceImpl::TailEntries(GrpcContext* grpc_context,
                                                                const Bytes* in) {
  return HandleHeadStream<v1::TailEntriesRequest>(std::make_shared<TailStream>(context_), listener_,
                                                  *grpc_context, *in, PrepareTail);
}

grpc::ServerWriteReactor<Bytes>* LedgerServiceImpl::WatchCheckpoints(GrpcContext* grpc_context,
                                                                     const Bytes* in) {
  return HandleHeadStream<v1::WatchCheckpointsRequest>(
      std::make_shared<WatchStream>(context_), listener_, *grpc_context, *in,
      [](WatchStream& stream, const v1::WatchCheckpointsRequest& request) {
        return FindLedger(stream, "ledger", request.ledger());
      });
}

}  // namespace auditledger
