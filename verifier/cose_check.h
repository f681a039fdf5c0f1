// A COSE receipt (RFC 9942) of an entry, checked against the pinned key.
//
// What it shows: the entry is in a tree whose root the log's key has signed. It needs the entry's
// leaf, which the receipt does not carry. Index and size stand unsigned in the receipt, and another
// pair may lead to the same root: they are proven only with a checkpoint of that size and root.
//
// Thread-safety: a free function. Errors: all of them are verdicts.
#ifndef AUDITLEDGER_VERIFIER_COSE_CHECK_H_
#define AUDITLEDGER_VERIFIER_COSE_CHECK_H_

#include <optional>
#include <string>

#include "merkle/cose_receipt.h"
#include "verifier/pins.h"
#include "verifier/verdict.h"

namespace auditledger {

// The leaf comes as it is, or in the receipt that `auditctl` keeps beside an event.
struct CoseInput {
  std::string receipt;                         // CBOR
  std::optional<std::string> leaf;             // one of these two
  std::optional<std::string> tlog_proof;       // its own proof and head are not looked at
  std::optional<std::string> checkpoint = {};  // signed note: shows index and size
  std::optional<std::string> event;  // canonical encoding; needs a tlog-proof with an opening
};
Verdict VerifyCose(const CoseInput& input, const Pin& pin);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_COSE_CHECK_H_
