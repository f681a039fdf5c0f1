#include "api/search/search_indexer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/limits.h"
#include "api/status.h"
#include "auditledger/v1/event.pb.h"
#include "ledger/errors.h"
#include "ledger/posix_file.h"
#include "merkle/erasure_entries.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status NotReady() {
  return WithReason(absl::UnavailableError("the search index is being made: ask again"),
                    kReasonSearchNotReady, {{"retry_after_ms", absl::StrCat(kRetryMs)}});
}

// What a batch read of entries before they were erased.
void TakeOut(const EntryRanges& erased,
             absl::flat_hash_map<PostingTerm, std::vector<uint64_t>>& runs) {
  for (auto run = runs.begin(); run != runs.end();) {
    std::vector<uint64_t>& entries = run->second;
    const auto is_erased = [&](uint64_t entry) { return Contains(erased, entry); };
    entries.erase(std::remove_if(entries.begin(), entries.end(), is_erased), entries.end());
    if (entries.empty()) {
      runs.erase(run++);
    } else {
      ++run;
    }
  }
}

void Extend(std::map<uint64_t, TimeBounds>& zones, uint64_t index, uint64_t time) {
  const auto [zone, is_new] = zones.try_emplace(index / kZoneEntries, TimeBounds{time, time});
  if (is_new) return;
  zone->second.least = std::min(zone->second.least, time);
  zone->second.greatest = std::max(zone->second.greatest, time);
}

}  // namespace

SearchIndexer::SearchIndexer(Ledger& ledger, RpcLog& log, Options options)
    : ledger_(ledger),
      log_(log),
      options_(std::move(options)),
      key_(ledger.sealer()),
      throw_away_(options_.rebuild) {
  MutexLock lock(mutex_);
  report_.ledger_id = options_.ledger_id;
}

bool SearchIndexer::Turn() {
  absl::StatusOr<bool> more = Advance();
  if (absl::IsDataLoss(more.status())) {
    bool of_the_index = false;
    {
      MutexLock lock(mutex_);
      of_the_index = store_ == nullptr || store_->damaged();
    }
    throw_away_ = throw_away_ || of_the_index;
    if (of_the_index) more = ThrowAway(more.status()).ok() ? absl::StatusOr<bool>(true) : more;
  }
  Note(more.status());
  return more.ok() && *more;
}

absl::StatusOr<bool> SearchIndexer::Advance() {
  if (throw_away_) RETURN_IF_ERROR(ThrowAway(absl::OkStatus()));
  std::shared_ptr<PostingStore> store;
  {
    MutexLock lock(mutex_);
    store = store_;
  }
  if (store == nullptr) {
    RETURN_IF_ERROR(Open());
    return true;
  }
  const uint64_t begin = store->header().position;
  const uint64_t size = ledger_.head()->head.size;
  if (begin >= size) return false;
  EntryRanges erased;
  ASSIGN_OR_RETURN(const PostingBatch batch,
                   Read(begin, std::min(size, begin + options_.batch_entries), erased));
  // Before: whoever sees this position has nothing left of what was erased below it.
  if (!erased.empty()) RETURN_IF_ERROR(store->Forget(erased));
  RETURN_IF_ERROR(store->Apply(batch));
  return batch.position < size;
}

absl::Status SearchIndexer::Open() {
  RETURN_IF_ERROR(MakeDirectory(options_.dir, 0700));
  ASSIGN_OR_RETURN(std::unique_ptr<PostingStore> store,
                   PostingStore::Open(options_.dir, ledger_.origin(), key_.check()));
  RETURN_IF_ERROR(CheckFits(store->header()));
  MutexLock lock(mutex_);
  store_ = std::move(store);
  return absl::OkStatus();
}

absl::Status SearchIndexer::CheckFits(const PostingHeader& header) {
  if (header.position == 0) return absl::OkStatus();
  if (header.position > ledger_.head()->head.size) {
    return absl::DataLossError("search index: goes beyond the log");
  }
  ASSIGN_OR_RETURN(const StoredEntry last,
                   ledger_.ReadEntry(header.position - 1, /*with_opening=*/false));
  if (LeafHash(last.leaf) == header.last_leaf) return absl::OkStatus();
  return absl::DataLossError("search index: is of another history");
}

// Readers keep the store open, for as long as one page takes: then it is tried again.
absl::Status SearchIndexer::ThrowAway(const absl::Status& why) {
  throw_away_ = true;
  std::shared_ptr<PostingStore> store;
  {
    MutexLock lock(mutex_);
    if (store_ != nullptr && store_.use_count() > 1) return NotReady();
    store = std::exchange(store_, nullptr);
  }
  store.reset();
  RETURN_IF_ERROR(PostingStore::Destroy(options_.dir));
  throw_away_ = false;
  log_.Warning("search_index_rebuilt",
               {{"ledger", options_.ledger_id},
                {"why", why.ok() ? "asked for" : std::string(why.message())}});
  MutexLock lock(mutex_);
  ++report_.rebuilds;
  return absl::OkStatus();
}

absl::StatusOr<PostingBatch> SearchIndexer::Read(uint64_t begin, uint64_t end,
                                                 EntryRanges& erased) {
  PostingBatch batch;
  batch.position = begin;
  absl::Status added;
  const auto add = [&](const StoredEntry& entry) {
    added = Add(entry, batch, erased);
    // An erasure ends the batch: one is swept out at a time.
    return added.ok() && erased.empty();
  };
  const absl::Status read = ledger_.ReadEntries(begin, end, /*with_opening=*/true, add);
  RETURN_IF_ERROR(added);
  if (absl::IsDataLoss(read)) {
    // What is withheld or damaged must not hide all that follows it.
    ASSIGN_OR_RETURN(const StoredEntry entry, ledger_.ReadEntry(batch.position, false));
    RETURN_IF_ERROR(Add(entry, batch, erased));
    MutexLock lock(mutex_);
    ++report_.unreadable;
  } else {
    RETURN_IF_ERROR(read);
  }
  if (!erased.empty()) TakeOut(erased, batch.runs);
  return batch;
}

absl::Status SearchIndexer::Add(const StoredEntry& entry, PostingBatch& batch,
                                EntryRanges& erased) {
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(entry.leaf));
  if (leaf.kind == EntryKind::kErasure) {
    ASSIGN_OR_RETURN(Erasure erasure, ParseErasure(leaf.body));
    erased = std::move(erasure.scope.ranges);
  }
  AddTerms(entry, leaf, batch);
  batch.position = entry.index + 1;
  batch.last_leaf = LeafHash(entry.leaf);
  return absl::OkStatus();
}

void SearchIndexer::AddTerms(const StoredEntry& entry, const Leaf& leaf, PostingBatch& batch) {
  v1::AuditEvent event;
  if (!CarriesEvent(leaf.kind) || !entry.opening.has_value()) return;
  const absl::StatusOr<EntryHeader> header = ParseHeader(entry.opening->header);
  if (!header.ok() || !event.ParseFromString(entry.opening->event)) return;
  for (const PostingTerm& term : TermsOf(key_, header->principal, event)) {
    batch.runs[term].push_back(entry.index);
  }
  if (leaf.event_time_us != 0) Extend(batch.zones, entry.index, leaf.event_time_us);
}

void SearchIndexer::Note(const absl::Status& status) {
  const std::string why(status.message());
  if (!status.ok() && why != logged_) {
    log_.Error("search_index_failed", {{"ledger", options_.ledger_id}, {"why", why}});
  } else if (status.ok() && !logged_.empty()) {
    log_.Event("search_index_resumed", {{"ledger", options_.ledger_id}});
  }
  logged_ = why;
  MutexLock lock(mutex_);
  report_.failing = !status.ok();
}

absl::StatusOr<std::unique_ptr<PostingReader>> SearchIndexer::reader() const {
  MutexLock lock(mutex_);
  if (store_ == nullptr || store_->damaged()) return NotReady();
  return std::make_unique<PostingReader>(store_);
}

SearchIndexer::Report SearchIndexer::report() const {
  Report out;
  std::shared_ptr<const PostingStore> store;
  {
    MutexLock lock(mutex_);
    out = report_;
    store = store_;
  }
  const Head head = ledger_.head()->head;
  if (store != nullptr) out.size = PostingReader(store).Position().value_or(0);
  out.lag_entries = head.size > out.size ? head.size - out.size : 0;
  if (out.lag_entries == 0) return out;
  uint64_t covered_us = 0;
  if (out.size > 0) {
    const absl::StatusOr<StoredEntry> last = ledger_.ReadEntry(out.size - 1, false);
    const absl::StatusOr<Leaf> leaf = last.ok() ? ParseLeaf(last->leaf) : last.status();
    if (leaf.ok()) covered_us = leaf->recorded_at_us;
  }
  if (head.time_us > covered_us) {
    out.lag_seconds = static_cast<double>(head.time_us - covered_us) / 1e6;
  }
  return out;
}

}  // namespace auditledger
