// The streams' received ranges on disk, beside the identity runs: "streams-%016x", the log size
// they are as of. They spare the start a replay of the whole log and may be deleted.
//
// Thread-safety: one thread at a time for one folder.
#ifndef AUDITLEDGER_LEDGER_STREAM_RANGES_FILE_H_
#define AUDITLEDGER_LEDGER_STREAM_RANGES_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ledger/stream_table.h"

namespace auditledger {

// Writes the file durably and removes all but the newest two.
absl::Status SaveStreamRanges(const std::string& dir, uint64_t size, absl::string_view bytes);

// Loads the newest valid file that is not beyond `size` into `table` and returns the size it is as
// of; 0 when there is none, and `table` is unchanged.
uint64_t LoadStreamRanges(const std::string& dir, uint64_t size, StreamTable& table);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_STREAM_RANGES_FILE_H_
