// LevelDB's write-ahead log, written into zeros. For strict_env.cc.
//
// A sync of a file that grew waits for the file system's journal, and ext4 writes every table that
// is being made out before it: a commit then pays for the flush beside it. A file whose blocks are
// there already and hold zeros is synced by itself, in half the time (performance.md 3; measured in
// ledger/README.md, "Speed"). So zeros are written ahead of the batches: as much as the log is
// large, at least kFewestZerosAhead, at most kMostZerosAhead, at once and synced with the batch
// that came to their end.
//
// What is appended reaches the file with Sync, which the engine asks for after each batch, or when
// the file is closed. Behind the last batch are zeros, which strict_env_logs.h leaves out when a
// log is read, and LevelDB by itself passes over.
//
// Thread-safety: one thread. Errors: IOError; `*sync_failed` is set only where fdatasync said so.
#ifndef AUDITLEDGER_LEDGER_LOG_FILE_H_
#define AUDITLEDGER_LEDGER_LOG_FILE_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "leveldb/env.h"

namespace auditledger {

inline constexpr uint64_t kFewestZerosAhead = 64 << 10;  // a ledger that is hardly used stays small
inline constexpr uint64_t kMostZerosAhead = 1 << 20;  // a millisecond, each thousand entries or so

// Makes `name`, or empties it. `sync_failed` must outlive the file.
leveldb::Status NewLogFile(const std::string& name, std::atomic<bool>* sync_failed,
                           leveldb::WritableFile** result);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_LOG_FILE_H_
