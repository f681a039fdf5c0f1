// The ledgers of one process: each with its own origin, keys, folders and committer.
//
// Below each root stands one folder a ledger, named by its id; data_dir/<id>/ledger.origin holds
// the origin and LF. Thread-safety: all methods may be called by many threads. Ledgers live until
// the set is destroyed.
#ifndef AUDITLEDGER_LEDGER_LEDGER_SET_H_
#define AUDITLEDGER_LEDGER_LEDGER_SET_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/ledger.h"
#include "ledger/socket_signer.h"

namespace auditledger {

// More ledgers than this in one process share two threads each; split the process before.
inline constexpr size_t kDefaultMaxLedgers = 100;

struct LedgerSetOptions {
  LedgerPaths roots;  // none may lie inside another
  LedgerLimits limits;
  OperatorOverrides overrides;
  size_t max_ledgers = kDefaultMaxLedgers;
  // Which ledgers are opened with LedgerOptions::hold_until_confirmed; nullptr: none.
  std::function<bool(const std::string& id)> hold_until_confirmed;
  // How long Open waits for the process at roots.signer_socket, where there is one.
  std::chrono::milliseconds signer_patience = kSignerPatience;
  Clock* clock = nullptr;
  Random* random = nullptr;
  // Of which ledgers one person may erase (ErasureRules); nullptr: of none.
  std::function<bool(const std::string& id)> one_person_erases{};
};

// [a-z][a-z0-9-]{0,62}
absl::Status CheckLedgerId(absl::string_view id);
// Not empty, at most 255 bytes, printable ASCII without space and '+', no scheme.
absl::Status CheckOrigin(absl::string_view origin);

class LedgerSet {
 public:
  struct Slot {
    std::string id;
    std::string origin;        // empty if it could not be read
    Ledger* ledger = nullptr;  // nullptr: refused
    absl::Status refused;      // why it was not opened
  };

  // Opens all ledgers found. A ledger that refuses to open is listed with the reason, and so is
  // every one of those that have one origin; the others serve. Unavailable when there is no signer
  // process where there should be: whoever started this one tries again.
  static absl::StatusOr<std::unique_ptr<LedgerSet>> Open(const LedgerSetOptions& options);
  virtual ~LedgerSet() = default;

  // With a predecessor: a ledger that goes on from another log. FailedPrecondition when that log is
  // here and appends still go to it, or it has another head of that size; InvalidArgument for a
  // checkpoint that is none, or of this origin.
  virtual absl::StatusOr<Ledger*> Create(absl::string_view id, absl::string_view origin,
                                         const Predecessor& predecessor = {}) = 0;
  // NotFound (LEDGER_NOT_FOUND); the refusal of a ledger that did not open.
  virtual absl::StatusOr<Ledger*> Find(absl::string_view id) = 0;
  virtual std::vector<Slot> List() = 0;  // by id
  // The ledger is refused from now on, as if it had not opened: Find and List give `why`. It takes
  // no more appends; who has its pointer may go on reading. For what shows only while it is open,
  // as a witness that has seen more of it.
  virtual void Refuse(absl::string_view, const absl::Status&) {}
  virtual void Drain() = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_LEDGER_SET_H_
