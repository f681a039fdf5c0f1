// The logs a witness follows, from a text file: "vkey [origin]" a line, '#' comments and empty
// lines skipped. Without an origin it is the key's name, as C2SP tlog-checkpoint wants it. Several
// lines of one origin give it several keys, any of which may sign (a log that is changing its key).
//
// Thread-safety: values and pure functions.
#ifndef AUDITLEDGER_TOOLS_WITNESS_LOGS_H_
#define AUDITLEDGER_TOOLS_WITNESS_LOGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/note.h"

namespace auditledger {

// One file of state each, looked through at start.
inline constexpr size_t kMaxWitnessedLogs = 1000;
// Each costs a signature check a request.
inline constexpr size_t kMaxKeysOfLog = 8;
// A line for each log, and comments.
inline constexpr size_t kMaxWitnessLogsBytes = 1 << 20;

struct WitnessedLog {
  std::string origin;
  std::vector<NoteVerifier> keys;
};

// InvalidArgument with the number of the line: a key that is not an Ed25519 log key (type 0x01), a
// key twice, an origin that cannot be a checkpoint's, more than the limits above.
absl::StatusOr<std::vector<WitnessedLog>> ParseWitnessedLogs(absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_WITNESS_LOGS_H_
