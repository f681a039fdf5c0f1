// What an emitter checks of a receipt before it believes it: the head is signed by the pinned key
// for the pinned origin, the leaf is in that head's tree at that index, and (with an opening) the
// leaf commits to the very event sent; or, where the header says SECRETS_MASKED, to that event with
// bytes of its texts overwritten by '*' and nothing else changed, neither numbers nor identity. The
// receipt then carries it: look at it (receipt.opening().event()), for a ledger that lies may hide
// by '*' what should have been kept.
//
// Example:
//   ASSIGN_OR_RETURN(NoteVerifier key, NoteVerifier::Parse(vkey));   // got by another way than
//   this server RETURN_IF_ERROR(CheckReceipt(receipt, event.SerializeAsString(),
//   {"hospital.example/log", key}));
//
// Thread-safety: pure function. Errors: InvalidArgument malformed; DataLoss proves nothing, or
// something else; Unauthenticated not signed by the pinned key; FailedPrecondition another origin.
#ifndef AUDITLEDGER_API_CLIENT_RECEIPT_CHECK_H_
#define AUDITLEDGER_API_CLIENT_RECEIPT_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auditledger/v1/proof.pb.h"
#include "merkle/checkpoint.h"
#include "merkle/note.h"

namespace auditledger {

struct PinnedLog {
  std::string origin;
  NoteVerifier key;
  // Accepted as well: the key that is to follow when the log's key is rotated, given in time.
  std::vector<NoteVerifier> other_keys = {};
};

// The head of a note, signed by any of the log's pinned keys.
absl::StatusOr<SignedCheckpoint> OpenPinnedHead(absl::string_view note, const PinnedLog& log);

// What was sealed for `event` (canonical encoding), of which `opening` is a receipt's: itself, or
// the same with bytes masked. DataLoss when it is neither.
absl::StatusOr<std::string> SealedEventOf(const v1::Opening& opening, absl::string_view event);

// `event` in canonical encoding.
absl::Status CheckReceipt(const v1::Receipt& receipt, absl::string_view event,
                          const PinnedLog& log);
// The same without its first part: `head` is what OpenPinnedHead made of this receipt's own note.
// For receipts that have one note: a signature costs more than all else there is to check.
absl::Status CheckReceiptUnder(const Checkpoint& head, const v1::Receipt& receipt,
                               absl::string_view event);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_RECEIPT_CHECK_H_
