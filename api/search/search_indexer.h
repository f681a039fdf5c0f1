// Keeps one ledger's search index at its log: reads entries back as they are committed, makes terms
// of them (search_terms.h), and puts those into a PostingStore, with the position up to which that
// was done, in one write. So a crash anywhere leaves an index that is whole up to its position, and
// the next turn goes on from there.
//
// - An entry that is the ledger's own, whose content was erased, is withheld or damaged, or whose
//   event does not parse has no terms. When the log says that content was erased, its terms are
//   taken out, before the position passes the entry that says so.
// - An index that is damaged, of another log or key, or does not fit the log (its last entry is
//   another one here, or beyond the end: a ledger from an older backup) is thrown away and made
//   again: log `search_index_rebuilt`. It is never an error of the ledger.
// - A ledger or disk that fails is tried again each turn: log `search_index_failed`, once.
//
// Thread-safety: one thread takes turns; reader() and report() by any.
#ifndef AUDITLEDGER_API_SEARCH_SEARCH_INDEXER_H_
#define AUDITLEDGER_API_SEARCH_SEARCH_INDEXER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/rpc_log.h"
#include "api/search/search_terms.h"
#include "ledger/ledger.h"
#include "ledger/mutex.h"
#include "ledger/posting_store.h"

namespace auditledger {

// Reasons beside those of api/status.h. Public, never renamed.
inline constexpr char kReasonSearchNotReady[] = "SEARCH_INDEX_NOT_READY";  // retry_after_ms

// Entries of one write: some 10 MiB of terms, a tenth of a second's work.
inline constexpr uint64_t kSearchBatchEntries = 4096;
static_assert(kSearchBatchEntries <= kMaxRunEntries);

class SearchIndexer {
 public:
  struct Options {
    std::string ledger_id;
    std::string dir;  // of this ledger's index
    bool rebuild = false;
    uint64_t batch_entries = kSearchBatchEntries;
  };
  struct Report {
    std::string ledger_id;
    uint64_t size = 0;         // entries it covers
    uint64_t lag_entries = 0;  // of the ledger's head beyond it
    double lag_seconds = 0;    // between the last entry it covers and that head
    uint64_t rebuilds = 0;     // since the start
    uint64_t unreadable = 0;   // entries whose content could not be read, since the start
    bool failing = false;
  };

  // `ledger` and `log` must outlive it. Opens nothing before the first turn.
  SearchIndexer(Ledger& ledger, RpcLog& log, Options options);

  // Indexes one batch; true when there is more to do at once.
  bool Turn();

  const SearchKey& key() const { return key_; }
  // The index as it is now. Unavailable (SEARCH_INDEX_NOT_READY) while it is not open.
  absl::StatusOr<std::unique_ptr<PostingReader>> reader() const;
  Report report() const;

 private:
  absl::StatusOr<bool> Advance();
  absl::Status Open();
  absl::Status CheckFits(const PostingHeader& header);
  absl::Status ThrowAway(const absl::Status& why);
  absl::StatusOr<PostingBatch> Read(uint64_t begin, uint64_t end, EntryRanges& erased);
  absl::Status Add(const StoredEntry& entry, PostingBatch& batch, EntryRanges& erased);
  void AddTerms(const StoredEntry& entry, const Leaf& leaf, PostingBatch& batch);
  void Note(const absl::Status& status);

  Ledger& ledger_;
  RpcLog& log_;
  const Options options_;
  const SearchKey key_;
  std::string logged_;       // the last failure
  bool throw_away_ = false;  // before anything else
  mutable Mutex mutex_;
  std::shared_ptr<PostingStore> store_ ABSL_GUARDED_BY(mutex_);
  Report report_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_SEARCH_SEARCH_INDEXER_H_
