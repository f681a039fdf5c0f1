// What an emitter remembers between two starts beside its records: up to where receipts are
// settled, which files there must be, whose they are, and the last head of the log that it saw.
//
//   u8 version = 2 | salt[16] | AES-256-GCM, with its tag, of
//     u64 epoch | u64 acknowledged | u64 newest file | u32 length | stream name |
//     u32 length | note of the head (C2SP signed note), or nothing
//
// The key is derived of the spool's and of the salt (spool_key.h), label
// "auditledger/spool-state/v1"; nonce 0, for the salt is fresh each time. It is replaced as a
// whole: after a batch, before a file gets its first record, and before a file is removed.
//
// Example: ASSIGN_OR_RETURN(const SpoolState state, ParseSpoolState(key, bytes));
// Thread-safety: pure functions. Errors: DataLoss for anything but what EncodeSpoolState gives.
#ifndef AUDITLEDGER_API_CLIENT_SPOOL_STATE_H_
#define AUDITLEDGER_API_CLIENT_SPOOL_STATE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/client/spool_key.h"

namespace auditledger {

// A note with many cosignatures is some 10 KiB.
inline constexpr size_t kMaxSpoolStateBytes = 256 << 10;

struct SpoolState {
  uint64_t epoch = 0;
  uint64_t acknowledged = 0;  // every record up to it is settled; 0: none
  uint64_t newest_file = 0;   // of the events that have a record; 0: none
  std::string stream;         // without epoch
  std::string head;           // "": none was seen yet
};

// `salt`: 16 fresh random bytes.
absl::StatusOr<std::string> EncodeSpoolState(const SpoolKey& key, const SpoolState& state,
                                             absl::string_view salt);
absl::StatusOr<SpoolState> ParseSpoolState(const SpoolKey& key, absl::string_view bytes);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CLIENT_SPOOL_STATE_H_
