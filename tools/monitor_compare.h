// Compares two copies of one log entry by entry, and says which of them its signed head vouches
// for: what a mirror shows of a damaged ledger.
//
// Example:
//   ASSIGN_OR_RETURN(auto result, CompareCopies(*ledger, *mirror, key));
//
// A copy of a log whose key was rotated says by its file `key-changes` which key signed its head;
// that those are the changes which its entries hold is part of what its head vouches for.
//
// Thread-safety: free function. Memory: one bundle of each.
#ifndef AUDITLEDGER_TOOLS_MONITOR_COMPARE_H_
#define AUDITLEDGER_TOOLS_MONITOR_COMPARE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "merkle/note.h"
#include "tools/monitor_source.h"

namespace auditledger {

// Ranges that are listed; what is beyond is counted.
inline constexpr size_t kMaxListedRanges = 100;

struct CopyState {
  uint64_t size = 0;        // of its signed head
  bool vouched = false;     // its own leaves lead to its head's root, and change the key as it says
  uint64_t unreadable = 0;  // entries that it does not show
};

struct CopyComparison {
  CopyState first;
  CopyState second;
  uint64_t compared = 0;                              // entries below both heads
  uint64_t different = 0;                             // of those: other bytes, or not shown by one
  std::vector<std::pair<uint64_t, uint64_t>> ranges;  // of them: first and last
};

// `log_key`: any that the log has had. FailedPrecondition: a head is not signed by the key that the
// log has at its size. Unavailable: a head cannot be read.
absl::StatusOr<CopyComparison> CompareCopies(LogSource& first, LogSource& second,
                                             const NoteVerifier& log_key);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_MONITOR_COMPARE_H_
