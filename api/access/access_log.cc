#include "api/access/access_log.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/access/principal.h"
#include "api/limits.h"
#include "api/status.h"
#include "ledger/errors.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"

namespace auditledger {
namespace {

constexpr size_t kEventIdBytes = 16;

absl::Status NotRecorded(const absl::Status& why) {
  const Reason reason = ReasonOf(why);
  return WithReason(
      absl::UnavailableError(absl::StrCat(
          "payloads are given only once it is on record who reads them, which fails now: ",
          why.message(), ". Heads, proofs and leaves are served")),
      kReasonAccessNotRecorded,
      {{"cause", reason.reason}, {"retry_after_ms", absl::StrCat(kRetryMs)}});
}

absl::Status TooManyWait() {
  return WithReason(
      absl::ResourceExhaustedError("too many answers wait for the entries that say who reads them"),
      kReasonOverloaded, {{"retry_after_ms", absl::StrCat(kRetryMs)}});
}

absl::Status HasEnded() {
  return WithReason(
      absl::FailedPreconditionError(
          "this ledger has ended and records nothing, so that no payload leaves it: make its "
          "successor here, in which reads of it are recorded"),
      kReasonAccessNotRecorded, {{"cause", std::string(kReasonLedgerFrozen)}});
}

// Whether `ledger` goes on from the log `origin`.
bool GoesOnFrom(Ledger& ledger, const std::string& origin) {
  const absl::StatusOr<StoredEntry> first = ledger.ReadEntry(0, /*with_opening=*/false);
  const absl::StatusOr<Leaf> leaf = first.ok() ? ParseLeaf(first->leaf) : first.status();
  if (!leaf.ok() || leaf->kind != EntryKind::kGenesis) return false;
  const absl::StatusOr<Genesis> genesis = ParseGenesis(leaf->body);
  return genesis.ok() && absl::StartsWith(genesis->predecessor_checkpoint, origin + "\n");
}

// Joins ranges that follow each other.
void AddRange(const EntrySpan& range, std::vector<EntrySpan>& out) {
  if (!out.empty() && out.back().end == range.begin && range.end > range.begin &&
      out.back().end > out.back().begin) {
    out.back().end = range.end;
  } else {
    out.push_back(range);
  }
}

}  // namespace

absl::StatusOr<Ledger*> AccessLog::Recorder(Ledger& ledger) {
  Ledger* at = &ledger;
  // A successor may have ended too; none leads back, since each was made after the one before it.
  while (at->status().state == LedgerState::kFrozen) {
    Ledger* next = nullptr;
    {
      MutexLock lock(mutex_);
      const auto known = successors_.find(at);
      if (known != successors_.end()) next = known->second;
    }
    for (const LedgerSet::Slot& slot : ledgers_.List()) {
      if (next != nullptr) break;
      if (slot.ledger != nullptr && slot.ledger != at && GoesOnFrom(*slot.ledger, at->origin())) {
        next = slot.ledger;
      }
    }
    if (next == nullptr) return HasEnded();
    MutexLock lock(mutex_);
    successors_[at] = next;
    at = next;
  }
  return at;
}

absl::Status AccessLog::MayRecord(Ledger& ledger) {
  ASSIGN_OR_RETURN(Ledger* const recorder, Recorder(ledger));
  const LedgerStatus status = recorder->status();
  if (status.state == LedgerState::kServing) return absl::OkStatus();
  return NotRecorded(
      absl::UnavailableError(absl::StrCat("the ledger takes no appends: ", status.reason)));
}

void AccessLog::Record(Ledger& ledger, AccessRead read, Done done) {
  Pending pending;
  pending.origin = ledger.origin();
  pending.read = std::move(read);
  pending.done = std::move(done);
  Queue(ledger, std::move(pending));
}

void AccessLog::RecordRefusal(Ledger& ledger, RefusalEventInput refusal, Done done) {
  QueueEvent(ledger, RefusalEvent(FreshBase(ledger.origin()), refusal), std::move(done));
}

void AccessLog::RecordChange(Ledger& ledger, ChangeEventInput change, Done done) {
  QueueEvent(ledger, ChangeEvent(FreshBase(ledger.origin()), change), std::move(done));
}

void AccessLog::RecordEnd(Ledger& ledger, AccessRead read) {
  End end{&ledger, read};
  Record(ledger, std::move(read), [this, end = std::move(end)](const absl::Status& status) {
    if (!absl::IsUnavailable(status)) return;
    MutexLock lock(mutex_);
    if (ends_.size() < kMaxUnrecordedEnds) ends_.push_back(end);
  });
}

void AccessLog::Retry() {
  std::vector<End> ends;
  {
    MutexLock lock(mutex_);
    ends.swap(ends_);
  }
  for (End& end : ends) RecordEnd(*end.ledger, std::move(end.read));
  for (const LedgerSet::Slot& slot : ledgers_.List()) {
    if (slot.ledger != nullptr) RecordKeyChange(*slot.ledger);
  }
}

void AccessLog::RecordKeyChange(Ledger& ledger) {
  const std::vector<LoggedKeyChange> changes = ledger.key_changes();
  if (changes.empty()) return;
  const uint64_t index = changes.back().index;
  {
    MutexLock lock(mutex_);
    const auto known = key_changes_.find(&ledger);
    if (known != key_changes_.end() && known->second == index) return;
    key_changes_[&ledger] = index;
  }
  const absl::StatusOr<Leaf> leaf = ParseLeaf(changes.back().leaf);
  if (!leaf.ok()) return;  // what is wrong with an entry, checks of the log tell
  const std::string id = absl::StrCat("key-change-", index);
  // The same each time, to the byte: then it is a repeat.
  QueueEvent(ledger,
             ChangeEvent({id, ledger.origin(), leaf->recorded_at_us},
                         {SecurityChange::kSigningKey, id, ""}),
             [this, &ledger](const absl::Status& status) {
               if (!absl::IsUnavailable(status)) return;
               MutexLock lock(mutex_);
               key_changes_.erase(&ledger);
             });
}

void AccessLog::Drain() {
  MutexLock lock(mutex_);
  const auto busy = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::any_of(feeds_.begin(), feeds_.end(),
                       [](const auto& feed) { return feed.second.busy; });
  };
  while (busy()) idle_.Wait(mutex_);
}

AccessEventBase AccessLog::FreshBase(const std::string& origin) {
  return {absl::BytesToHexString(random_.Bytes(kEventIdBytes)), origin, clock_.WallMicros()};
}

void AccessLog::QueueEvent(Ledger& ledger, v1::AuditEvent event, Done done) {
  Pending pending;
  pending.origin = ledger.origin();
  pending.event = std::move(event);
  pending.done = std::move(done);
  Queue(ledger, std::move(pending));
}

void AccessLog::Queue(Ledger& ledger, Pending pending) {
  const absl::StatusOr<Ledger*> recorder = Recorder(ledger);
  if (!recorder.ok()) return pending.done(recorder.status());
  bool full = false;
  {
    MutexLock lock(mutex_);
    const size_t bytes = pending.read.answer_bytes;
    full = bytes > 0 && waiting_bytes_ + bytes > kMaxWaitingAnswerBytes;
    if (!full) {
      waiting_bytes_ += bytes;
      Feed& feed = feeds_[*recorder];
      feed.waiting.push_back(std::move(pending));
      if (feed.busy) return;
      feed.busy = true;
    }
  }
  if (full) return pending.done(TooManyWait());
  Flush(**recorder);
}

std::vector<AccessLog::Pending> AccessLog::TakeBatch(Ledger& recorder) {
  MutexLock lock(mutex_);
  Feed& feed = feeds_[&recorder];
  const auto end =
      feed.waiting.begin() + static_cast<ptrdiff_t>(std::min(feed.waiting.size(), kMaxAccessBatch));
  std::vector<Pending> batch(std::make_move_iterator(feed.waiting.begin()),
                             std::make_move_iterator(end));
  feed.waiting.erase(feed.waiting.begin(), end);
  feed.busy = !batch.empty();
  if (!feed.busy) idle_.SignalAll();
  return batch;
}

// A loop where the ledger answers at once, as one that refuses does; else the callback goes on.
void AccessLog::Flush(Ledger& recorder) {
  while (true) {
    std::vector<Pending> batch = TakeBatch(recorder);
    if (batch.empty()) return;
    absl::StatusOr<std::vector<SealedEvent>> events = Seal(recorder, batch);
    // Whoever comes second, Append's return or its answer, goes on with what waits.
    auto second = std::make_shared<std::atomic<bool>>(false);
    auto answer = [this, &recorder, second,
                   batch = std::move(batch)](const absl::StatusOr<AppendOutcome>& outcome) mutable {
      const absl::Status status = outcome.ok() ? absl::OkStatus() : NotRecorded(outcome.status());
      std::vector<Pending> answered = std::move(batch);
      size_t bytes = 0;
      for (const Pending& pending : answered) bytes += pending.read.answer_bytes;
      {
        MutexLock lock(mutex_);
        waiting_bytes_ -= bytes;
      }
      // First: what waits goes into the next commit while these are answered.
      if (second->exchange(true)) Flush(recorder);
      for (Pending& pending : answered) pending.done(status);
    };
    if (events.ok()) {
      recorder.Append(*std::move(events), std::move(answer));
    } else {
      answer(events.status());
    }
    if (!second->exchange(true)) return;
  }
}

absl::StatusOr<std::vector<SealedEvent>> AccessLog::Seal(Ledger& recorder,
                                                         const std::vector<Pending>& batch) {
  struct Group {
    std::string origin;
    ReadEventInput input;
  };
  using Key = std::tuple<std::string, std::string, std::string, AccessPhase>;
  std::map<Key, Group> groups;
  std::vector<v1::AuditEvent> events;
  for (const Pending& pending : batch) {
    if (pending.event.has_value()) {
      events.push_back(*pending.event);
      continue;
    }
    const AccessRead& read = pending.read;
    Group& group = groups[{read.principal, read.method, read.ledger, read.phase}];
    if (group.input.ranges.empty()) {
      group = {pending.origin, {read.principal, read.method, read.ledger, read.phase, {}}};
    }
    AddRange(read.range, group.input.ranges);
    if (group.input.ranges.size() < kMaxAccessRanges) continue;
    events.push_back(ReadEvent(FreshBase(group.origin), group.input));
    group.input.ranges.clear();
  }
  for (const auto& [key, group] : groups) {
    if (!group.input.ranges.empty())
      events.push_back(ReadEvent(FreshBase(group.origin), group.input));
  }
  // What refusals could use up, no read would have.
  const bool only_reads = std::all_of(batch.begin(), batch.end(), [](const Pending& pending) {
    return pending.is_read() && pending.read.phase != AccessPhase::kEnded;
  });
  std::vector<SealedEvent> sealed;
  for (const v1::AuditEvent& event : events) {
    SealInput input;
    input.event = event.SerializeAsString();
    input.principal = kLedgerPrefix + recorder.origin();
    input.stream_id = kAccessStream;
    input.event_id = event.event_id();
    input.received_at_us = clock_.WallMicros();
    ASSIGN_OR_RETURN(SealedEvent one, recorder.sealer().Seal(std::move(input)));
    one.may_use_reserve = only_reads;
    sealed.push_back(std::move(one));
  }
  return sealed;
}

}  // namespace auditledger
