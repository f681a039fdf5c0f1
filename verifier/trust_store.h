// The last verified head of each pinned log, on the auditor's own disk: what makes a rollback or a
// fork visible to one who looks twice.
//
//   DIR/<hex SHA-256(origin)>.checkpoint   the signed note, verbatim
//   DIR/<hex SHA-256(origin)>.keys         the changes of its key up to that head, where there are
//                                          any (merkle/key_change_list.h, without proofs)
//   DIR/<hex SHA-256(origin)>.lock         held (flock) while head and store are compared
//   DIR/evidence/KIND-....evidence         signed heads that contradict each other, and what shows
//                                          that they do (merkle/evidence.h)
//
// Files are named by the pinned origin alone, and what is read back is verified again with the
// pinned key: a server chooses neither. A file that does not verify is an error that says what to
// do; it is never replaced in silence.
//
// Example:
//   ASSIGN_OR_RETURN(const TrustStore store, TrustStore::Open(DefaultTrustDir()));
//   ASSIGN_OR_RETURN(const TrustStore::Lock lock, store.Acquire(pin));
//   ASSIGN_OR_RETURN(const std::optional<SignedCheckpoint> last, store.Load(pin));
//   ...
//   RETURN_IF_ERROR(store.Save(pin, next.note));      // REQUIRES: the lock is held
//
// Thread-safety: const after Open; Acquire excludes other threads and processes.
#ifndef AUDITLEDGER_VERIFIER_TRUST_STORE_H_
#define AUDITLEDGER_VERIFIER_TRUST_STORE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "merkle/evidence.h"
#include "merkle/key_chain.h"
#include "verifier/pins.h"

namespace auditledger {

// $XDG_STATE_HOME/auditledger/trust, else ~/.local/state/auditledger/trust; "" without a home.
std::string DefaultTrustDir();

// Parses and verifies what a store's file holds. DataLoss when it is not a head of this pin.
absl::StatusOr<SignedCheckpoint> ParseStoredHead(absl::string_view bytes, const Pin& pin,
                                                 const std::vector<LoggedKeyChange>& changes = {});

class TrustStore {
 public:
  // An exclusive lock of one origin, until destroyed.
  class Lock {
   public:
    explicit Lock(int fd) : fd_(fd) {}
    Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock();

   private:
    int fd_;
  };

  // Makes the folder (0700: it tells which logs someone audits).
  static absl::StatusOr<TrustStore> Open(std::string dir);
  const std::string& dir() const { return dir_; }

  // Waits for another run to finish its comparison.
  absl::StatusOr<Lock> Acquire(const Pin& pin) const;
  // nullopt when nothing is known of this origin. DataLoss when the file is damaged or under
  // another key, and what to do.
  absl::StatusOr<std::optional<SignedCheckpoint>> Load(const Pin& pin) const;
  // Replaces the head, atomically and durably. REQUIRES: the lock; `note` was verified.
  absl::Status Save(const Pin& pin, absl::string_view note) const;
  // The changes of the log's key that were seen: none is ever taken back. DataLoss when the file is
  // damaged, of another origin, or leads to none of the pin's keys.
  absl::StatusOr<std::vector<LoggedKeyChange>> LoadKeyChanges(const Pin& pin) const;
  // REQUIRES: the lock; all of those loaded are among them, and each is under a verified head.
  absl::Status SaveKeyChanges(const Pin& pin, const std::vector<LoggedKeyChange>& changes) const;
  // NotFound when there is none.
  absl::Status Forget(absl::string_view origin) const;
  // Keeps what shows a fork as a file that anyone can judge; returns its path.
  absl::StatusOr<std::string> KeepEvidence(const Pin& pin, const Evidence& evidence) const;
  // The notes of all heads stored, unverified, in no particular order.
  absl::StatusOr<std::vector<std::string>> List() const;

 private:
  explicit TrustStore(std::string dir) : dir_(std::move(dir)) {}
  std::string PathOf(absl::string_view origin, absl::string_view suffix) const;
  std::string dir_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_TRUST_STORE_H_
