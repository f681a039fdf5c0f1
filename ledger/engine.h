// The storage engine: what keeps a ledger's records. LevelDB is the default (leveldb_engine.h),
// memory the fastest in tests (memory_engine.h), PostgreSQL a possible third; one conformance suite
// holds them all.
//
// Thread-safety: Commit is called by one thread at a time; everything else may be called by many,
// also while a Commit runs, and sees either all or nothing of it. Errors: DataLoss when what is
// stored is damaged or missing where it must be; Aborted when the expected head is not the stored
// one; anything else is a storage error. After any error of Commit the engine is latched: every
// later Commit answers FailedPrecondition with the first error, until the process starts anew.
// After a failed sync the outcome is unknown, and SyncFailed() is true.
#ifndef AUDITLEDGER_LEDGER_ENGINE_H_
#define AUDITLEDGER_LEDGER_ENGINE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/tile.h"

namespace auditledger {

// An unsigned head: what the log is, before anyone vouches for it.
struct Head {
  uint64_t size = 0;
  Hash root = EmptyRoot();
  uint64_t time_us = 0;  // recorded_at of the last entry
  friend bool operator==(const Head&, const Head&) = default;
};

// Records kept for each index.
enum class RecordKind : uint8_t {
  kLeaf = 'L',
  kPayload = 'P',   // encrypted header and event; absent for entries without one
  kIdentity = 'I',  // identity_record.h; absent for entries without one
};

struct CommitBatch {
  struct Record {
    RecordKind kind;
    uint64_t index;
    std::string bytes;
  };
  std::vector<Record> records;
  std::vector<std::pair<TileId, std::string>> tiles;  // new contents, partial ones included
  // number -> record (stream_table.h)
  std::vector<std::pair<uint32_t, std::string>> stream_records;
  Head head;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Nothing for a store that holds no ledger yet.
  virtual absl::StatusOr<std::optional<Head>> LoadHead() = 0;

  // Atomic, and synced when it returns OK. `expected` is the head stored before (nothing: none).
  virtual absl::Status Commit(const std::optional<Head>& expected, const CommitBatch& batch) = 0;

  // What a commit may hold so that storing it does not wait for the store's own work beside it:
  // less, while that falls behind. Advice, for the committing thread.
  virtual size_t CommitBytesNow() const { return SIZE_MAX; }

  // NotFound when the record is absent.
  virtual absl::StatusOr<std::string> Read(RecordKind kind, uint64_t index) = 0;

  // Calls `visit` for the records of `kind` with begin <= index < end, ascending; stops early when
  // it returns false. Absent records are skipped: the caller knows which may be.
  virtual absl::Status Scan(RecordKind kind, uint64_t begin, uint64_t end,
                            absl::FunctionRef<bool(uint64_t, absl::string_view)> visit) = 0;

  virtual absl::StatusOr<std::string> ReadTile(TileId id) = 0;

  virtual absl::Status ScanStreams(absl::FunctionRef<bool(uint32_t, absl::string_view)> visit) = 0;

  // The first error of a Commit, if any.
  virtual absl::Status latched() const = 0;
  virtual bool SyncFailed() const = 0;

  // Removes the payloads of these entries and puts the identity records in place of theirs; durable
  // when it returns OK, and then no file of the store holds what was there before. By one thread at
  // a time, also while a Commit runs. Its errors latch as those of Commit. `entries` ascend.
  struct Forgotten {
    uint64_t index = 0;
    std::string identity;  // empty: it has none
  };
  virtual absl::Status Forget(absl::Span<const Forgotten> entries) {
    return entries.empty() ? absl::OkStatus()
                           : absl::UnimplementedError("this store forgets nothing");
  }
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_ENGINE_H_
