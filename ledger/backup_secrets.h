// The wrapped secrets of a backup: a folder of its own that is kept equal to the key store, so that
// a secret which was destroyed there is gone from here with the next run. (An append-only copy of
// secrets would undo erasures.)
//
// One file for each of the key store's segments, replaced as a whole when it differs:
// "secrets-%016x", see backup_segment.h.
//
// Example:
//   ASSIGN_OR_RETURN(auto mirror, SecretsMirror::Open(dir, origin));
//   ask the server for what differs from mirror->Digests();
//   RETURN_IF_ERROR(mirror->Replace(first, slots));
//
// Thread-safety: an object belongs to one thread; the folder is locked for as long as it lives.
// Memory: one segment of slots, 4 MiB.
// Errors: DataLoss with the file for damage; FailedPrecondition for another origin's folder or one
// in use.
#ifndef AUDITLEDGER_LEDGER_BACKUP_SECRETS_H_
#define AUDITLEDGER_LEDGER_BACKUP_SECRETS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/posix_file.h"
#include "merkle/hash.h"

namespace auditledger {

// SHA-256 of a segment's slots, as far as they are known: what two sides compare.
Hash SecretsDigest(absl::string_view slots);

class SecretsMirror {
 public:
  // Opens `dir`, which is made (not its parents) unless it is there.
  static absl::StatusOr<std::unique_ptr<SecretsMirror>> Open(const std::string& dir,
                                                             absl::string_view origin);
  // Of the segments from index 0 on, up to the first that is missing or damaged.
  absl::StatusOr<std::vector<Hash>> Digests() const;
  // REQUIRES: `first` is a multiple of kSeedSlotsPerSegment, `slots` whole slots of one segment.
  absl::Status Replace(uint64_t first, absl::string_view slots);

 private:
  SecretsMirror(std::string dir, std::string origin, PosixFile lock)
      : dir_(std::move(dir)), origin_(std::move(origin)), lock_(std::move(lock)) {}
  const std::string dir_;
  const std::string origin_;
  const PosixFile lock_;
};

// The slots of the segment that begins with `first`. NotFound when there is none.
absl::StatusOr<std::string> ReadBackupSecrets(const std::string& dir, absl::string_view origin,
                                              uint64_t first);

// InvalidArgument unless neither folder lies inside the other: a copy or a thief that takes one
// must not get the other along with it. Links are followed; the folders need not exist yet.
absl::Status CheckApart(const std::string& a, const std::string& b);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_BACKUP_SECRETS_H_
