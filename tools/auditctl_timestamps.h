// Timestamps of a ledger's heads, written as files that auditledger-verify reads
// (verifier/timestamps.h).
//
// Thread-safety: free functions. Errors: NotProven for what is not what it says it is.
#ifndef AUDITLEDGER_TOOLS_AUDITCTL_TIMESTAMPS_H_
#define AUDITLEDGER_TOOLS_AUDITCTL_TIMESTAMPS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merkle/checkpoint.h"
#include "tools/auditctl.h"
#include "verifier/export_sink.h"

namespace auditledger::ctl {

// All timestamps of heads up to `size` into the folder "timestamps" of an export or a backup; how
// many.
absl::StatusOr<uint64_t> ExportTimestamps(Connection& connection, const std::string& ledger,
                                          uint64_t size, ExportSink& files);

// Those that bound when entry `index` came, linked to `head`.
absl::Status SaveTimeBracket(Connection& connection, const std::string& ledger, uint64_t index,
                             const SignedCheckpoint& head, const std::string& dir);

}  // namespace auditledger::ctl

#endif  // AUDITLEDGER_TOOLS_AUDITCTL_TIMESTAMPS_H_
