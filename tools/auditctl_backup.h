// What the commands about backups share.
//
// Thread-safety: pure functions, but that a pin may be read from its file.
#ifndef AUDITLEDGER_TOOLS_AUDITCTL_BACKUP_H_
#define AUDITLEDGER_TOOLS_AUDITCTL_BACKUP_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/auditctl.h"
#include "verifier/pins.h"

namespace auditledger::ctl {

// In a backup's folder, and in a ledger's data folder: timestamps of heads (timestamp_store.h).
inline constexpr char kBackupTimestamps[] = "/timestamps";

// --pin-key, without which nothing of a backup could be believed.
absl::StatusOr<Pin> RequiredPin(const Options& options);

// Whether `status`, of a check against the pinned key, says that something is not what was signed.
bool IsUnproven(const absl::Status& status);
// NotProven when it is.
absl::Status Unproven(const absl::Status& status);

}  // namespace auditledger::ctl

#endif  // AUDITLEDGER_TOOLS_AUDITCTL_BACKUP_H_
