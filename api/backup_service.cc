// BackupLedger and BackupSecrets: what AdminService streams for a backup (ledger/backup_source.h).
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/head_stream.h"
#include "api/intake.h"
#include "api/service.h"
#include "api/status.h"
#include "ledger/backup_secrets.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// Reads a message at a time on the read pool: at most one is in memory, and HTTP/2's flow control
// is the client's brake.
class BackupStream : public HeadStream {
 public:
  using HeadStream::HeadStream;

 protected:
  // The ledger that `name` names; fixes its newest head. `up_to`, which `field` asks for, must not
  // lie beyond it.
  absl::StatusOr<Ledger*> Find(const std::string& name, const char* field, uint64_t up_to) {
    ASSIGN_OR_RETURN(Ledger* const ledger, FindLedger(*this, "ledger", name));
    source_ = ledger->backup_source();
    if (source_ == nullptr) {
      return absl::UnimplementedError("this ledger stores no records that could be copied");
    }
    head_ = ledger->head();
    if (up_to <= size()) return ledger;
    return WithReason(absl::OutOfRangeError(absl::StrCat(field, " is beyond the size ", size())),
                      kReasonIndexBeyondSize,
                      {{"index", absl::StrCat(up_to)}, {"size", absl::StrCat(size())}});
  }

  bool Busy() const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return reading_; }

  void Advance(const PublishedHead&) override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto self = std::static_pointer_cast<BackupStream>(shared_from_this());
    // Refused for load: the supervisor's tick tries again.
    reading_ = context().read_pool.Submit([self] { self->ReadSome(); });
  }

  // The next message, nothing at the end. One thread at a time, without the lock.
  virtual absl::StatusOr<std::unique_ptr<google::protobuf::Message>> Next() = 0;
  const BackupSource& source() const { return *source_; }
  const std::string& checkpoint() const { return head_->checkpoint; }
  uint64_t size() const { return head_->head.size; }

 private:
  void ReadSome() {
    const auto message = Next();
    MutexLock lock(mutex_);
    reading_ = false;
    if (!message.ok()) return Fail(message.status());
    if (*message == nullptr) return Complete();
    Write(**message);
  }

  const BackupSource* source_ = nullptr;
  std::shared_ptr<const PublishedHead> head_;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
};

class LedgerBackup : public BackupStream {
 public:
  explicit LedgerBackup(ServiceContext& context)
      : BackupStream(context, "AdminService/BackupLedger") {}
  absl::StatusOr<Ledger*> Prepare(const v1::BackupLedgerRequest& request) {
    next_ = request.start_index();
    next_stream_ = request.start_stream();
    return Find(request.ledger(), "start_index", next_);
  }

 protected:
  absl::StatusOr<std::unique_ptr<google::protobuf::Message>> Next() override {
    auto response = std::make_unique<v1::BackupLedgerResponse>();
    if (!began_) {
      began_ = true;
      response->mutable_checkpoint()->set_note(checkpoint());
      return response;
    }
    if (next_ >= size()) return nullptr;
    ASSIGN_OR_RETURN(const bool streams, TakeStreams(*response));
    if (!streams) RETURN_IF_ERROR(TakeEntries(*response));
    return response;
  }

 private:
  // False when there are no more.
  absl::StatusOr<bool> TakeStreams(v1::BackupLedgerResponse& response) {
    if (streams_done_) return false;
    ASSIGN_OR_RETURN(std::vector<std::string> records,
                     source().ReadStreams(next_stream_, kMaxPageBytes));
    streams_done_ = records.empty();
    next_stream_ += static_cast<uint32_t>(records.size());
    for (std::string& record : records) response.add_streams(std::move(record));
    return !streams_done_;
  }

  absl::Status TakeEntries(v1::BackupLedgerResponse& response) {
    ASSIGN_OR_RETURN(std::vector<BackupEntry> entries,
                     source().ReadEntries(next_, size(), kMaxPageBytes));
    next_ += entries.size();
    for (BackupEntry& entry : entries) {
      v1::BackupEntry* added = response.add_entries();
      added->set_leaf(std::move(entry.leaf));
      added->set_payload(std::move(entry.payload));
      added->set_identity(std::move(entry.identity));
    }
    return absl::OkStatus();
  }

  bool began_ = false;
  bool streams_done_ = false;
  uint64_t next_ = 0;
  uint32_t next_stream_ = 0;
};

class SecretsBackup : public BackupStream {
 public:
  explicit SecretsBackup(ServiceContext& context)
      : BackupStream(context, "AdminService/BackupSecrets") {}
  absl::StatusOr<Ledger*> Prepare(v1::BackupSecretsRequest request) {
    if (request.known_segments_size() > kMaxKnownSegments) {
      return InvalidField("known_segments", absl::StrCat("has more than ", kMaxKnownSegments));
    }
    request_ = std::move(request);
    return Find(request_.ledger(), "size", request_.size());
  }

 protected:
  absl::StatusOr<std::unique_ptr<google::protobuf::Message>> Next() override {
    auto response = std::make_unique<v1::BackupSecretsResponse>();
    if (sent_ == slots_.size()) {
      if (next_ >= request_.size()) return nullptr;
      response->set_first_index(next_);
      RETURN_IF_ERROR(ReadSegment());
      if (sent_ == slots_.size()) return response;  // known
    }
    response->set_first_index(segment_ + sent_ / kSeedSlotBytes);
    const size_t bytes = std::min(kMaxPageBytes, slots_.size() - sent_);
    response->set_slots(slots_.data() + sent_, bytes);
    sent_ += bytes;
    return response;
  }

 private:
  // The next segment into slots_; one that the caller has counts as sent.
  absl::Status ReadSegment() {
    segment_ = next_;
    next_ = std::min(next_ + kSeedSlotsPerSegment, request_.size());
    ASSIGN_OR_RETURN(slots_, source().ReadSlots(segment_, next_));
    const auto number = static_cast<int64_t>(segment_ / kSeedSlotsPerSegment);
    const bool known =
        number < request_.known_segments_size() &&
        request_.known_segments(static_cast<int>(number)) == SecretsDigest(slots_).view();
    sent_ = known ? slots_.size() : 0;
    return absl::OkStatus();
  }

  v1::BackupSecretsRequest request_;
  uint64_t next_ = 0;     // the first slot that was not read
  uint64_t segment_ = 0;  // the first of those in slots_
  std::string slots_;     // of one segment: 4 MiB
  size_t sent_ = 0;
};

template <typename Stream, typename Request>
grpc::ServerWriteReactor<Bytes>* Handle(ServiceContext& context, const ListenerIdentity& listener,
                                        GrpcContext* grpc_context, const Bytes* in) {
  return HandleHeadStream<Request>(
      std::make_shared<Stream>(context), listener, *grpc_context, *in,
      [](Stream& stream, Request request) { return stream.Prepare(std::move(request)); });
}

}  // namespace

grpc::ServerWriteReactor<Bytes>* AdminServiceImpl::BackupLedger(GrpcContext* grpc_context,
                                                                const Bytes* in) {
  return Handle<LedgerBackup, v1::BackupLedgerRequest>(context_, listener_, grpc_context, in);
}

grpc::ServerWriteReactor<Bytes>* AdminServiceImpl::BackupSecrets(GrpcContext* grpc_context,
                                                                 const Bytes* in) {
  return Handle<SecretsBackup, v1::BackupSecretsRequest>(context_, listener_, grpc_context, in);
}

}  // namespace auditledger
