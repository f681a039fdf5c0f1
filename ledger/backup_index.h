// What a backup folder holds: its manifest, the signed heads and which segments lead to each.
//
//   DIR/manifest              text, replaced as a whole by each increment (temporary file, synced,
//                             renamed):
//       auditledger-backup/v1 ORIGIN LF
//       SIZE base64(digest) LF              one line an increment, sizes ascending
//   DIR/head-%016x            the increment's signed head, a C2SP checkpoint as it was signed (hex
//                             of its size)
//   DIR/log-%016x-%016x       segments, see backup_segment.h
//   DIR/key-changes           where the log's key was rotated: the changes among the entries
//                             (merkle/key_change_list.h, without proofs; a check compares them)
//   DIR/lock                  held (flock) by a run
//
//   digest = SHA-256("auditledger/backup/v1" 00 || digest of the line before (zeros: none) ||
//                    BE16 len || origin || BE64 size || the last 32 bytes of each of the
//                    increment's segments, in order || head file)
//
// Segments beyond the last line are of a run that was cut short: nothing vouches for them. The
// next run takes up those that are whole.
//
// Thread-safety: values and functions on files.
// Errors: DataLoss (with the file's name) for a folder that is damaged, FailedPrecondition for
// the backup of another origin or of a version this program does not know; a head that the key did
// not sign as OpenCheckpoint says it.
#ifndef AUDITLEDGER_LEDGER_BACKUP_INDEX_H_
#define AUDITLEDGER_LEDGER_BACKUP_INDEX_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/backup_segment.h"
#include "merkle/checkpoint.h"
#include "merkle/hash.h"
#include "merkle/note.h"

namespace auditledger {

// An increment an hour for a quarter of a century.
inline constexpr size_t kMaxBackupManifestBytes = size_t{16} << 20;

struct BackupManifest {
  struct Line {
    uint64_t size = 0;
    Hash digest;
  };
  std::string origin;
  std::vector<Line> lines;
};
std::string FormatBackupManifest(const BackupManifest& manifest);
absl::StatusOr<BackupManifest> ParseBackupManifest(absl::string_view text);  // strict

// The digest of an increment's line.
Hash BackupDigest(const Hash& before, absl::string_view origin, uint64_t size,
                  const std::vector<Hash>& segments, absl::string_view note);

struct BackupIncrement {
  SignedCheckpoint head;
  Hash digest;
  std::vector<BackupSegmentName> segments;
};

struct BackupIndex {
  std::vector<BackupIncrement> increments;  // none: no backup was finished here yet
  std::vector<BackupSegmentName> unproven;  // beyond the last increment, by their names
  uint64_t size() const { return increments.empty() ? 0 : increments.back().head.checkpoint.size; }
};

// Reads the manifest and every head, opens them with `key`, any that the log has had, and finds
// each increment's segments, whose trailing digests it compares; it does not read their contents
// (backup_reader.h does).
absl::StatusOr<BackupIndex> LoadBackupIndex(const std::string& dir, const NoteVerifier& key);

std::string BackupManifestPath(const std::string& dir);
std::string BackupHeadPath(const std::string& dir, uint64_t size);
std::string BackupSegmentPath(const std::string& dir, const BackupSegmentName& name);
// The last 32 bytes of a segment's file, unchecked.
absl::StatusOr<Hash> BackupSegmentDigest(const std::string& path);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_BACKUP_INDEX_H_
