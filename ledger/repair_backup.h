// A backup as a place to look single entries up in, for a repair. Nothing of it is believed: what a
// digest does not show to be damaged is still only a proposal, which the caller proves.
//
// Example:
//   ASSIGN_OR_RETURN(auto backup, BackupLookup::Open({dir, secrets_dir}, log_key));
//   ASSIGN_OR_RETURN(const BackupEntry entry, backup->Entry(17));
//
// Thread-safety: an object belongs to one thread. Memory: one segment (32 MiB), one of secrets.
// Errors: NotFound for an entry beyond the backup; DataLoss for one whose file is damaged.
#ifndef AUDITLEDGER_LEDGER_REPAIR_BACKUP_H_
#define AUDITLEDGER_LEDGER_REPAIR_BACKUP_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/backup_index.h"
#include "ledger/backup_reader.h"
#include "ledger/backup_segment.h"
#include "merkle/note.h"

namespace auditledger {

class BackupLookup {
 public:
  // As LoadBackupIndex; NotFound when no increment was ever finished.
  static absl::StatusOr<std::unique_ptr<BackupLookup>> Open(const BackupFolders& folders,
                                                            const NoteVerifier& key);

  // The newest signed head that the backup leads to.
  const Checkpoint& head() const { return index_.increments.back().head.checkpoint; }
  absl::StatusOr<BackupEntry> Entry(uint64_t index);
  // The wrapped secret of an entry. NotFound without a folder of secrets.
  absl::StatusOr<std::string> Slot(uint64_t index);
  // Stream records by number, of all segments that can be read.
  const std::map<uint32_t, std::string>& Streams();

 private:
  BackupLookup(BackupFolders folders, std::string origin, BackupIndex index)
      : folders_(std::move(folders)), origin_(std::move(origin)), index_(std::move(index)) {}
  absl::Status Load(const BackupSegmentName& name);

  const BackupFolders folders_;
  const std::string origin_;
  const BackupIndex index_;
  // The segment that was asked for last, and what became of reading it.
  std::optional<BackupSegmentName> loaded_;
  absl::Status load_status_;
  std::string bytes_;
  BackupSegment segment_;
  std::optional<uint64_t> slots_first_;
  absl::StatusOr<std::string> slots_ = absl::NotFoundError("no secrets were read");
  std::optional<std::map<uint32_t, std::string>> streams_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_REPAIR_BACKUP_H_
