// How two signed heads of one log stand to each other, and to the last one seen.
//
// Thread-safety: pure but for the files and the trust store that a History names.
#ifndef AUDITLEDGER_VERIFIER_HEADS_H_
#define AUDITLEDGER_VERIFIER_HEADS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "merkle/evidence.h"
#include "merkle/hash.h"
#include "merkle/tlog_proof.h"
#include "verifier/key_changes.h"
#include "verifier/pins.h"
#include "verifier/trust_store.h"
#include "verifier/verdict.h"

namespace auditledger {

// A consistency proof from a file: that a tree of `new_size` extends that of `old_size`.
struct HeadProof {
  uint64_t old_size = 0;
  uint64_t new_size = 0;
  std::optional<Hash> new_root;  // where the file names the newer head
  std::vector<Hash> hashes;
};
// Reads what `auditctl prove-consistency` writes: an add-checkpoint body, or, where the newer tree
// is not the newest, {"old_size": N, "new_size": N, "hashes": [base64]}. InvalidArgument else.
absl::StatusOr<HeadProof> ParseHeadProof(absl::string_view text);
// REQUIRES: the update was parsed; InvalidArgument when its note is not a checkpoint.
absl::StatusOr<HeadProof> HeadProofOf(const CheckpointUpdate& update);

// What links a head to those seen before. All optional.
struct History {
  const TrustStore* store = nullptr;              // must outlive the call
  std::vector<HeadProof> proofs;                  // in any order; several may form a chain
  std::string log_dir;                            // an export whose tiles prove it; "" for none
  std::optional<KeyChangeList> key_changes = {};  // as given with the head (key_changes.h)
};

struct HeadRelation {
  enum class Kind : uint8_t {
    kSame,
    kExtends,     // proven: `other` extends `known`
    kExtendedBy,  // proven: `known` extends `other`
    kUnproven,    // sizes differ and nothing links them
    kFork,        // two signed heads that no one history has
    kBadProof,    // the proof given for exactly these two does not verify
  };
  Kind kind;
  std::string detail;
  // Of a fork between two sizes: the root that the larger head's tree has at the smaller size, and
  // the consistency proof from it.
  Hash prefix = {};
  std::vector<Hash> proof = {};
};
// A fork is only called one when the newer head itself commits to another prefix: damaged proofs or
// tiles leave the two heads unlinked.
HeadRelation RelateHeads(const Checkpoint& known, const Checkpoint& other, const History& history);

// What a third party needs to judge a fork that RelateHeads found between these two.
// REQUIRES: fork.kind is kFork.
Evidence ForkEvidence(const SignedCheckpoint& known, const SignedCheckpoint& other,
                      const HeadRelation& fork);
// Writes it into the trust store and its path into the verdict.
void KeepEvidence(const Evidence& evidence, const Pin& pin, const TrustStore& store,
                  Verdict& verdict);

// What a head is to the one who asks: a receipt may be older than the last head seen, if it is
// linked to it; a checkpoint or a log may not.
enum class HeadUse : uint8_t { kReceipt, kCheckpoint, kLog };

// Opens a checkpoint with the pin and makes it the verdict's head, judged by the pin's policy where
// it has one (witnesses.h); nullopt after lowering the verdict. A wrong signature, key or origin is
// refused; what does not parse cannot be told. `changes` of the log's key are known
// (key_changes.h).
std::optional<SignedCheckpoint> OpenHead(absl::string_view note, const Pin& pin, Verdict& verdict,
                                         const std::vector<LoggedKeyChange>& changes = {});
// The same with the changes that `history` knows; those that are new are proven under this head.
struct OpenedHead {
  SignedCheckpoint head;
  std::vector<LoggedKeyChange> key_changes;
};
std::optional<OpenedHead> OpenHeadOf(absl::string_view note, const Pin& pin, const History& history,
                                     Verdict& verdict);

// Compares `head`, whose signature was checked, with the trust store and remembers it if it goes
// beyond and the verdict is "verified", with the changes of its key. Writes what this proves, or
// not, into the verdict.
void CompareWithStore(const SignedCheckpoint& head, const Pin& pin, const History& history,
                      HeadUse use, Verdict& verdict,
                      const std::vector<LoggedKeyChange>& changes = {});

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_HEADS_H_
