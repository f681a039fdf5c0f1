#include "ledger/committer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/errors.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// An overloaded caller comes back when about a full commit has gone by, but not at once.
constexpr uint64_t kOverloadRetryMinMillis = 10;

absl::Status ShuttingDown() {
  return WithReason(absl::UnavailableError("the ledger is shutting down"), kReasonShuttingDown);
}

size_t BytesOf(const std::vector<SealedEvent>& events) {
  size_t bytes = 0;
  for (const SealedEvent& event : events) bytes += event.Bytes();
  return bytes;
}

// The entries of an accepted request: the new ones with what the commit read back, the repeats with
// their index.
std::vector<AppendedEntry> EntriesOf(const RequestPlan& plan, std::vector<SealedEvent>& events,
                                     uint64_t first_index, std::vector<std::string>& leaves) {
  std::vector<AppendedEntry> entries(plan.events.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    entries[i].index = plan.events[i].index;
    entries[i].repeated = plan.events[i].repeated;
    if (entries[i].repeated) continue;
    entries[i].leaf = std::move(leaves[entries[i].index - first_index]);
    if (events.empty()) continue;  // the ledger's own
    entries[i].flags = events[i].flags;
    entries[i].seed = std::move(events[i].seed);
    entries[i].header = std::move(events[i].header);
    entries[i].masked_event = std::move(events[i].masked_event);
  }
  return entries;
}

}  // namespace

Committer::Committer(CommitterParts parts)
    : parts_(std::move(parts)),
      acknowledger_(*parts_.reader, *parts_.feed),
      ranges_saved_at_(parts_.identities->covered()) {}

void Committer::RefuseAppends(absl::Status why) {
  MutexLock lock(mutex_);
  if (stopped_.ok()) stopped_ = std::move(why);
}

void Committer::Hold(const absl::Status& why) {
  MutexLock lock(mutex_);
  hold_ = why;
}

void Committer::Start() {
  MutexLock one(drain_mutex_);
  {
    MutexLock lock(mutex_);
    if (draining_) return;
  }
  acknowledger_.Start();
  thread_ = std::thread([this] { Run(); });
}

absl::Status Committer::CommitOwn(std::vector<NewEntry> entries) {
  if (entries.empty()) return absl::OkStatus();
  CommitPlan plan;
  plan.entries = std::move(entries);
  absl::StatusOr<Committed> committed = parts_.writer->Commit(std::move(plan));
  Acknowledgement unused;  // nobody asked for these entries
  absl::Status status = committed.ok() ? Publish(*committed, unused) : committed.status();
  if (status.ok()) status = parts_.identities->Advance(parts_.writer->size());
  if (!status.ok()) Latch(status);
  return status;
}

absl::Status Committer::Admit(const Request& request) {
  if (draining_) return ShuttingDown();
  if (!stopped_.ok()) return stopped_;
  if (!hold_.ok()) return hold_;
  const LedgerLimits& limits = parts_.limits;
  const bool asks_for_events =
      !request.own.has_value() && !request.last.has_value() && request.sign == nullptr;
  if ((asks_for_events && request.events.empty()) ||
      request.events.size() > limits.max_commit_entries) {
    return absl::InvalidArgumentError(absl::StrCat("an append takes 1 to ",
                                                   limits.max_commit_entries, " events, not ",
                                                   request.events.size()));
  }
  if (counters_.queued_entries + request.entries() <= limits.max_queue_entries &&
      counters_.queued_bytes + request.bytes <= limits.max_queue_bytes) {
    return absl::OkStatus();
  }
  ++counters_.refused_overload;
  const uint64_t commit_ms =
      counters_.commits == 0 ? 0 : counters_.commit_micros / counters_.commits / 1000;
  return WithReason(
      absl::ResourceExhaustedError(absl::StrCat("the queue holds ", counters_.queued_entries,
                                                " events (", counters_.queued_bytes, " bytes)")),
      kReasonOverloaded,
      {{"retry_after_ms", absl::StrCat(std::max(kOverloadRetryMinMillis, commit_ms))}});
}

void Committer::Append(std::vector<SealedEvent> events, AppendCallback done) {
  const size_t bytes = BytesOf(events);
  Queue({std::move(events), std::move(done), bytes});
}

void Committer::AppendOwn(NewEntry entry, AppendCallback done) {
  const size_t bytes = entry.leaf.body.size() + entry.payload.size();
  Queue({{}, std::move(done), bytes, std::move(entry)});
}

void Committer::SignCoseHead(CoseHeadCallback done) {
  Queue({{}, nullptr, 0, std::nullopt, std::move(done)});
}

void Committer::Queue(Request request) {
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    refused = Admit(request);
    if (refused.ok()) {
      counters_.queued_entries += request.entries();
      counters_.queued_bytes += request.bytes;
      queue_.push_back(std::move(request));
    }
  }
  // Outside: the committer would wake only to wait for the mutex.
  if (refused.ok()) return queued_.SignalOne();
  request.Refuse(refused);
}

void Committer::Run() {
  while (true) {
    std::vector<Request> requests = TakeQueued();
    if (requests.empty()) return;
    Process(std::move(requests));
  }
}

// 1 take what is queued: at least one request, none of them split. Empty when draining is done.
std::vector<Committer::Request> Committer::TakeQueued() {
  std::vector<Request> taken;
  size_t entries = 0;
  size_t bytes = 0;
  const size_t most_bytes =
      std::min(parts_.limits.max_commit_bytes, parts_.writer->CommitBytesNow());
  MutexLock lock(mutex_);
  while (queue_.empty() && !draining_) queued_.Wait(mutex_);
  while (!queue_.empty()) {
    const Request& next = queue_.front();
    if (!taken.empty() && (next.last.has_value() || taken.back().last.has_value() ||
                           entries + next.entries() > parts_.limits.max_commit_entries ||
                           bytes + next.bytes > most_bytes)) {
      break;
    }
    entries += next.entries();
    bytes += next.bytes;
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  counters_.queued_entries -= entries;
  counters_.queued_bytes -= bytes;
  return taken;
}

void Committer::AppendLast(NewEntry last, absl::Status why, AppendCallback done) {
  Request request;
  request.done = std::move(done);
  request.last = std::move(last);
  request.refusal = std::move(why);
  Queue(std::move(request));
}

void Committer::ProcessLast(Request request) {
  CommitPlan plan;
  plan.entries.push_back(*std::move(request.last));
  absl::StatusOr<Committed> committed = parts_.writer->Commit(std::move(plan));
  Acknowledgement acknowledgement;
  absl::Status status = committed.ok() ? Publish(*committed, acknowledgement) : committed.status();
  if (!status.ok()) {
    Latch(status);
    std::vector<Request> failed;
    failed.push_back(std::move(request));
    return FailAll(std::move(failed), stopped());
  }
  RefuseAppends(std::move(request.refusal));
  acknowledgement.answers.push_back({std::move(request.done), absl::OkStatus(), {}});
  acknowledger_.Post(std::move(acknowledgement), /*idle=*/false);
}

// Those that may go on though appends pause; the others fail.
std::vector<Committer::Request> Committer::KeepReserved(std::vector<Request> requests,
                                                        const absl::Status& paused) {
  std::vector<Request> kept;
  std::vector<Request> failed;
  for (Request& request : requests) {
    const bool keep =
        request.may_use_reserve() && parts_.gate->BeforeReservedCommit(request.bytes).ok();
    (keep ? kept : failed).push_back(std::move(request));
  }
  if (!failed.empty()) FailAll(std::move(failed), paused);
  return kept;
}

void Committer::Process(std::vector<Request> requests) {
  if (const absl::Status why = stopped(); !why.ok()) return FailAll(std::move(requests), why);
  if (const absl::Status why = parts_.gate->BeforeCommit(); !why.ok()) {
    requests = KeepReserved(std::move(requests), why);
    if (requests.empty()) return;
  }
  if (requests.front().last.has_value()) return ProcessLast(std::move(requests.front()));
  const uint64_t start_us = parts_.clock->MonotonicMicros();
  const uint64_t first_index = parts_.writer->size();
  std::vector<RequestPlan> plans;
  absl::Status status = Plan(requests, plans);  // 1, the rest of it
  Committed committed;
  const bool has_entries = parts_.planner->entries() > 0;
  if (status.ok() && has_entries) {
    auto result = parts_.writer->Commit(parts_.planner->Take());  // 2-5
    status = result.status();
    if (result.ok()) committed = *std::move(result);
  }
  if (!status.ok()) {
    Latch(status);
    return FailAll(std::move(requests), stopped());
  }
  // 6 publish, then answer
  Acknowledgement acknowledgement;
  absl::Status indexed;
  std::vector<std::string> leaves;
  if (has_entries) {
    indexed = Publish(committed, acknowledgement);
    leaves = std::move(committed.leaves);
    if (indexed.ok()) indexed = parts_.planner->Committed();
  } else {
    acknowledgement.head = parts_.feed->head();
    acknowledgement.nodes =
        std::make_unique<NodeCache>(parts_.writer->tiles(), acknowledgement.head->head.size);
  }
  LedgerCounters done;
  bool idle = false;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].sign != nullptr) continue;
    Answer answer{std::move(requests[i].done), std::move(plans[i].refusal), {}};
    answer.entries = EntriesOf(plans[i], requests[i].events, first_index, leaves);
    for (const AppendedEntry& entry : answer.entries)
      ++(entry.repeated ? done.repeated : done.appended);
    if (requests[i].own.has_value()) done.appended -= answer.entries.size();  // no event
    done.conflicts += plans[i].conflicts;
    done.streams_over_cap += plans[i].over_cap;
    acknowledgement.answers.push_back(std::move(answer));
  }
  {
    MutexLock lock(mutex_);
    counters_.appended += done.appended;
    counters_.repeated += done.repeated;
    counters_.conflicts += done.conflicts;
    counters_.streams_over_cap += done.streams_over_cap;
    counters_.commits += has_entries ? 1 : 0;
    counters_.commit_micros += has_entries ? parts_.clock->MonotonicMicros() - start_us : 0;
    counters_.identity_memory_bytes = parts_.identities->MemoryBytes();
    idle = queue_.empty();
  }
  SignHeads(requests, acknowledgement);
  acknowledger_.Post(std::move(acknowledgement), idle);
  // The commit stands and was answered; only what follows it cannot be deduplicated any more.
  if (!indexed.ok()) Latch(indexed);
}

// 1 drop repeats, refuse conflicts
absl::Status Committer::Plan(std::vector<Request>& requests, std::vector<RequestPlan>& plans) {
  parts_.planner->Begin(parts_.writer->size());
  if (const auto step = parts_.gate->TakeClockStep(); step.has_value()) {
    RETURN_IF_ERROR(parts_.planner->AddOwn(ClockEntry(*step)).status());
  }
  for (Request& request : requests) {
    RequestPlan plan;
    if (request.own.has_value()) {
      ASSIGN_OR_RETURN(plan, parts_.planner->AddOwn(*std::move(request.own)));
    } else if (request.sign == nullptr) {
      ASSIGN_OR_RETURN(plan, parts_.planner->Add(request.events));
    }
    plans.push_back(std::move(plan));
  }
  return absl::OkStatus();
}

// 6 publish the head
absl::Status Committer::Publish(Committed& committed, Acknowledgement& acknowledgement) {
  // Before anybody can see the head, and before the ranges are saved as of a later one.
  for (size_t i = 0; i < committed.leaves.size(); ++i) {
    parts_.erasures->Committed(committed.first_index + i, committed.leaves[i]);
  }
  acknowledgement.head = std::make_shared<const PublishedHead>(
      PublishedHead{committed.head, std::move(committed.checkpoint)});
  acknowledgement.new_head = true;
  acknowledgement.nodes = std::move(committed.nodes);
  parts_.feed->Publish(acknowledgement.head);
  const uint64_t covered = parts_.identities->covered();
  if (covered == ranges_saved_at_) return absl::OkStatus();
  ranges_saved_at_ = covered;
  // As of the size before this commit: its own identities enter the table after this.
  const uint64_t size = committed.first_index;
  acknowledgement.afterwards = [this, size, ranges = parts_.streams->SaveRanges(size)]() mutable {
    parts_.save_ranges(size, std::move(ranges));
  };
  return absl::OkStatus();
}

// All who ask in one commit get one signature.
void Committer::SignHeads(std::vector<Request>& requests, Acknowledgement& acknowledgement) {
  absl::StatusOr<CoseHead> signed_head = absl::UnknownError("nobody asked");
  bool asked = false;
  for (Request& request : requests) {
    if (request.sign == nullptr) continue;
    if (!std::exchange(asked, true)) {
      absl::StatusOr<CoseReceipt> receipt = parts_.writer->SignCoseHead();
      if (receipt.ok()) {
        signed_head = CoseHead{parts_.feed->head(), *std::move(receipt)};
      } else {
        signed_head = receipt.status();
      }
    }
    acknowledgement.cose_heads.emplace_back(std::move(request.sign), signed_head);
  }
}

void Committer::FailAll(std::vector<Request> requests, const absl::Status& why) {
  Acknowledgement acknowledgement;
  for (Request& request : requests) {
    if (request.sign != nullptr) {
      acknowledgement.cose_heads.emplace_back(std::move(request.sign), why);
    } else {
      acknowledgement.answers.push_back({std::move(request.done), why, {}});
    }
  }
  acknowledger_.Post(std::move(acknowledgement), /*idle=*/false);
}

void Committer::Fail(const absl::Status& cause, bool sync_failed) {
  {
    MutexLock lock(mutex_);
    stopped_ = WithReason(
        absl::UnavailableError(absl::StrCat(
            "the ledger stopped writing until it is started again; whether the appends of its last "
            "commit are in the log is not known: ",
            cause.message())),
        kReasonStorageFailed);
  }
  if (sync_failed) parts_.on_sync_failure();
}

absl::Status Committer::stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

LedgerStatus Committer::status() {
  {
    MutexLock lock(mutex_);
    if (!stopped_.ok()) {
      const bool frozen = ReasonOf(stopped_).reason == kReasonLedgerFrozen;
      return {frozen ? LedgerState::kFrozen : LedgerState::kReadOnly,
              std::string(stopped_.message())};
    }
    if (draining_) return {LedgerState::kReadOnly, std::string(ShuttingDown().message())};
    if (!hold_.ok()) {
      const bool paused = absl::IsUnavailable(hold_);
      return {paused ? LedgerState::kPaused : LedgerState::kReadOnly, std::string(hold_.message())};
    }
  }
  const absl::Status paused = parts_.gate->Check();
  if (!paused.ok()) return {LedgerState::kPaused, std::string(paused.message())};
  return {};
}

LedgerCounters Committer::counters() const {
  MutexLock lock(mutex_);
  return counters_;
}

void Committer::Drain() {
  MutexLock one(drain_mutex_);
  {
    MutexLock lock(mutex_);
    draining_ = true;
    queued_.SignalAll();
  }
  if (!thread_.joinable()) return;
  thread_.join();
  acknowledger_.Stop();
  // A run that was not written is rebuilt from the log: nothing is lost by an error here.
  parts_.identities->Flush().IgnoreError();
}

}  // namespace auditledger
