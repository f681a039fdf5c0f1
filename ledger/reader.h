// Reads entries out of engine and key store: leaf, and on request what opens it.
//
// Thread-safety: all methods may be called by many threads. Engine and seeds must outlive it.
// Errors: DataLoss (STORAGE_CORRUPT) for anything that must be there and is absent or damaged. The
// caller keeps indices below the newest signed head.
#ifndef AUDITLEDGER_LEDGER_READER_H_
#define AUDITLEDGER_LEDGER_READER_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ledger/engine.h"
#include "ledger/erasures.h"
#include "ledger/ledger.h"
#include "ledger/seed_store.h"

namespace auditledger {

class Reader {
 public:
  // `erasures` may be nullptr: then only destroyed secrets tell what was erased.
  Reader(std::string origin, Engine& engine, SeedStore& seeds, const Erasures* erasures = nullptr);

  absl::StatusOr<StoredEntry> Read(uint64_t index, bool with_opening) const;
  // [begin, end) in order, until `visit` returns false.
  absl::Status ReadRange(uint64_t begin, uint64_t end, bool with_opening,
                         absl::FunctionRef<bool(StoredEntry)> visit) const;
  // An event's first place again: what the receipt had, but for the proof. Seed and header stay
  // empty when the event was erased.
  absl::StatusOr<AppendedEntry> ReadRepeat(uint64_t index) const;

 private:
  absl::Status FillOpening(StoredEntry& entry) const;
  // Marks it, if an erasure entry names it.
  bool IsErased(StoredEntry& entry) const;

  const std::string origin_;
  Engine& engine_;
  SeedStore& seeds_;
  const Erasures* const erasures_;
};

// OutOfRange (INDEX_BEYOND_SIZE) for an entry that a log of this size does not have.
absl::Status BeyondSize(uint64_t index, uint64_t size);
// DataLoss with its reason for the api; other codes are passed on.
absl::Status Corrupt(absl::Status status);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_READER_H_
