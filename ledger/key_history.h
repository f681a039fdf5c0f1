// Which keys a stored log has had: its changes (merkle/key_chain.h) read out of it, and kept beside
// the keys so that a start need not read every leaf.
//
//   key_dir/key-changes   merkle/key_change_list.h without proofs. The log is what counts: a line
//                         that the log does not have is dropped, and a file that is lost or does
//                         not lead from the genesis to the key is made anew from all leaves.
//
// Thread-safety: functions on files and an engine.
// Errors: FailedPrecondition when the log's entries do not lead to the key; as the engine.
#ifndef AUDITLEDGER_LEDGER_KEY_HISTORY_H_
#define AUDITLEDGER_LEDGER_KEY_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/engine.h"
#include "merkle/hash.h"
#include "merkle/key_chain.h"
#include "merkle/note.h"

namespace auditledger {

inline constexpr char kKeyChangesFile[] = "key-changes";

// The changes among the first `size` entries, which lead from the key that the genesis names to
// `current`; where the last entry is a change, `current` may be the key before it. `dir` is where
// the file may be. O(1) for a log without a change and with a file, else one pass over the leaves.
struct KeyHistoryQuestion {
  std::string dir;
  Hash genesis_key_hash;
  NoteVerifier current;  // named as the origin
  uint64_t size = 0;
  bool read_all = false;  // neither the file nor the key is trusted to be the newest
  // The signer's last head: a change beyond it may be one that the file is too old to have.
  uint64_t signed_size = UINT64_MAX;
};
absl::StatusOr<std::vector<LoggedKeyChange>> FindKeyHistory(const KeyHistoryQuestion& question,
                                                            Engine& engine);

// OK iff the changes are a chain from the key of that hash to `current` as above.
absl::Status CheckKeyHistory(const KeyHistoryQuestion& question,
                             const std::vector<LoggedKeyChange>& changes);

// OK iff `body`, as entry `index` behind the `known` changes, hands over from `current`: both
// signatures hold, the key is new, and it is one change that the log may still have. A log with
// another in it could be opened by nobody. FailedPrecondition, DataLoss.
absl::Status CheckNextKeyChange(const NoteVerifier& current,
                                const std::vector<LoggedKeyChange>& known, uint64_t index,
                                absl::string_view body);

// What the file in `dir` says, without its proofs; empty where there is none or it is not this
// origin's. Nothing vouches for it but the signatures in it.
std::vector<LoggedKeyChange> ReadKeyChangesFile(const std::string& dir, const std::string& origin);
// Writes it, unless it says this already.
absl::Status SaveKeyChangesFile(const std::string& dir, const std::string& origin,
                                const std::vector<LoggedKeyChange>& changes, mode_t mode = 0600);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_KEY_HISTORY_H_
