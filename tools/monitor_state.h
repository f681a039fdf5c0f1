// What a monitor keeps beside its mirror: a small state, and files of evidence. All of it appears
// whole or not at all.
//
// State: {"version": 1, "last_size": {PLACE: SIZE}, "cosigned": NOTE, "cosigned_us": TIME}
//
// Thread-safety: free functions. Errors: those of the disk; DataLoss for a state that is not one.
#ifndef AUDITLEDGER_TOOLS_MONITOR_STATE_H_
#define AUDITLEDGER_TOOLS_MONITOR_STATE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "merkle/evidence.h"

namespace auditledger {

struct MonitorState {
  std::map<std::string, uint64_t> last_size{};  // by place: its largest head that held
  std::string cosigned{};                       // a signed note
  uint64_t cosigned_us = 0;
  friend bool operator==(const MonitorState&, const MonitorState&) = default;
};

// Without a file: the empty state.
absl::StatusOr<MonitorState> ReadMonitorState(const std::string& path);
absl::Status WriteMonitorState(const std::string& path, const MonitorState& state);

inline constexpr char kEvidenceSuffix[] = ".evidence";
inline constexpr char kHeadSuffix[] = ".head";

absl::StatusOr<size_t> CountFiles(const std::string& dir, absl::string_view suffix);

// "KIND-DIGEST.evidence" in `dir`; its path. The digest is of what is accused (kind, place in the
// log, texts of the heads, or for a history the prefix in the second head's stead), so that the
// same thing said of the next head makes no second file, and another past makes one. With
// `max_files` of this suffix there nothing is written and the path is "".
absl::StatusOr<std::string> WriteEvidence(const std::string& dir, const Evidence& evidence,
                                          size_t max_files);
// "SIZE-DIGEST.head": a signed note that somebody may want to hold against another. Path and limit
// as above, counted apart.
absl::StatusOr<std::string> WriteSuspectHead(const std::string& dir, const SignedCheckpoint& head,
                                             size_t max_files);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_MONITOR_STATE_H_
