#include "api/client/settled_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/client/rpc_error.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr size_t kReadRecords = 1000;
constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kMaxWhyBytes = 1024;

absl::StatusOr<std::unique_ptr<RecordLog>> OpenLog(const Spool& spool, const char* name,
                                                   SpoolKind kind, uint64_t max_bytes) {
  RecordLogOptions options;
  options.folder = spool.options().folder;
  options.name = name;
  options.kind = kind;
  options.max_bytes = max_bytes;
  options.segment_bytes = std::min(kSegmentBytes, max_bytes / 4);
  ASSIGN_OR_RETURN(auto log, RecordLog::Open(spool.world(), spool.key(), std::move(options)));
  if (log->empty()) log->SetEpoch(spool.epoch());
  if (log->epoch() == spool.epoch()) return log;
  return absl::DataLossError(absl::StrCat(spool.options().folder, ": the ", name,
                                          " are of another spool than the events"));
}

// u32 length | head | rest
absl::StatusOr<absl::string_view> Lengthened(ByteReader& in, absl::string_view what) {
  uint32_t length = 0;
  absl::string_view out;
  RETURN_IF_ERROR(in.U32(what, length));
  RETURN_IF_ERROR(in.Raw(what, length, out));
  return out;
}

template <typename Message>
absl::Status ParseInto(absl::string_view bytes, absl::string_view what, Message& out) {
  if (out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": does not parse"));
}

absl::StatusOr<KeptReceipt> DecodeKept(absl::string_view record) {
  KeptReceipt out;
  ByteReader in(record);
  RETURN_IF_ERROR(in.U64("index", out.index));
  ASSIGN_OR_RETURN(const absl::string_view event, Lengthened(in, "event"));
  RETURN_IF_ERROR(ParseInto(event, "event", out.event));
  RETURN_IF_ERROR(ParseInto(in.rest(), "receipt", out.receipt));
  return out;
}

absl::StatusOr<RefusedEvent> DecodeRefused(absl::string_view record) {
  RefusedEvent out;
  ByteReader in(record);
  ASSIGN_OR_RETURN(const absl::string_view why, Lengthened(in, "why"));
  out.why = std::string(why);
  RETURN_IF_ERROR(ParseInto(in.rest(), "event", out.event));
  return out;
}

// Every record of `log` from `next` on through `parse`.
template <typename Out>
absl::StatusOr<std::vector<Out>> ReadAll(RecordLog& log,
                                         absl::StatusOr<Out> (*parse)(absl::string_view),
                                         uint64_t next) {
  std::vector<Out> out;
  while (next < log.next()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> records,
                     log.Read(next, kReadRecords, kReadBytes));
    if (records.empty()) break;  // not synced yet
    for (const std::string& record : records) {
      ASSIGN_OR_RETURN(out.emplace_back(), parse(record));
    }
    next += records.size();
  }
  return out;
}

}  // namespace

std::string EncodeKeptReceipt(const v1::AuditEvent& event, const v1::Receipt& receipt) {
  std::string out;
  PutU64(out, receipt.index());
  const std::string bytes = event.SerializeAsString();
  PutU32(out, static_cast<uint32_t>(bytes.size()));
  out += bytes;
  receipt.AppendToString(&out);
  return out;
}

absl::StatusOr<KeptReceipt> ParseKeptReceipt(absl::string_view record) {
  auto out = DecodeKept(record);
  if (!out.ok()) return absl::DataLossError(out.status().message());
  return out;
}

std::string EncodeRefusedEvent(absl::string_view why, const v1::AuditEvent& event) {
  std::string out;
  why = why.substr(0, kMaxWhyBytes);
  PutU32(out, static_cast<uint32_t>(why.size()));
  out.append(why.data(), why.size());
  event.AppendToString(&out);
  return out;
}

absl::StatusOr<RefusedEvent> ParseRefusedEvent(absl::string_view record) {
  auto out = DecodeRefused(record);
  if (!out.ok()) return absl::DataLossError(out.status().message());
  return out;
}

absl::StatusOr<std::unique_ptr<SettledStore>> SettledStore::Open(
    const Spool& spool, const SettledStoreOptions& options) {
  std::unique_ptr<SettledStore> store(new SettledStore());
  store->policy_ = options.receipts;
  ASSIGN_OR_RETURN(store->receipts_,
                   OpenLog(spool, "receipts", SpoolKind::kReceipts, options.max_receipt_bytes));
  ASSIGN_OR_RETURN(store->refused_,
                   OpenLog(spool, "refused", SpoolKind::kRefused, options.max_refused_bytes));
  RETURN_IF_ERROR(store->LoadKept());
  return store;
}

absl::Status SettledStore::LoadKept() {
  uint64_t record = receipts_->first();
  ASSIGN_OR_RETURN(const std::vector<KeptReceipt> kept, KeptReceipts());
  for (const KeptReceipt& one : kept) kept_.push_back({record++, one.index});
  kept_count_ = kept_.size();
  return absl::OkStatus();
}

absl::Status SettledStore::Keep(const v1::AuditEvent& event, const v1::Receipt& receipt) {
  if (policy_ == KeepReceipts::kNo) return absl::OkStatus();
  uint64_t record = 0;
  RETURN_IF_ERROR(receipts_->Append([&](uint64_t number) {
    record = number;
    return EncodeKeptReceipt(event, receipt);
  }));
  kept_.push_back({record, receipt.index()});
  kept_count_ = kept_.size();
  return absl::OkStatus();
}

absl::Status SettledStore::Refuse(const v1::AuditEvent& event, const absl::Status& why) {
  const std::string text = absl::StrCat(ErrorReason(why), ": ", why.message());
  return refused_->Append([&](uint64_t) { return EncodeRefusedEvent(text, event); });
}

absl::Status SettledStore::NoteErased(const v1::AuditEvent& event, const absl::Status& why) {
  v1::AuditEvent left;
  left.set_event_id(event.event_id());
  left.mutable_source()->set_stream_id(event.source().stream_id());
  left.mutable_source()->set_stream_sequence(event.source().stream_sequence());
  return Refuse(left, why);
}

uint64_t SettledStore::refused() const {
  const uint64_t first = refused_->first();
  return refused_->next() - first;
}

absl::Status SettledStore::status() const {
  RETURN_IF_ERROR(receipts_->status());
  return refused_->status();
}

absl::Status SettledStore::Sync() {
  RETURN_IF_ERROR(receipts_->Sync());
  return refused_->Sync();
}

absl::Status SettledStore::Witnessed(uint64_t size) {
  uint64_t last = 0;
  while (!kept_.empty() && kept_.front().index < size) {
    last = kept_.front().record;
    kept_.pop_front();
  }
  kept_count_ = kept_.size();
  return last == 0 ? absl::OkStatus() : receipts_->RemoveThrough(last);
}

absl::StatusOr<std::vector<KeptReceipt>> SettledStore::KeptReceipts() const {
  return ReadAll<KeptReceipt>(*receipts_, &ParseKeptReceipt, receipts_->first());
}

absl::StatusOr<std::vector<RefusedEvent>> SettledStore::RefusedEvents() const {
  uint64_t number = refused_->first();
  ASSIGN_OR_RETURN(std::vector<RefusedEvent> out,
                   ReadAll<RefusedEvent>(*refused_, &ParseRefusedEvent, number));
  for (RefusedEvent& one : out) one.number = number++;
  return out;
}

absl::Status SettledStore::TakeRefused(uint64_t through) {
  if (through < refused_->first()) return absl::OkStatus();
  RETURN_IF_ERROR(refused_->BeginFile());  // the newest file is never removed
  return refused_->RemoveThrough(through);
}

}  // namespace auditledger
