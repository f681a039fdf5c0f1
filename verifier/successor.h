// A successor ledger and the log it goes on from: is the end of the old one that which the new
// one's genesis names, and what of the old one is not carried over.
//
// Three ways to end a log, and what is asked of the two exports:
//   frozen    its last entry is a freeze; the genesis names that head, or one before it
//   given up  its key is not to sign any more (it was stolen): the genesis names the last head that
//             witnesses had confirmed; entries behind it are not carried over
//   restored  an older copy was brought back: the genesis names that copy's head
// What is not carried over is listed by index; it stands in the old log as far as its export shows.
//
// Thread-safety: free functions. Errors: all of them are verdicts.
#ifndef AUDITLEDGER_VERIFIER_SUCCESSOR_H_
#define AUDITLEDGER_VERIFIER_SUCCESSOR_H_

#include <string>

#include "verifier/heads.h"
#include "verifier/pins.h"
#include "verifier/verdict.h"

namespace auditledger {

struct PredecessorInput {
  std::string dir;  // its export
  std::string key;  // its vkey, pinned, or a file that holds it; any of those it has had
};
// Checks the old export as VerifyLog does, with the trust store that `history` has and nothing else
// of it, and adds to the verdict about `new_dir` what links the two. The pin's policy judges the
// head that the genesis names as well: without its quorum nobody but the old key vouches for where
// the old log ended.
void CheckPredecessor(const std::string& new_dir, const Pin& new_pin,
                      const PredecessorInput& predecessor, const History& history,
                      Verdict& verdict);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_SUCCESSOR_H_
