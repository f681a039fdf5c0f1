// Space on the data folder's disk that must not run out: what is kept back for the work that goes
// on behind appends, and a ballast file to drop when there is none left.
//
// A full disk must never reach the engine: LevelDB gives up for good at the first write of its own
// that fails, and then cannot even be opened, since opening writes a table. So appends pause at a
// low-water mark above all that may be written behind them (pause_gate.h), and where something else
// fills the disk to the last byte, the ballast is removed before the engine is opened, by the start
// itself or by an operator ("rm data/<id>/ballast"), and made anew at a start with room for it.
//
// Thread-safety: one thread at a time for one folder.
#ifndef AUDITLEDGER_LEDGER_DISK_SPACE_H_
#define AUDITLEDGER_LEDGER_DISK_SPACE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/ledger.h"

namespace auditledger {

inline constexpr char kBallastFile[] = "ballast";  // in data_dir; zeros

// Free bytes where data and seeds are kept, less what merging the identity index may need at once:
// a merge writes what it merges once more before it removes it.
absl::StatusOr<uint64_t> SpareDiskBytes(const LedgerPaths& paths);

// Removes the ballast when less than its size is free. Before the engine is opened.
absl::Status ReleaseBallastIfFull(const LedgerOptions& options);
// Makes the ballast unless it is there, there is too little room for it (resume_water_bytes beside
// it), or limits.ballast_bytes is 0. The blocks are the file's, though nothing is written to them.
absl::Status MakeBallast(const LedgerOptions& options);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_DISK_SPACE_H_
