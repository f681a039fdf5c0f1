// Which key of the pinned log signs which head, when its key was rotated (merkle/key_chain.h): from
// what the verifier remembers, from a file it is given, or from the leaves of an export.
//
//   remembered   in the trust store: they were under the last head seen. A head linked to that one
//                has them too, at the same places, without a proof.
//   given        --key-changes FILE (merkle/key_change_list.h): for the head of exactly that size,
//                with proofs that its tree has them
//   exported     found in the leaves of an export, proven by its tiles
//
// A change that is remembered is never forgotten: a head beyond it that the retired key has signed
// is refused, though nothing that comes with it says that the key was retired.
//
// Thread-safety: functions on files. Errors: as key_chain.h.
#ifndef AUDITLEDGER_VERIFIER_KEY_CHANGES_H_
#define AUDITLEDGER_VERIFIER_KEY_CHANGES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "merkle/erasure_history.h"
#include "merkle/index_audit.h"
#include "merkle/key_chain.h"
#include "merkle/key_change_list.h"
#include "merkle/system_entries.h"
#include "verifier/pins.h"

namespace auditledger {

// What an export's leaves say of keys, of erasures, of the index and of the log's end; nobody has
// checked the leaves yet.
struct Landmarks {
  std::vector<LoggedKeyChange> key_changes;           // without proofs
  std::optional<std::pair<uint64_t, Freeze>> freeze;  // the first, with its index
  ErasureHistory erasures;
  // Entries that break a rule of it, in words; at most kMaxReasons.
  std::vector<std::string> broken_erasures;
  std::vector<LoggedIndexHead> index_heads;  // those that parse
};
// Of the first `size` entries, up to the first bundle that cannot be read: that one the check of
// the log reports.
Landmarks ReadLandmarks(const std::string& dir, uint64_t size);

// What a freeze at the end of a log says, in words.
std::string FreezeText(const std::pair<uint64_t, Freeze>& freeze);

// The chain that any of the pin's keys belongs to, or the error of the first of them.
absl::StatusOr<KeyChain> ChainOf(const Pin& pin, const std::vector<LoggedKeyChange>& changes);

// OpenPinned (pins.h) with the chain that `changes` make of the pin; without changes, OpenPinned.
absl::StatusOr<SignedCheckpoint> OpenRotated(absl::string_view note, const Pin& pin,
                                             const std::vector<LoggedKeyChange>& changes,
                                             NoteVerifier* signed_by = nullptr);

// What History (heads.h) knows, put together for the head that `note` claims.
struct ChangesForHead {
  std::vector<LoggedKeyChange> changes;   // all, ascending
  std::vector<LoggedKeyChange> unproven;  // those to be proven under the head itself
};
// FailedPrecondition for a list of another log's. One that was made for a head of another size says
// nothing here.
absl::StatusOr<ChangesForHead> JoinChanges(std::vector<LoggedKeyChange> remembered,
                                           const std::optional<KeyChangeList>& given,
                                           const std::string& log_dir, const Pin& pin,
                                           uint64_t size);

// The pin under which leaves are judged: with the log's first key, which its genesis names.
Pin WithFirstKey(const Pin& pin, const std::vector<LoggedKeyChange>& changes);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_KEY_CHANGES_H_
