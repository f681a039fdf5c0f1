// Writes one increment of a backup: what comes in is proven to lead from the last valid head to a
// new signed one before it counts.
//
// Example:
//   ASSIGN_OR_RETURN(auto writer, BackupWriter::Open(dir, log_key));
//   RETURN_IF_ERROR(writer->Aim(checkpoint));          // refuses a rollback or a fork
//   RETURN_IF_ERROR(writer->AddStreams(records));      // from writer->next_stream() on
//   while (writer->next() < writer->target()) RETURN_IF_ERROR(writer->AddEntry(entry));
//   RETURN_IF_ERROR(writer->Finish());                 // proves, and makes the increment valid
//
// The root is computed from the leaves with the tree's edge that the last increment ended with,
// itself checked against its signed head: so the new root proves that the old log is a prefix.
// A run that is cut short leaves whole segments behind; the next one checks them and goes on there.
//
// Thread-safety: an object belongs to one thread; the folder is locked for as long as it lives.
// Memory: one segment (kBackupSegmentBytes) and the edge of the tree.
// Errors: DataLoss "rollback: …", "fork: …" for a server that shows less or another history than
// the backup has; DataLoss for a damaged folder; FailedPrecondition for a folder that is in use or
// not a backup of this log; InvalidArgument for what may not be written.
#ifndef AUDITLEDGER_LEDGER_BACKUP_WRITER_H_
#define AUDITLEDGER_LEDGER_BACKUP_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ledger/backup_index.h"
#include "ledger/backup_segment.h"
#include "ledger/posix_file.h"
#include "merkle/checkpoint.h"
#include "merkle/frontier.h"
#include "merkle/key_chain.h"
#include "merkle/note.h"

namespace auditledger {

class BackupWriter {
 public:
  // Opens `dir`, which is made (not its parents) unless it is there. `key`: the log's, pinned.
  static absl::StatusOr<std::unique_ptr<BackupWriter>> Open(const std::string& dir,
                                                            const NoteVerifier& key);

  // The newest head whose increment is valid; nothing in a new backup.
  const std::optional<SignedCheckpoint>& head() const { return head_; }
  // Where to go on: entries and streams below are here already.
  uint64_t next() const { return frontier_.size(); }
  uint32_t next_stream() const { return next_stream_; }
  // The size that Aim was given.
  uint64_t target() const { return target_ ? target_->checkpoint.size : 0; }

  // The signed head that what follows leads to. May be called again with a later one, when a
  // connection was lost. What an earlier run left beyond it is dropped.
  // `changes` of the log's key up to that head, as the server says: none of them counts before its
  // entry has come in.
  absl::Status Aim(absl::string_view note, const std::vector<LoggedKeyChange>& changes = {});
  // REQUIRES of both: after Aim; streams before the entries that need them.
  absl::Status AddStreams(absl::Span<const std::string> records);
  absl::Status AddEntry(const BackupEntryView& entry);
  // OK: the increment is durable and valid, or there is nothing new. A root that is not the
  // head's drops all that was not proven before.
  absl::Status Finish();

  uint64_t bytes_written() const { return bytes_written_; }

 private:
  BackupWriter(std::string dir, NoteVerifier key, PosixFile lock)
      : dir_(std::move(dir)), key_(std::move(key)), lock_(std::move(lock)) {}
  absl::Status Load();
  absl::Status LoadEdge();
  absl::StatusOr<bool> TakeUp(const BackupSegmentName& name);
  absl::Status DropUnproven(size_t from);
  absl::Status CloseSegment();
  absl::Status MakeValid();
  absl::StatusOr<SignedCheckpoint> OpenHead(absl::string_view note,
                                            const std::vector<LoggedKeyChange>& changes) const;
  void TakeKeyChange(uint64_t index, absl::string_view leaf);

  const std::string dir_;
  const NoteVerifier key_;
  const PosixFile lock_;
  BackupIndex index_;
  std::optional<SignedCheckpoint> head_;
  std::optional<SignedCheckpoint> target_;
  // After what is here: the last increment, whole segments beyond it, and the open one.
  Frontier frontier_;
  uint32_t next_stream_ = 0;
  std::optional<BackupSegmentBuilder> builder_;
  uint64_t bytes_written_ = 0;
  std::vector<LoggedKeyChange> changes_;  // among the entries that are here
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_BACKUP_WRITER_H_
