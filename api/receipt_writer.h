// Receipts as bytes of the wire, without the messages between: a proof is some twenty hashes, each
// of which a message keeps as a string of its own, and an answer to a batch has a thousand proofs.
// Lengths are computed first, so that every byte is written once, where it stays.
//
// Example:
//   std::string response;
//   ReceiptWriter receipts(*outcome->head);
//   for (const AppendedEntry& entry : outcome->entries) {
//     receipts.Append(entry, ReceiptForm::kWhole, opening,
//                     v1::BatchAppendEventsResponse::kReceiptsFieldNumber, response);
//   }
//
// Thread-safety: an object belongs to one thread and keeps a reference to the head.
#ifndef AUDITLEDGER_API_RECEIPT_WRITER_H_
#define AUDITLEDGER_API_RECEIPT_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ledger/ledger.h"

namespace auditledger {

// What of its proof a receipt carries. Index, opening and flags it always has.
enum class ReceiptForm {
  kWhole,   // leaf, inclusion proof, checkpoint
  kShared,  // leaf, and of a repeat the inclusion proof: the message around it proves the rest
  kBare,    // not even the leaf
};

class ReceiptWriter {
 public:
  explicit ReceiptWriter(const PublishedHead& head);

  // Appends the v1.Receipt of `entry` to `out`, as field `field` of the message around it.
  void Append(const AppendedEntry& entry, ReceiptForm form, bool with_opening, uint32_t field,
              std::string& out);
  // Bytes that Append adds, for whoever must write a length before.
  size_t SizeOf(const AppendedEntry& entry, ReceiptForm form, bool with_opening, uint32_t field);

  // What the message around receipts of kShared has: the v1.Checkpoint of the head ...
  void AppendCheckpoint(uint32_t field, std::string& out) const;
  // ... and the v1.RangeProof of entries from `first_index` on.
  void AppendRange(uint64_t first_index, const std::vector<Hash>& proof, uint32_t field,
                   std::string& out) const;

 private:
  const std::string& FlagsOf(const AppendedEntry& entry);

  const PublishedHead& head_;
  std::string checkpoint_;  // encoded once for all receipts of the head
  std::string flags_;       // encoded, those of
  uint64_t flags_of_ = 0;   // this
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_RECEIPT_WRITER_H_
