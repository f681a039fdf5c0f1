// Small files by which one run tells the next what happened.
//
// In state_dir:
//   sync_failed   boot id LF: a sync failed in that boot, so what the page cache shows may not be
//                 on the disk. After a reboot it is what the disk has, and the marker is spent.
//   adopted       "adopted" LF: the operator gave the signer a state; the next start records it.
//   repaired      a line a repair (repair.h): what it did; the next start records them in one
//   entry.
// In key_dir:
//   creating      "creating" LF, or less of it: from before the first key until the genesis is
//                 signed. Keys without it have been used: another ledger made with them would be a
//                 fork.
//
// Thread-safety: one thread.
#ifndef AUDITLEDGER_LEDGER_STATE_MARKERS_H_
#define AUDITLEDGER_LEDGER_STATE_MARKERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace auditledger {

inline constexpr char kSyncFailedMarker[] = "sync_failed";
inline constexpr char kAdoptedMarker[] = "adopted";
inline constexpr char kRepairedMarker[] = "repaired";
inline constexpr char kCreatingMarker[] = "creating";

// Of what the marker says, what fits into an entry's body with room to spare: repairs one after
// another before a start. What is longer is cut.
inline constexpr size_t kMaxRepairedBytes = 4096;

absl::Status WriteSyncFailedMarker(const std::string& state_dir);
// Whether a sync failed since the machine was started. What cannot be read counts as yes.
bool SyncFailedThisBoot(const std::string& state_dir);

absl::Status WriteAdoptedMarker(const std::string& state_dir);
// Adds a line, unless it is the last one already: whoever was cut short does it again.
absl::Status AddRepairedMarker(const std::string& state_dir, const std::string& line);
// The lines, joined by "; "; what is not printable ASCII is "?". NotFound without a marker.
absl::StatusOr<std::string> ReadRepairedMarker(const std::string& state_dir);
absl::Status WriteCreatingMarker(const std::string& key_dir);
bool HasMarker(const std::string& dir, const std::string& name);
// OK also when there is none. Synced.
absl::Status RemoveMarker(const std::string& dir, const std::string& name);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_STATE_MARKERS_H_
