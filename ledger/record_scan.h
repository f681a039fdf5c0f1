// The records of one kind in a LevelDB database, chunk by chunk (key_format.h).
//
// Thread-safety: as the iterator's.
#ifndef AUDITLEDGER_LEDGER_RECORD_SCAN_H_
#define AUDITLEDGER_LEDGER_RECORD_SCAN_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ledger/engine.h"
#include "leveldb/iterator.h"

namespace auditledger {

// Calls `visit` for the records of `kind` with begin <= index < end, ascending, until it returns
// false; `strange` for keys among them that are none, and ends with what it says unless that is OK.
// The iterator's own status is left to the caller.
absl::Status ScanRecords(leveldb::Iterator& it, RecordKind kind, uint64_t begin, uint64_t end,
                         absl::FunctionRef<bool(uint64_t, absl::string_view)> visit,
                         absl::FunctionRef<absl::Status(absl::string_view key)> strange);

// Calls `visit` for every key and value that is no record's.
void ScanOtherKeys(leveldb::Iterator& it,
                   absl::FunctionRef<void(absl::string_view, absl::string_view)> visit);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_RECORD_SCAN_H_
