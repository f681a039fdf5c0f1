// Reads a backup and checks all of it while it does: every file against its digest, every leaf into
// the root, every root against its signed head, every record for its form.
//
// Example, a check:
//   BackupVisitor nothing;
//   ASSIGN_OR_RETURN(const BackupSummary summary, ReadBackup({dir, secrets_dir}, log_key,
//   nothing));
//
// What that proves: the leaves are those of the signed head. The digests have no key: they tell
// damage, not an editor's hand. What it cannot prove without the key files: that payloads, identity
// records, streams and secrets are those of the leaves. RestoreBackup with keys does, and fsck.
// Thread-safety: free functions. Memory: one segment, and one of secrets (4 MiB).
// Errors: as LoadBackupIndex; DataLoss with file and entry for anything else that is not as it must
// be. What was visited before an error counts for nothing.
#ifndef AUDITLEDGER_LEDGER_BACKUP_READER_H_
#define AUDITLEDGER_LEDGER_BACKUP_READER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/backup_index.h"
#include "ledger/backup_segment.h"
#include "merkle/leaf.h"
#include "merkle/note.h"

namespace auditledger {

struct BackupFolders {
  std::string log;
  std::string secrets;  // empty: not asked about
};

struct VisitedEntry {
  uint64_t index = 0;
  BackupEntryView record;
  const Leaf& leaf;
  Hash leaf_hash;
  absl::string_view slot;  // of its secret; empty without a folder of secrets
};

class BackupVisitor {
 public:
  virtual ~BackupVisitor() = default;
  // A stream comes before the entries that need it.
  virtual absl::Status Stream(uint32_t, absl::string_view) { return absl::OkStatus(); }
  virtual absl::Status Entry(const VisitedEntry&) { return absl::OkStatus(); }
};

struct BackupSummary {
  SignedCheckpoint head;  // what the backup leads to
  uint64_t increments = 0;
  uint64_t segments = 0;
  uint64_t unproven_segments = 0;  // of a run that was cut short; left out
  uint32_t streams = 0;
  uint64_t bytes = 0;  // of log segments
};

// NotFound when no increment was ever finished.
absl::StatusOr<BackupSummary> ReadBackup(const BackupFolders& folders, const NoteVerifier& key,
                                         BackupVisitor& visitor);

// ---- shared with the writer ----

absl::StatusOr<std::string> ReadBackupSegment(const std::string& dir,
                                              const BackupSegmentName& name);
// `bytes` parsed, and of this origin and place.
absl::StatusOr<BackupSegment> ParseNamedSegment(const std::string& dir,
                                                const BackupSegmentName& name,
                                                absl::string_view origin, absl::string_view bytes);
// What can be said of a record by itself: its leaf parses, a payload stands only where there is a
// commitment, its identity parses and names one of `streams` streams or none.
absl::StatusOr<Leaf> CheckBackupEntry(uint64_t index, const BackupEntryView& entry,
                                      uint32_t streams);
absl::Status CheckBackupStream(uint32_t number, absl::string_view record);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_BACKUP_READER_H_
