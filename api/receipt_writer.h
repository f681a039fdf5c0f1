// Receipts as bytes of the wire, without the messages between: a proof is some twenty hashes, each
// of which a message keeps as a string of its own, and an answer to a batch has a thousand proofs.
//
// Example:
//   std::string response;
//   ReceiptWriter receipts(*outcome->head);
//   for (const AppendedEntry& entry : outcome->entries) {
//     receipts.Append(entry, opening, v1::BatchAppendEventsResponse::kReceiptsFieldNumber,
//     response);
//   }
//
// Thread-safety: an object belongs to one thread and keeps a reference to the head.
#ifndef AUDITLEDGER_API_RECEIPT_WRITER_H_
#define AUDITLEDGER_API_RECEIPT_WRITER_H_

#include <cstdint>
#include <string>

#include "ledger/ledger.h"

namespace auditledger {

class ReceiptWriter {
 public:
  explicit ReceiptWriter(const PublishedHead& head);

  // Appends the v1.Receipt of `entry` to `out`, as field `field` of the message around it.
  void Append(const AppendedEntry& entry, bool with_opening, uint32_t field, std::string& out);

 private:
  const PublishedHead& head_;
  std::string checkpoint_;  // encoded once for all receipts of the head
  std::string inclusion_;   // scratch
  std::string receipt_;     // scratch
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_RECEIPT_WRITER_H_
