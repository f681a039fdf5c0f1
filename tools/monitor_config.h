// What a monitor follows: a text file, a line each; # begins a comment line.
//
//   log NAME VKEY PLACE...   NAME is [a-z][a-z0-9-]*, its folder below --state; VKEY is the log's,
//   and
//                            names its origin; PLACEs are http(s) URLs or folders of its tiles
//   witness VKEY             whose cosignatures date heads (type 0x04)
//
// Example:
//   log clinic audit.example.org/clinic+1a2b3c4d+AXNs... https://tiles.example.org/clinic /srv/copy
//
// Thread-safety: pure functions. Errors: InvalidArgument naming the line.
#ifndef AUDITLEDGER_TOOLS_MONITOR_CONFIG_H_
#define AUDITLEDGER_TOOLS_MONITOR_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/monitor_log.h"

namespace auditledger {

// A thousand lines of keys and addresses.
inline constexpr size_t kMaxMonitorConfigBytes = 1 << 20;
// As a ledger's id.
inline constexpr size_t kMaxMonitorNameBytes = 63;
// One process asks them one after another.
inline constexpr size_t kMaxMonitoredLogs = 1000;

// Names and origins occur once; at least one log, each with at least one place.
absl::StatusOr<std::vector<MonitoredLog>> ParseMonitorConfig(absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_MONITOR_CONFIG_H_
