// Which entries of a log were erased, by which entry, and which erasures are still to be carried
// out: exact from the start on, without reading the whole log.
//
// Derived from the leaves alone (merkle/erasure_history.h). A small file spares the start reading
// all of them:
//
//   data_dir/erasures   u8 version = 1 | u64 size | u64 carried_out | u32 count |
//                       u64 index * count | SHA-256 of all before
//   size         entries below it are all listed
//   carried_out  the content of erasures below it is destroyed, on every disk of this ledger
//   index        of each erasure, request and legal hold, ascending
//
// The file names entries, and what they say is read from the log: who edits it can hide an erasure
// from the next start, and make none up. It is written when a run of identities is, and when an
// erasure was carried out; without it, or when it is damaged, all leaves are read and all erasures
// are carried out once more, which changes nothing where it was done. So whoever brings back an old
// copy of secrets takes the file away (backup_restore.h, repair.h), and they are destroyed again.
//
// Thread-safety: Load by the opening thread; Committed by the committing one; the rest by many.
#ifndef AUDITLEDGER_LEDGER_ERASURES_H_
#define AUDITLEDGER_LEDGER_ERASURES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ledger/engine.h"
#include "ledger/mutex.h"
#include "merkle/erasure_history.h"

namespace auditledger {

// Pieces of entries that a ledger knows to be erased, held in memory at some 60 bytes each: 60 MB.
inline constexpr size_t kMaxErasedRanges = 1'000'000;
// A tail of entries longer than this, read at a start, is not read again at the next.
inline constexpr uint64_t kMaxUnsavedErasureTail = 65536;

std::string ErasuresPath(const std::string& data_dir);
// Durably; OK also when there is none.
absl::Status RemoveErasuresFile(const std::string& data_dir);

class Erasures {
 public:
  // All as of size 0; `engine` must outlive it.
  Erasures(std::string data_dir, Engine& engine);

  // Brings it up to `size`: from the file, and from the leaves that it does not cover.
  absl::Status Load(uint64_t size);
  // An entry was committed. REQUIRES: in the order of the log.
  void Committed(uint64_t index, absl::string_view leaf);

  std::optional<uint64_t> ErasedBy(uint64_t index) const;
  // What stands against erasing `ranges`, as ErasureHistory tells it.
  std::optional<ErasureHistory::Erased> FirstErased(absl::Span<const EntryRange> ranges) const;
  std::optional<uint64_t> HeldBy(absl::Span<const EntryRange> ranges) const;
  bool HoldStands(uint64_t placed) const;
  std::optional<ErasureHistory::Request> FindRequest(uint64_t index) const;
  size_t ranges() const;

  // Erasures below `size` that are not known to be carried out, ascending.
  std::vector<uint64_t> Pending(uint64_t size) const;
  bool IsCarriedOut(uint64_t erasure) const;
  // All up to and including `erasure` are. Saved with the next Save.
  void SetCarriedOut(uint64_t erasure);
  // As of `size`. REQUIRES: all entries below it were loaded or committed.
  absl::Status Save(uint64_t size);

 private:
  struct File {
    uint64_t size = 0;
    uint64_t carried_out = 0;
    std::vector<uint64_t> indices;
  };
  static absl::StatusOr<File> Parse(absl::string_view bytes);
  absl::StatusOr<File> Read(uint64_t size) const;
  absl::StatusOr<uint64_t> LoadFile(uint64_t size);
  // Adds it if it is of a kind that belongs here.
  void Take(uint64_t index, absl::string_view leaf) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string data_dir_;
  Engine& engine_;
  Mutex save_mutex_;  // one Save at a time, in order
  mutable Mutex mutex_;
  ErasureHistory history_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> indices_ ABSL_GUARDED_BY(mutex_);   // of all entries that belong here
  std::vector<uint64_t> erasures_ ABSL_GUARDED_BY(mutex_);  // of them
  uint64_t carried_out_ ABSL_GUARDED_BY(mutex_) = 0;        // those below it are
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_ERASURES_H_
