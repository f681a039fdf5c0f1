// Which entries have which terms: a database of its own that may be lost, for all of it can be made
// anew from the log. What a term stands for only its maker knows (api/search/search_terms.h); here
// it is a dimension and a keyed hash, so that the disk holds hashes and numbers, never a value.
//
//   PostingBatch batch = ...;                      // of entries [position, end)
//   RETURN_IF_ERROR(store->Apply(batch));
//   PostingReader reader(store);                   // as of now
//   ASSIGN_OR_RETURN(auto found, reader.Open(term)->Seek(1000, LogOrder::kForward));
//
// Formats: posting_format.h. Writes are not synced: a crash of the process loses none, a power cut
// the last ones with the position that counted them, or it leaves a damaged store. What LevelDB
// does in the background it does on a thread of this store's, at the lowest priority: merging an
// index must not keep the log's own tables waiting.
//
// Thread-safety: one thread writes (Apply, Forget); any number read, each with a PostingReader of
// its own.
// Errors: DataLoss when what is stored is damaged, of another log, key or format, and damaged()
// from then on: throw it away (Destroy) and make it again. Unavailable where the disk fails.
#ifndef AUDITLEDGER_LEDGER_POSTING_STORE_H_
#define AUDITLEDGER_LEDGER_POSTING_STORE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ledger/posting_format.h"
#include "merkle/erasure_entries.h"

namespace leveldb {
class Cache;
class DB;
class Env;
class Iterator;
class Snapshot;
class Status;
}  // namespace leveldb

namespace auditledger {

// Entries from one position on, up to the next.
struct PostingBatch {
  uint64_t position = 0;  // the next
  Hash last_leaf{};       // of the entry before it
  // Ascending, at most kMaxRunEntries each, all from the present position on.
  absl::flat_hash_map<PostingTerm, std::vector<uint64_t>> runs;
  std::map<uint64_t, TimeBounds> zones;  // of these entries alone
};

class PostingStore {
 public:
  // Opens what is there, or makes it, at position 0. FailedPrecondition when somebody else has it.
  static absl::StatusOr<std::unique_ptr<PostingStore>> Open(const std::string& path,
                                                            const std::string& origin,
                                                            const Hash& key_check);
  static absl::Status Destroy(const std::string& path);
  ~PostingStore();

  // As of the last Apply. For the thread that writes.
  const PostingHeader& header() const { return header_; }
  absl::Status Apply(const PostingBatch& batch);
  // Takes these entries out of every run, and has the disk forget that they were there. Reads the
  // whole store: some seconds at ten million entries.
  absl::Status Forget(absl::Span<const EntryRange> ranges);
  // Whether anything that was read is not what was written.
  bool damaged() const { return damaged_.load(); }

 private:
  friend class PostingReader;
  friend class PostingCursor;
  PostingStore() = default;
  absl::Status Note(const absl::Status& status) const;
  absl::Status FromLevelDb(const leveldb::Status& status) const;
  absl::Status TakeOut(absl::Span<const EntryRange> ranges);
  void FlushMemtable();
  absl::Status LoadHeader(const std::string& origin, const Hash& key_check);
  absl::StatusOr<std::optional<TimeBounds>> ReadZone(uint64_t zone,
                                                     const leveldb::Snapshot* snapshot) const;

  // Destroyed in reverse: the database before what it uses.
  std::unique_ptr<leveldb::Env> env_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<leveldb::DB> db_;
  PostingHeader header_;
  mutable std::atomic<bool> damaged_{false};
};

enum class LogOrder { kForward, kBackward };

// The entries of one term.
class PostingCursor {
 public:
  ~PostingCursor();
  // The first entry from `target` on in that order, itself included. One cursor is asked in one
  // order, and never goes back in it.
  absl::StatusOr<std::optional<uint64_t>> Seek(uint64_t target, LogOrder order);

 private:
  friend class PostingReader;
  PostingCursor(const PostingStore& store, std::unique_ptr<leveldb::Iterator> it, PostingTerm term,
                uint64_t& steps);
  // Whether the iterator is at a run of this term, which run_ then is.
  absl::StatusOr<bool> LoadRun();
  absl::StatusOr<std::optional<uint64_t>> SeekForward(uint64_t target);
  absl::StatusOr<std::optional<uint64_t>> SeekBackward(uint64_t target);

  const PostingStore& store_;
  const std::unique_ptr<leveldb::Iterator> it_;
  const PostingTerm term_;
  const std::string prefix_;
  uint64_t& steps_;
  std::vector<uint64_t> run_;  // where the last Seek found its entry; empty before
};

// The store as it was when this was made. It keeps the store open.
class PostingReader {
 public:
  explicit PostingReader(std::shared_ptr<const PostingStore> store);
  ~PostingReader();
  PostingReader(const PostingReader&) = delete;
  PostingReader& operator=(const PostingReader&) = delete;

  absl::StatusOr<uint64_t> Position() const;
  // This reader must outlive it.
  std::unique_ptr<PostingCursor> Open(const PostingTerm& term);
  // Of the entries in it that are in the store; nothing where none of them has a time.
  absl::StatusOr<std::optional<TimeBounds>> Zone(uint64_t zone);
  // Reads of the database so far: what work is counted in.
  uint64_t steps() const { return steps_; }

 private:
  const std::shared_ptr<const PostingStore> store_;
  const leveldb::Snapshot* const snapshot_;
  uint64_t steps_ = 0;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_POSTING_STORE_H_
