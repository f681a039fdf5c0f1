// Small files by which one run tells the next what happened.
//
// In state_dir:
//   sync_failed   boot id LF: a sync failed in that boot, so what the page cache shows may not be
//                 on the disk. After a reboot it is what the disk has, and the marker is spent.
//   adopted       "adopted" LF: the operator gave the signer a state; the next start records it.
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

namespace auditledger {

inline constexpr char kSyncFailedMarker[] = "sync_failed";
inline constexpr char kAdoptedMarker[] = "adopted";
inline constexpr char kCreatingMarker[] = "creating";

absl::Status WriteSyncFailedMarker(const std::string& state_dir);
// Whether a sync failed since the machine was started. What cannot be read counts as yes.
bool SyncFailedThisBoot(const std::string& state_dir);

absl::Status WriteAdoptedMarker(const std::string& state_dir);
absl::Status WriteCreatingMarker(const std::string& key_dir);
bool HasMarker(const std::string& dir, const std::string& name);
// OK also when there is none. Synced.
absl::Status RemoveMarker(const std::string& dir, const std::string& name);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_STATE_MARKERS_H_
