#include "api/cosigner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/errors.h"
#include "ledger/posix_file.h"
#include "merkle/cosignature.h"
#include "merkle/evidence.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kCheckpointFile[] = "/checkpoint";
// Deadlines and the lag are looked at this often when nothing else happens.
constexpr std::chrono::milliseconds kTick{100};

uint64_t Micros(std::chrono::microseconds duration) {
  return static_cast<uint64_t>(duration.count());
}

absl::Status ShuttingDown() {
  return WithReason(absl::UnavailableError("the server is shutting down; the event is durable, "
                                           "send it again for a witnessed receipt"),
                    kReasonShuttingDown);
}

}  // namespace

Cosigner::Cosigner(CosignerParts parts)
    : parts_(std::move(parts)),
      keys_(parts_.policy->policy.WitnessKeys()),
      rounds_(*parts_.policy, Micros(parts_.options.interval), *parts_.random) {
  MutexLock lock(mutex_);
  confirmed_ = !parts_.ledger->held();
  if (!confirmed_) waits_reason_ = parts_.ledger->status().reason;
  for (const size_t i : parts_.policy->asked) {
    WitnessReport report;
    report.name = PrintablePolicyName(parts_.policy->policy.witnesses()[i].name);
    reports_.push_back(std::move(report));
  }
}

void Cosigner::Start() {
  const absl::Status stored = LoadStored();
  if (absl::IsFailedPrecondition(stored)) {
    parts_.log->Error("witnessed_head_contradicts",
                      {{"ledger", parts_.ledger_id}, {"why", std::string(stored.message())}});
    {
      MutexLock lock(mutex_);
      refused_ = true;
    }
    parts_.refuse(stored);
    return;
  }
  if (!stored.ok()) {
    parts_.log->Warning("witnessed_head_unusable",
                        {{"ledger", parts_.ledger_id}, {"why", std::string(stored.message())}});
  }
  listener_ = parts_.ledger->AddHeadListener([this](const HeadPtr& head) {
    MutexLock lock(mutex_);
    if (rounds_.Offer(head, parts_.clock->MonotonicMicros())) changed_.SignalAll();
  });
  threads_.emplace_back([this] { Run(); });
  for (size_t w = 0; w < parts_.policy->asked.size(); ++w) {
    threads_.emplace_back([this, w] { RunWitness(w); });
  }
}

void Cosigner::BeginStop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.SignalAll();
  news_.SignalAll();
}

bool Cosigner::stopping() const {
  MutexLock lock(mutex_);
  return stopping_;
}

void Cosigner::Stop() {
  if (threads_.empty()) return;
  parts_.ledger->RemoveHeadListener(listener_);
  BeginStop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

// What an earlier run had cosigned. FailedPrecondition: it is not a prefix of the log here.
absl::Status Cosigner::LoadStored() {
  RETURN_IF_ERROR(MakeDirectory(parts_.dir));
  const absl::StatusOr<std::string> note =
      ReadWholeFile(parts_.dir + kCheckpointFile, kMaxNoteBytes);
  if (absl::IsNotFound(note.status())) return absl::OkStatus();
  const absl::StatusOr<SignedCheckpoint> stored =
      note.ok() ? OpenOwnHead(*note, *parts_.ledger, *parts_.policy) : note.status();
  if (!stored.ok()) {
    MutexLock lock(mutex_);
    unknown_[""] = absl::StrCat(parts_.dir, kCheckpointFile, ": ", stored.status().message());
    return absl::DataLossError(stored.status().message());
  }
  const Checkpoint& checkpoint = stored->checkpoint;
  RETURN_IF_ERROR(parts_.ledger->CheckPrefix(checkpoint.size, checkpoint.root));
  // Under another policy than then it may not be enough.
  ASSIGN_OR_RETURN(const std::vector<Cosignature> by, VerifyCosignatures(*note, keys_));
  if (!parts_.policy->policy.CheckQuorum(CosigningKeys(by)).ok()) return absl::OkStatus();
  auto head = std::make_shared<PublishedHead>();
  head->head = {checkpoint.size, checkpoint.root, 0};
  head->checkpoint = *note;
  head->witnessed = true;
  MutexLock lock(mutex_);
  witnessed_ = head;
  rounds_.Restore(std::move(head));
  return absl::OkStatus();
}

HeadPtr Cosigner::witnessed() const {
  MutexLock lock(mutex_);
  return witnessed_;
}

void Cosigner::RunWitness(size_t w) {
  const std::unique_ptr<HttpTransport> http = parts_.transport();
  WitnessClient client(parts_.policy->policy.witnesses()[parts_.policy->asked[w]],
                       parts_.ledger->origin(), *http, *parts_.clock);
  // Also what a client asks between two requests of one answer: a stop ends it there.
  const ConsistencyProver prove = [this](uint64_t old_size,
                                         uint64_t new_size) -> absl::StatusOr<std::vector<Hash>> {
    if (stopping()) return ShuttingDown();
    return parts_.ledger->Consistency(old_size, new_size);
  };
  while (true) {
    std::optional<CosigningRounds::Ask> ask;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && !refused_) {
        const uint64_t now_us = parts_.clock->MonotonicMicros();
        const uint64_t round = rounds_.round();
        ask = rounds_.Take(w, now_us);
        if (rounds_.round() != round) changed_.SignalAll();  // it began a round
        if (ask.has_value()) break;
        changed_.WaitFor(mutex_, std::chrono::microseconds(rounds_.WaitMicros(w, now_us)));
      }
      if (!ask.has_value()) return;
    }
    const uint64_t start_us = parts_.clock->MonotonicMicros();
    const WitnessReply reply = client.Cosign(*ask->head, prove);
    const uint64_t now_us = parts_.clock->MonotonicMicros();
    if (stopping()) return;
    // Before it counts as asked: an operator's word for the start waits for all of them.
    Examine(client, reply);
    {
      MutexLock lock(mutex_);
      if (rounds_.Answer(w, *ask, reply, now_us)) {
        cosigned_changed_ = true;
      }
      if (reply.outcome == WitnessOutcome::kCosigned) unknown_.erase(reports_[w].name);
      Note(w, reply, now_us - start_us);
      news_.SignalAll();
      changed_.SignalAll();
    }
  }
}

void Cosigner::Note(size_t w, const WitnessReply& reply, uint64_t micros) {
  WitnessReport& report = reports_[w];
  report.size = reply.size;
  if (reply.forgot) {
    parts_.log->Error("witness_forgot",
                      {{"ledger", parts_.ledger_id},
                       {"witness", report.name},
                       {"why",
                        "it says it has cosigned less than it did: its state was reset, "
                        "and its word is worth no more than a new witness's"}});
  }
  const std::string outcome(WitnessOutcomeName(reply.outcome));
  if (reply.outcome == WitnessOutcome::kCosigned) {
    if (!report.failing.empty() || report.last_success_us == 0) {
      parts_.log->Event("witness_cosigns", {{"ledger", parts_.ledger_id},
                                            {"witness", report.name},
                                            {"size", absl::StrCat(reply.size)}});
    }
    report.last_success_us = parts_.clock->WallMicros();
    report.latency_us = micros;
    report.failing.clear();
    report.detail.clear();
    return;
  }
  ++report.failed[outcome];
  if (report.failing != outcome) {
    parts_.log->Warning("witness_fails", {{"ledger", parts_.ledger_id},
                                          {"witness", report.name},
                                          {"outcome", outcome},
                                          {"why", reply.detail}});
  }
  report.failing = outcome;
  report.detail = reply.detail;
}

// A witness that contradicts the ledger is asked for what it has: a head signed by the ledger's own
// key is proof, and its word alone is none.
void Cosigner::Examine(WitnessClient& client, const WitnessReply& reply) {
  const bool ahead =
      reply.outcome == WitnessOutcome::kAhead && reply.size > parts_.ledger->head()->head.size;
  if (!ahead && reply.outcome != WitnessOutcome::kForked) return;
  const std::string who = PrintablePolicyName(client.witness().name);
  const absl::StatusOr<std::string> note = client.LastCosigned();
  const absl::StatusOr<SignedCheckpoint> last =
      note.ok() ? OpenOwnHead(*note, *parts_.ledger, *parts_.policy) : note.status();
  if (note.ok() && absl::IsUnauthenticated(last.status())) {
    MutexLock lock(mutex_);
    unknown_[who] = absl::StrCat("what witness ", who, " has cosigned: ", last.status().message());
  }
  if (!last.ok()) return;  // reported as failing already, with what it says
  const absl::Status prefix =
      parts_.ledger->CheckPrefix(last->checkpoint.size, last->checkpoint.root);
  if (!absl::IsFailedPrecondition(prefix)) return;
  Contradicted(who, *last, prefix);
}

void Cosigner::Contradicted(absl::string_view who, const SignedCheckpoint& head,
                            const absl::Status& why) {
  {
    MutexLock lock(mutex_);
    if (refused_) return;
    refused_ = true;
    changed_.SignalAll();
    news_.SignalAll();
  }
  const HeadPtr ours = parts_.ledger->head();
  const bool one_size = ours->head.size == head.checkpoint.size;
  // Two heads of one size convict by themselves; else the head alone shows what was signed.
  std::string evidence = head.note;
  if (one_size) {
    Evidence fork;
    fork.first = head.note;
    fork.second = ours->checkpoint;
    evidence = FormatEvidence(fork);
  }
  const std::string path =
      absl::StrCat(parts_.dir, one_size ? "/fork-" : "/witnessed-", head.checkpoint.size);
  const absl::Status kept = ReplaceFile(path, evidence);
  const absl::Status refusal =
      absl::FailedPreconditionError(absl::StrCat(why.message(), " (shown by witness ", who, ")"));
  parts_.log->Error("witness_contradicts",
                    {{"ledger", parts_.ledger_id},
                     {"witness", std::string(who)},
                     {"size", absl::StrCat(head.checkpoint.size)},
                     {"evidence", kept.ok() ? path : std::string(kept.message())},
                     {"why", std::string(refusal.message())}});
  parts_.refuse(refusal);
}

void Cosigner::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!stopping_ && !cosigned_changed_) news_.WaitFor(mutex_, kTick);
      if (stopping_) break;
    }
    TakeCosigned();
    ConfirmStart();
    WatchLag();
    AnswerWaiters();
  }
  AnswerWaiters();
}

// Durable first: after a restart nobody was told of a witnessed head that is not known any more.
void Cosigner::TakeCosigned() {
  HeadPtr cosigned;
  {
    MutexLock lock(mutex_);
    if (!std::exchange(cosigned_changed_, false)) return;
    cosigned = rounds_.cosigned();
  }
  const absl::Status stored = ReplaceFile(parts_.dir + kCheckpointFile, cosigned->checkpoint);
  if (!stored.ok() && !store_failing_) {
    // Receipts carry their cosignatures: what is lost is this run's memory of the last of them.
    parts_.log->Error("witnessed_head_not_stored",
                      {{"ledger", parts_.ledger_id}, {"why", std::string(stored.message())}});
  }
  store_failing_ = !stored.ok();
  MutexLock lock(mutex_);
  witnessed_ = std::move(cosigned);
}

// Why nobody's word for this start counts but the quorum's; empty: nothing is against it.
std::string Cosigner::Objection() const {
  const Policy& policy = parts_.policy->policy;
  if (!unknown_.empty()) {
    return absl::StrCat(
        "a head of this log that was witnessed opens by no key that is known here (",
        unknown_.begin()->second,
        "): --accept_unwitnessed_start does not count against that. If the log's key was changed "
        "after this copy was made, add a line `log VKEY` with the newer key to the policy; if it "
        "is "
        "not this log's, take the file or the witness away");
  }
  const size_t against = rounds_.Contradicting();
  const int64_t f = std::max<int64_t>(0, policy.DishonestWitnessesSurvived());
  if (static_cast<int64_t>(against) <= f) return "";
  return absl::StrCat(against, " of ", parts_.policy->asked.size(),
                      " witnesses say that they have cosigned what the log here does not have, and "
                      "the policy survives ",
                      f,
                      " dishonest ones: --accept_unwitnessed_start does not count against that. "
                      "Restore a copy of the data folder that has what they cosigned");
}

void Cosigner::Wait(const std::string& objection) {
  if (objection == objection_) return;
  objection_ = objection;
  const std::string why =
      objection.empty() ? waits_reason_ : absl::StrCat(objection, "; ", waits_reason_);
  parts_.ledger->Hold(WithReason(absl::UnavailableError(why), kReasonLedgerPaused));
  if (objection.empty()) return;
  parts_.log->Error("start_contradicted", {{"ledger", parts_.ledger_id}, {"why", objection}});
}

void Cosigner::ConfirmStart() {
  std::optional<Head> vouched;
  std::string objection;
  bool waits = false;
  {
    MutexLock lock(mutex_);
    if (confirmed_ || refused_) return;
    if (!rounds_.met_once()) {
      // The operator's word counts when everybody was asked and too few answered.
      objection = Objection();
      if (objection.empty() && rounds_.EachTried()) vouched = parts_.vouched;
      waits = !vouched.has_value();
    }
  }
  if (waits) return Wait(objection);
  const absl::Status confirmed = parts_.ledger->Confirm(vouched);
  if (!confirmed.ok()) {
    const std::string why(confirmed.message());
    if (why != start_problem_) {
      parts_.log->Error("start_not_confirmed", {{"ledger", parts_.ledger_id}, {"why", why}});
    }
    start_problem_ = why;
    return;
  }
  parts_.log->Event("start_confirmed",
                    {{"ledger", parts_.ledger_id},
                     {"by", vouched.has_value() ? "--accept_unwitnessed_start" : "the quorum"},
                     {"size", absl::StrCat(parts_.ledger->head()->head.size)}});
  MutexLock lock(mutex_);
  confirmed_ = true;
}

void Cosigner::WatchLag() {
  MutexLock lock(mutex_);  // a refusal, which holds too, comes before or after
  if (!confirmed_ || refused_) return;
  const uint64_t entries = rounds_.LagEntries();
  const uint64_t lag_us = rounds_.LagMicros(parts_.clock->MonotonicMicros());
  const bool over =
      entries > parts_.options.max_lag_entries || lag_us > Micros(parts_.options.max_lag);
  if (over == lagging_) return;
  lagging_ = over;
  if (!over) {
    parts_.ledger->Hold(absl::OkStatus());
    parts_.log->Event("unwitnessed_lag_over", {{"ledger", parts_.ledger_id}});
    return;
  }
  const absl::Status why =
      WithReason(absl::UnavailableError(absl::StrCat(
                     "unwitnessed lag of ", entries, " entries and ", lag_us / 1'000'000,
                     " s is over the bound of ", parts_.options.max_lag_entries, " entries or ",
                     parts_.options.max_lag.count(),
                     " s: too few witnesses answer; appends resume when they do")),
                 kReasonLedgerPaused);
  parts_.ledger->Hold(why);
  parts_.log->Error("unwitnessed_lag",
                    {{"ledger", parts_.ledger_id}, {"why", std::string(why.message())}});
}

void Cosigner::WhenWitnessed(std::vector<uint64_t> indices, size_t bytes, WitnessedCallback done) {
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    if (stopping_ || threads_.empty()) {
      refused = ShuttingDown();
    } else if (waiting_entries_ + indices.size() > kMaxWaitingEntries ||
               waiting_bytes_ + bytes > kMaxWaitingBytes) {
      refused = WithReason(
          absl::ResourceExhaustedError(absl::StrCat(waiting_entries_, " entries (", waiting_bytes_,
                                                    " bytes) wait for witnesses already; the event "
                                                    "is durable, send it again for a witnessed "
                                                    "receipt")),
          kReasonOverloaded, {{"retry_after_ms", absl::StrCat(kWitnessedRetryMs)}});
    } else {
      Waiter waiter;
      waiter.size = *std::max_element(indices.begin(), indices.end()) + 1;
      waiter.deadline_us = parts_.clock->MonotonicMicros() + Micros(parts_.options.ack_timeout);
      waiter.indices = std::move(indices);
      waiter.done = std::move(done);
      waiter.bytes = bytes;
      waiting_entries_ += waiter.indices.size();
      waiting_bytes_ += bytes;
      if (witnessed_ != nullptr && waiter.size <= witnessed_->head.size) news_.SignalAll();
      waiters_.push_back(std::move(waiter));
      return;
    }
  }
  done(std::move(refused));
}

absl::Status Cosigner::ExpiredError(const Waiter& waiter) const {
  const uint64_t first = *std::min_element(waiter.indices.begin(), waiter.indices.end());
  const std::string where = waiter.indices.size() == 1
                                ? absl::StrCat("the event is durable at index ", first)
                                : absl::StrCat("the events are durable from index ", first, " on");
  return WithReason(
      absl::UnavailableError(
          absl::StrCat(where, ", but too few witnesses have cosigned a head that covers it within ",
                       parts_.options.ack_timeout.count(),
                       " ms: send the same again for a witnessed receipt, or ask for DURABLE")),
      kReasonWitnessesUnavailable,
      {{"index", absl::StrCat(first)}, {"retry_after_ms", absl::StrCat(kWitnessedRetryMs)}});
}

void Cosigner::AnswerWaiters() {
  std::vector<Waiter> due;
  std::vector<std::pair<Waiter, absl::Status>> failed;
  HeadPtr head;
  {
    MutexLock lock(mutex_);
    head = witnessed_;
    const uint64_t size = head == nullptr ? 0 : head->head.size;
    const uint64_t now_us = parts_.clock->MonotonicMicros();
    std::vector<Waiter> left;
    for (Waiter& waiter : waiters_) {
      if (waiter.size <= size) {
        due.push_back(std::move(waiter));
      } else if (stopping_) {
        failed.emplace_back(std::move(waiter), ShuttingDown());
      } else if (now_us >= waiter.deadline_us) {
        absl::Status why = ExpiredError(waiter);
        failed.emplace_back(std::move(waiter), std::move(why));
      } else {
        left.push_back(std::move(waiter));
      }
    }
    waiters_ = std::move(left);
    waiting_entries_ = 0;
    waiting_bytes_ = 0;
    for (const Waiter& waiter : waiters_) {
      waiting_entries_ += waiter.indices.size();
      waiting_bytes_ += waiter.bytes;
    }
  }
  for (auto& [waiter, why] : failed) waiter.done(std::move(why));
  if (due.empty()) return;
  std::vector<uint64_t> indices;
  for (const Waiter& waiter : due) {
    indices.insert(indices.end(), waiter.indices.begin(), waiter.indices.end());
  }
  auto proofs = parts_.ledger->Inclusions(indices, head->head.size);
  size_t next = 0;
  for (Waiter& waiter : due) {
    if (!proofs.ok()) {
      waiter.done(proofs.status());
      continue;
    }
    WitnessedEntries entries{head, {}};
    for (size_t i = 0; i < waiter.indices.size(); ++i) {
      entries.inclusion.push_back(std::move((*proofs)[next++]));
    }
    waiter.done(std::move(entries));
  }
}

CosignerReport Cosigner::Report() const {
  CosignerReport report;
  const Policy& policy = parts_.policy->policy;
  report.f = policy.DishonestWitnessesSurvived();
  report.policy = policy.ExplainSurvived();
  MutexLock lock(mutex_);
  const uint64_t now_us = parts_.clock->MonotonicMicros();
  report.witnessed_size = witnessed_ == nullptr ? 0 : witnessed_->head.size;
  report.lag_entries = rounds_.LagEntries();
  report.lag_us = rounds_.LagMicros(now_us);
  report.away_us = rounds_.AwayMicros(now_us);
  report.confirmed = confirmed_;
  report.alarm = !confirmed_ || report.away_us > Micros(parts_.options.alarm_after);
  report.witnesses = reports_;
  return report;
}

}  // namespace auditledger
