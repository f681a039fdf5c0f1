// Machine-readable reasons on absl::Status, so that the api layer can make google.rpc.ErrorInfo of
// them without parsing messages.
//
// Example: return WithReason(absl::AlreadyExistsError("..."), "EVENT_ID_CONFLICT", {{"first_index",
// "12"}}); Thread-safety: pure functions.
#ifndef AUDITLEDGER_LEDGER_ERRORS_H_
#define AUDITLEDGER_LEDGER_ERRORS_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace auditledger {

// Reasons the ledger gives. UPPER_SNAKE, part of the public interface, never renamed.
inline constexpr absl::string_view kReasonEventIdConflict =
    "EVENT_ID_CONFLICT";  // ALREADY_EXISTS; first_index, conflict_index, position
inline constexpr absl::string_view kReasonEventErased =
    "EVENT_ERASED";  // FAILED_PRECONDITION; index, erased_by
inline constexpr absl::string_view kReasonLegalHold = "LEGAL_HOLD";  // FAILED_PRECONDITION; hold
inline constexpr absl::string_view kReasonNotErasable = "NOT_ERASABLE";  // INVALID_ARGUMENT; index
inline constexpr absl::string_view kReasonErasureTooLarge =
    "ERASURE_TOO_LARGE";                                                      // RESOURCE_EXHAUSTED
inline constexpr absl::string_view kReasonNoSuchRequest = "NO_SUCH_REQUEST";  // NOT_FOUND; index
inline constexpr absl::string_view kReasonNoSuchHold = "NO_SUCH_HOLD";        // NOT_FOUND; index
inline constexpr absl::string_view kReasonRequestExpired =
    "REQUEST_EXPIRED";  // FAILED_PRECONDITION; index
inline constexpr absl::string_view kReasonRequestDone =
    "REQUEST_DONE";  // FAILED_PRECONDITION; index, erased_by
inline constexpr absl::string_view kReasonSecondPersonNeeded =
    "SECOND_PERSON_NEEDED";  // FAILED_PRECONDITION; index
inline constexpr absl::string_view kReasonOverloaded =
    "OVERLOADED";  // RESOURCE_EXHAUSTED; retry_after_ms
inline constexpr absl::string_view kReasonLedgerReadOnly =
    "LEDGER_READ_ONLY";  // FAILED_PRECONDITION
inline constexpr absl::string_view kReasonLedgerFrozen =
    "LEDGER_FROZEN";  // FAILED_PRECONDITION: for ever
inline constexpr absl::string_view kReasonLedgerPaused =
    "LEDGER_PAUSED";  // UNAVAILABLE; retry_after_ms
inline constexpr absl::string_view kReasonShuttingDown = "SHUTTING_DOWN";      // UNAVAILABLE
inline constexpr absl::string_view kReasonStorageCorrupt = "STORAGE_CORRUPT";  // DATA_LOSS
inline constexpr absl::string_view kReasonStorageFailed =
    "STORAGE_FAILED";  // UNAVAILABLE: latched until restart
inline constexpr absl::string_view kReasonIndexBeyondSize =
    "INDEX_BEYOND_SIZE";  // OUT_OF_RANGE; index, size
inline constexpr absl::string_view kReasonTreeSizeUnknown =
    "TREE_SIZE_UNKNOWN";  // OUT_OF_RANGE; size, newest
inline constexpr absl::string_view kReasonLedgerNotFound = "LEDGER_NOT_FOUND";  // NOT_FOUND
inline constexpr absl::string_view kReasonLedgerExists = "LEDGER_EXISTS";       // ALREADY_EXISTS
inline constexpr absl::string_view kReasonTooManyLedgers =
    "TOO_MANY_LEDGERS";  // RESOURCE_EXHAUSTED

struct Reason {
  std::string reason;                           // empty: none attached
  std::map<std::string, std::string> metadata;  // every variable of the message
};

absl::Status WithReason(absl::Status status, absl::string_view reason,
                        const std::map<std::string, std::string>& metadata = {});
Reason ReasonOf(const absl::Status& status);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_ERRORS_H_
