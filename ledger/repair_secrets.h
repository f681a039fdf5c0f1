// Puts damaged slots of the key store back from a backup's copy. A slot is taken only where the
// store's own cannot be opened, and only if it opens with the keys as this entry's secret; one that
// was destroyed stays destroyed, also in a file of the wrong size. The slot of an entry that has no
// secret is made empty.
//
// Example:
//   ASSIGN_OR_RETURN(auto secrets, SecretsRepair::Open(seed_dir, origin, keys));
//   secrets->Look(17, {.has_secret = true}, backup.get());   // for each entry, ascending
//   ASSIGN_OR_RETURN(const MendedSecrets mended, secrets->Finish());
//   secrets->Keep();                                        // once it is decided
//   PutSecretsInPlace(seed_dir);
//
// Files are read slot by slot and made anew beside the store, which is not changed meanwhile:
//
//   seed_dir/repairing/seeds-*     the files that take the place of damaged ones
//   seed_dir/repairing/view/       the store as it will be, hard links, to be looked at
//   seed_dir/seeds-*.damaged-N     a file as it was. It holds secrets: remove it by hand when the
//                                  repair was seen to be right, or what is destroyed later lives on
//
// A file is given up, and left as it is, where the disk does not give a slot that is not mended: a
// copy without it would lose for ever what the disk may still give another day.
//
// Thread-safety: one thread. Memory: twice one file of slots, 4 MiB. Errors: those of the disk.
#ifndef AUDITLEDGER_LEDGER_REPAIR_SECRETS_H_
#define AUDITLEDGER_LEDGER_REPAIR_SECRETS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/index_ranges.h"
#include "ledger/key_files.h"
#include "ledger/repair_backup.h"
#include "ledger/seed_store.h"

namespace auditledger {

struct MendedSecrets {
  IndexRanges repaired;
  std::vector<std::string> files;     // to be put in place; their names
  std::vector<std::string> given_up;  // files that could not be read whole
  std::string view;                   // a seed_dir as it will be; empty without `files`
};

class SecretsRepair {
 public:
  // `keys` must outlive it.
  static absl::StatusOr<std::unique_ptr<SecretsRepair>> Open(const std::string& seed_dir,
                                                             const std::string& origin,
                                                             const LedgerKeys& keys);
  ~SecretsRepair();  // removes what was made, unless it is kept
  struct Wanted {
    bool has_secret = false;  // an event stands behind the entry
    bool is_erased = false;   // and an erasure entry of the proven log names it
  };
  // `backup` may be nullptr; of what is erased it is not asked.
  absl::Status Look(uint64_t index, const Wanted& wanted, BackupLookup* backup);
  absl::StatusOr<MendedSecrets> Finish();
  void Keep() { kept_ = true; }

 private:
  struct Segment {
    uint64_t first = 0;
    bool is_missing = false;
    int moved = 0;              // 1: slots may lie behind their places, -1: before them
    bool is_whole = false;      // of the right size, every slot read
    std::string slots;          // as they were read; zeros where nothing was
    std::set<uint64_t> unread;  // that the disk does not give
    std::set<uint64_t> lost;    // of these, those that had a secret
  };
  SecretsRepair(std::string dir, std::string origin, std::unique_ptr<KeyProvider> wrapping,
                std::unique_ptr<SeedStore> seeds)
      : dir_(std::move(dir)),
        origin_(std::move(origin)),
        wrapping_(std::move(wrapping)),
        seeds_(std::move(seeds)) {}
  absl::Status Load(uint64_t index);
  bool WasErased(uint64_t index) const;
  void ReadSlots(const std::string& path);
  absl::Status WriteSegment();
  absl::StatusOr<std::vector<uint64_t>> DropWhatDoesNotOpen(const std::string& path,
                                                            std::string& mended);
  absl::Status MakeView();

  const std::string dir_;
  const std::string origin_;
  const std::unique_ptr<KeyProvider> wrapping_;
  const std::unique_ptr<SeedStore> seeds_;
  std::optional<Segment> segment_;
  std::unique_ptr<SeedStore> trial_;       // a copy of it of the right size, where it has another
  std::map<uint64_t, std::string> slots_;  // that it is to get, by index
  MendedSecrets mended_;
  bool kept_ = false;
};

// Gives the files that were kept their names; those that they replace are put aside. Idempotent.
absl::Status PutSecretsInPlace(const std::string& seed_dir);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_REPAIR_SECRETS_H_
