// The auditor's questions, answered offline: is this event in the log, is this head the log's, does
// one head extend another. (The whole log: log_audit.h.) Nothing here trusts the server: the caller
// pins origin and key, and every byte is checked against them.
//
// Example (compiled in tests/verifier/verify_test.cc):
//   ASSIGN_OR_RETURN(const Pin pin, MakePin("ledger.example/clinic", vkey));
//   ASSIGN_OR_RETURN(const TrustStore store, TrustStore::Open(DefaultTrustDir()));
//   History history;
//   history.store = &store;
//   ReceiptInput input;
//   input.receipt = tlog_proof_file;
//   input.event = canonical_event;
//   const Verdict verdict = VerifyReceipt(input, pin, history);
//   if (verdict.outcome != Outcome::kVerified) std::cerr << VerdictText(verdict);
//
// Thread-safety: free functions; a trust store keeps concurrent runs apart by itself.
// Errors: all of them are verdicts, with reasons.
#ifndef AUDITLEDGER_VERIFIER_VERIFY_H_
#define AUDITLEDGER_VERIFIER_VERIFY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "verifier/heads.h"
#include "verifier/pins.h"
#include "verifier/timestamps.h"
#include "verifier/verdict.h"

namespace auditledger {

struct ReceiptInput {
  std::string receipt;                          // a tlog-proof whose extra is EncodeReceiptExtra
  std::optional<std::string> event;             // canonical encoding
  std::optional<std::string> index_key;         // 32 bytes, to check the leaf's tags
  std::optional<TimestampFolder> timestamps{};  // what bounds when the entry came
};
Verdict VerifyReceipt(const ReceiptInput& input, const Pin& pin, const History& history);

// `text` is a signed note, or an add-checkpoint body, whose proof then counts with history.proofs.
// `from`, if given, is an earlier head that the new one must be shown to extend.
struct CheckpointInput {
  std::string text;
  std::optional<std::string> from;
};
Verdict VerifyHead(const CheckpointInput& input, const Pin& pin, const History& history);

// Two signed heads and what links them (not needed for equal sizes).
// The trust store is neither asked nor changed.
struct ConsistencyInput {
  std::string old_note;
  std::string new_note;
  std::vector<HeadProof> proofs;
  std::optional<KeyChangeList> key_changes = {};  // under the newer head
};
Verdict VerifyTwoHeads(const ConsistencyInput& input, const Pin& pin);

// Of an entry that is proven to be in the log: whether the event given is what its leaf commits to,
// by the opening that a receipt carries. `extra` without the leaf's own check is no proof.
void CheckReceiptOpening(const ReceiptInput& input, const Leaf& leaf, ReceiptExtra extra,
                         const Pin& pin, Verdict& verdict);

// What no check of this program shows, with a witness policy that was met and without.
void AddStandingLimits(Verdict& verdict);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_VERIFY_H_
