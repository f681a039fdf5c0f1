// What is left of an event when the ledger has answered: its receipt, until witnesses vouch for it
// (if it is to be kept at all), or the refusal, for as long as nobody takes it away.
//
//   FOLDER/receipts-N   u64 index in the log | u32 length | event | v1.Receipt
//   FOLDER/refused-N    u32 length | why, as text | event
//
// Of an event that the ledger says it has erased only id, stream and number are kept: the word is
// not proven, and what it was about is to be gone. Files as of record_log.h, in the folder of the
// spool and under its key. A start may keep a receipt or a refusal twice, never none.
//
// Example:
//   ASSIGN_OR_RETURN(auto store, SettledStore::Open(spool, options));
//   RETURN_IF_ERROR(store->Keep(spooled, receipt));
//   RETURN_IF_ERROR(store->Sync());         // before the spool lets the event go
//   RETURN_IF_ERROR(store->Witnessed(head.size));
//
// Thread-safety: one thread; the counters, status, RefusedEvents and TakeRefused are for all.
// Errors: ResourceExhausted, naming the store, when max_bytes of either are kept or the disk is
// full; else as record_log.h.
#ifndef AUDITLEDGER_API_CLIENT_SETTLED_STORE_H_
#define AUDITLEDGER_API_CLIENT_SETTLED_STORE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/client/record_log.h"
#include "api/client/spool.h"
#include "auditledger/v1/proof.pb.h"

namespace auditledger {

enum class KeepReceipts {
  kNo,              // checked, handed to the caller, and let go
  kUntilWitnessed,  // and until a head that the ledger's witnesses cosigned covers them
};

struct SettledStoreOptions {
  KeepReceipts receipts = KeepReceipts::kNo;
  // Of receipts 16,000 of 4 KiB, or a quarter of an hour of a busy system without witnesses.
  uint64_t max_receipt_bytes = 64 << 20;
  uint64_t max_refused_bytes = 64 << 20;  // an emitter whose events are refused is to be mended
};

struct KeptReceipt {
  uint64_t index = 0;
  v1::AuditEvent event;
  v1::Receipt receipt;
};

struct RefusedEvent {
  uint64_t number = 0;  // among the refused, for TakeRefused
  std::string why;
  v1::AuditEvent event;
};

// DataLoss for anything that the encoders do not give.
std::string EncodeKeptReceipt(const v1::AuditEvent& event, const v1::Receipt& receipt);
absl::StatusOr<KeptReceipt> ParseKeptReceipt(absl::string_view record);
std::string EncodeRefusedEvent(absl::string_view why, const v1::AuditEvent& event);
absl::StatusOr<RefusedEvent> ParseRefusedEvent(absl::string_view record);

class SettledStore {
 public:
  static absl::StatusOr<std::unique_ptr<SettledStore>> Open(const Spool& spool,
                                                            const SettledStoreOptions& options);

  absl::Status Keep(const v1::AuditEvent& event, const v1::Receipt& receipt);
  absl::Status Refuse(const v1::AuditEvent& event, const absl::Status& why);
  absl::Status NoteErased(const v1::AuditEvent& event, const absl::Status& why);
  absl::Status Sync();
  // Lets receipts go of entries below `size`, the oldest first.
  absl::Status Witnessed(uint64_t size);

  uint64_t receipts() const { return kept_count_; }
  uint64_t refused() const;
  absl::Status status() const;  // why either has stopped
  // All that is kept, oldest first.
  absl::StatusOr<std::vector<KeptReceipt>> KeptReceipts() const;
  absl::StatusOr<std::vector<RefusedEvent>> RefusedEvents() const;
  // Lets the refused go up to this number, when somebody else has them. One that lies in a file
  // with a newer one stays.
  absl::Status TakeRefused(uint64_t through);

 private:
  struct Kept {
    uint64_t record;
    uint64_t index;
  };
  SettledStore() = default;
  absl::Status LoadKept();

  KeepReceipts policy_ = KeepReceipts::kNo;
  std::unique_ptr<RecordLog> receipts_;
  std::unique_ptr<RecordLog> refused_;
  std::deque<Kept> kept_;
  std::atomic<uint64_t> kept_count_{0};
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_SETTLED_STORE_H_
