// When entries came into a log, by timestamping authorities (TSAs) that the auditor pins. Two
// bounds, from two different facts:
//
//   no later than   A head that holds the entry was stamped: it existed at the token's genTime (to
//   the
//                   end of its last digit, and accuracy), and so did the entry, at its place.
//   not before      An entry of the log that stands BEFORE this one names a token by its hash. Who
//                   wrote that entry had the token, so every head that holds it, and every place
//                   behind it, was made after the token's genTime (less accuracy).
//
// Where two authorities contradict each other, by bounds that cross, nothing is bounded.
//
// A head that was stamped and does not hold the entry gives no time of its own: an operator can
// have a head stamped late. It says that the entry came after that head was made, and is listed so.
//
// Both hold against an operator with root and the log's key, as long as the TSA is honest and its
// key was its own; neither says when an event happened or was first written down elsewhere.
//
// Files, in the folder that `auditctl export` (timestamps/) and `auditctl prove --timestamps`
// write, named as merkle/timestamp.h says: STEM.checkpoint, STEM.tst, STEM.tlog-proof, and of the
// latter command STEM.consistency (heads.h, HeadProof), which links the stamped head to another.
//
// Thread-safety: free functions. Errors: all of them are verdicts: what is wrong is refused, what
// is missing, not linked, or vouched for by no pinned certificate cannot be told.
#ifndef AUDITLEDGER_VERIFIER_TIMESTAMPS_H_
#define AUDITLEDGER_VERIFIER_TIMESTAMPS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "merkle/checkpoint.h"
#include "merkle/system_entries.h"
#include "merkle/timestamp.h"
#include "verifier/heads.h"
#include "verifier/key_changes.h"
#include "verifier/pins.h"
#include "verifier/verdict.h"

namespace auditledger {

// Of one folder: hourly timestamps of twenty years and of two TSAs.
inline constexpr size_t kMaxTimestamps = 400'000;
// How far an entry's recorded time, the ledger's word, may lie outside what is proven before it is
// refused: clocks differ by seconds, and a TSA's accuracy is often left unsaid.
inline constexpr uint64_t kClockToleranceUs = uint64_t{300} * 1'000'000;

// Where timestamps are, and who is believed.
struct TimestampFolder {
  std::string dir;
  TsaTrust trust;
};

// An entry of the log (kAnchor) that is known to be in it.
struct NamedToken {
  uint64_t index = 0;
  uint64_t recorded_us = 0;
  Anchor anchor;
};

struct TimestampQuestion {
  const TimestampFolder& folder;
  const Pin& pin;
  Checkpoint head;  // signature checked
  History history;  // what links other heads to it, beside the folder's own files
  // Entries [begin, end) are asked about.
  uint64_t begin = 0;
  uint64_t end = 0;
  // All entries of the log that name a token, where the whole log is known; else the receipts in
  // the folder are asked.
  std::optional<std::vector<NamedToken>> named;
  // Of a single entry: what the ledger says of it.
  std::optional<uint64_t> recorded_us;
  // Changes of the log's key that are known to be in it: stamped heads may be of any of its keys.
  std::vector<LoggedKeyChange> key_changes = {};
};
// Adds brackets, what they prove, and what is wrong with the folder.
void CheckTimestamps(const TimestampQuestion& question, Verdict& verdict);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_TIMESTAMPS_H_
