// What a backup takes from a ledger that serves: records as they are stored, verbatim.
//
// Example:
//   const auto head = ledger.head();
//   const BackupSource& source = *ledger.backup_source();
//   ASSIGN_OR_RETURN(const auto streams, source.ReadStreams(0, max_bytes));
//   ASSIGN_OR_RETURN(const auto entries, source.ReadEntries(0, head->head.size, max_bytes));
//
// Take the head first: all that its entries need (streams, secrets) was durable before it was
// signed, and never changes but by erasure.
// Thread-safety: all methods may be called by many threads, while the ledger appends. Memory: what
// a call returns, at most `max_bytes` and one record.
// Errors: DataLoss (STORAGE_CORRUPT) naming the entry for what must be there and is not: a backup
// of a damaged ledger ends loudly.
#ifndef AUDITLEDGER_LEDGER_BACKUP_SOURCE_H_
#define AUDITLEDGER_LEDGER_BACKUP_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/backup_segment.h"
#include "ledger/engine.h"
#include "ledger/seed_store.h"

namespace auditledger {

class BackupSource {
 public:
  // Both must outlive it.
  BackupSource(Engine& engine, SeedStore& seeds) : engine_(engine), seeds_(seeds) {}

  // Entries from `begin` on, at least one, until they have `max_bytes` or `end` is reached.
  // REQUIRES: begin < end <= size of a signed head.
  absl::StatusOr<std::vector<BackupEntry>> ReadEntries(uint64_t begin, uint64_t end,
                                                       size_t max_bytes) const;
  // Records of the streams with numbers first, first + 1 and so on, until they have `max_bytes`;
  // none when there are no more.
  absl::StatusOr<std::vector<std::string>> ReadStreams(uint32_t first, size_t max_bytes) const;
  // The slots [begin, end) of the key store, wrapped as they are. REQUIRES: end <= size of a signed
  // head, and all in one segment.
  absl::StatusOr<std::string> ReadSlots(uint64_t begin, uint64_t end) const;

 private:
  absl::Status AddPayloads(uint64_t begin, size_t max_bytes,
                           std::vector<BackupEntry>& entries) const;
  absl::Status AddIdentities(uint64_t begin, std::vector<BackupEntry>& entries) const;
  absl::Status CheckPayload(uint64_t index, const BackupEntry& entry) const;

  Engine& engine_;
  SeedStore& seeds_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_BACKUP_SOURCE_H_
