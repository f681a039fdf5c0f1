#include "api/client/emitter.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// How often a thread with nothing to do looks whether a heartbeat is due.
constexpr std::chrono::milliseconds kTick{200};

absl::Status Missing(const char* field) {
  return absl::InvalidArgumentError(absl::StrCat("event.", field, ": is required and missing"));
}

// What the ledger would refuse for certain (api/event_rules.h); the rest it says itself.
absl::Status CheckRequired(const v1::AuditEvent& event) {
  if (event.schema_version() != 1) {
    return absl::InvalidArgumentError("event.schema_version: must be 1");
  }
  if (!event.recorded().has_at()) return Missing("recorded.at");
  if (event.outcome().indicator() == v1::Outcome::INDICATOR_UNSPECIFIED) {
    return Missing("outcome.indicator");
  }
  if (event.agent_size() == 0) return Missing("agent");
  if (event.source().observer().ByteSizeLong() == 0) return Missing("source.observer");
  return absl::OkStatus();
}

void FillIn(const v1::Source& source, uint64_t now_us, v1::AuditEvent& event) {
  if (event.schema_version() == 0) event.set_schema_version(1);
  if (!event.has_recorded()) SetEventTime(now_us, *event.mutable_recorded());
  if (!event.source().has_observer()) event.mutable_source()->MergeFrom(source);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Emitter>> Emitter::Start(
    EmitterOptions options, SpoolKey key, std::unique_ptr<EmitterTransport> transport) {
  if (options.source.observer().ByteSizeLong() == 0) {
    return absl::InvalidArgumentError("source.observer: is missing");
  }
  const absl::Status travels = CheckTravels(HeartbeatEvent(options.source, 0));
  if (!travels.ok()) return absl::InvalidArgumentError(absl::StrCat("source: ", travels.message()));
  std::unique_ptr<Emitter> emitter(new Emitter(std::move(options), std::move(transport)));
  RETURN_IF_ERROR(emitter->Open(std::move(key)));
  emitter->DeclareStart();
  emitter->thread_ = std::thread([raw = emitter.get()] { raw->Run(); });
  return emitter;
}

Emitter::Emitter(EmitterOptions options, std::unique_ptr<EmitterTransport> transport)
    : options_(std::move(options)), transport_(std::move(transport)) {}

Emitter::~Emitter() { Stop(); }

void Emitter::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

absl::Status Emitter::Open(SpoolKey key) {
  ASSIGN_OR_RETURN(spool_,
                   Spool::Open(options_.world, std::make_shared<const SpoolKey>(std::move(key)),
                               options_.spool));
  ASSIGN_OR_RETURN(store_, SettledStore::Open(*spool_, options_.keep));
  sender_ = std::make_unique<EmitSender>(*spool_, *store_, *transport_, options_.send);
  last_emit_us_ = options_.world.monotonic_us();
  return absl::OkStatus();
}

void Emitter::DeclareStart() {
  const uint64_t now = options_.world.wall_us();
  if (spool_->torn_bytes() > 0) {
    // Nobody was told that these were durable, but with kGroups that they were taken.
    missed_ = {now, now, 1,
               absl::StrCat("the machine stopped while ", spool_->torn_bytes(),
                            " bytes of events were being written")};
  }
  DeclareMissed();
  if (!options_.declare_recording) return;
  const auto started = Append(RecordingStartedEvent(options_.source, now), false);
  if (!started.ok()) NoteMissed(started.status());  // a full spool must be drained first
}

absl::StatusOr<Emitted> Emitter::Append(const v1::AuditEvent& event, bool may_block) {
  const uint64_t begin = options_.world.monotonic_us();
  const auto limit = static_cast<uint64_t>(std::chrono::microseconds(options_.block_for).count());
  while (true) {
    const uint64_t seen = spool_->settlings();
    auto emitted = spool_->Append(event);
    if (emitted.ok()) {
      Wake();
      return emitted;
    }
    const uint64_t waited = options_.world.monotonic_us() - begin;
    if (!may_block || !absl::IsResourceExhausted(emitted.status()) || waited >= limit) {
      return emitted;
    }
    spool_->WaitForRoom(seen, std::chrono::microseconds(limit - waited));
  }
}

void Emitter::Wake() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++emitted_;
    last_emit_us_ = options_.world.monotonic_us();
    if (appended_) return;
    appended_ = true;
  }
  wake_.notify_one();
}

absl::StatusOr<Emitted> Emitter::Emit(v1::AuditEvent event) {
  FillIn(options_.source, options_.world.wall_us(), event);
  absl::Status status = CheckRequired(event);
  if (status.ok()) {
    DeclareMissed();
    auto emitted = Append(event, options_.when_full == WhenFull::kBlock);
    if (emitted.ok()) return emitted;
    status = emitted.status();
  }
  NoteMissed(status);
  return status;
}

absl::StatusOr<Emitted> Emitter::DeclareOutage(const EmitterOutage& outage) {
  return Append(OutageEvent(options_.source, options_.world.wall_us(), outage),
                options_.when_full == WhenFull::kBlock);
}

void Emitter::NoteMissed(const absl::Status& status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++not_taken_;
  if (absl::IsInvalidArgument(status)) return;  // the caller's, who has it still
  const uint64_t now = options_.world.wall_us();
  if (missed_.events++ == 0) missed_.from_us = now;
  missed_.to_us = now;
  missed_.reason = std::string(status.message());
}

bool Emitter::Misses() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return missed_.events > 0;
}

void Emitter::DeclareMissed() {
  if (!Misses()) return;
  const std::lock_guard<std::mutex> declaring(declare_mutex_);
  EmitterOutage missed;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    missed = missed_;
  }
  if (missed.events == 0) return;  // another thread did
  if (!Append(OutageEvent(options_.source, options_.world.wall_us(), missed), false).ok()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  missed_.events -= missed.events;
  missed_.from_us = missed.to_us;
}

void Emitter::Beat() {
  const auto every = static_cast<uint64_t>(std::chrono::microseconds(options_.heartbeat).count());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (every == 0 || options_.world.monotonic_us() - last_emit_us_ < every) return;
  }
  // One that does not fit is no loss: what fills the spool says more.
  Append(HeartbeatEvent(options_.source, options_.world.wall_us()), false).IgnoreError();
}

void Emitter::Run() {
  while (true) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stop_) break;
      appended_ = hurry_ = false;
    }
    const uint64_t settled = spool_->settlings();
    const EmitSender::Round round = sender_->Step();
    // There may be room now, of the spool or of the disk.
    if (round.idle || spool_->settlings() != settled) DeclareMissed();
    { const std::lock_guard<std::mutex> lock(mutex_); }  // Drain is not between look and wait
    moved_.notify_all();
    if (!round.stopped.ok()) break;
    if (round.idle) Beat();
    std::unique_lock<std::mutex> lock(mutex_);
    const auto wait =
        round.idle ? std::min<std::chrono::microseconds>(round.wait, kTick) : round.wait;
    wake_.wait_for(lock, wait, [&] { return stop_ || hurry_ || (round.idle && appended_); });
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
  }
  moved_.notify_all();
}

absl::Status Emitter::Drain(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    hurry_ = true;
  }
  wake_.notify_one();
  bool stop_told = !options_.declare_recording;
  while (true) {
    DeclareMissed();
    if (!stop_told && !Misses()) {
      const auto stopped = RecordingStoppedEvent(options_.source, options_.world.wall_us());
      stop_told = Append(stopped, false).ok();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    const bool told = stop_told && missed_.events == 0;
    // What has no room yet is tried again.
    const auto next = told ? until : std::min(until, std::chrono::steady_clock::now() + kTick);
    const bool ended =
        moved_.wait_until(lock, next, [&] { return ended_ || (told && spool_->depth() == 0); });
    if (ended || next == until) return Left(told);
  }
}

absl::Status Emitter::Left(bool told) const {
  const uint64_t left = spool_->depth();
  if (left == 0 && told) return absl::OkStatus();
  RETURN_IF_ERROR(sender_->stopped());
  const absl::Status last = sender_->counters().last_error;
  return absl::DeadlineExceededError(absl::StrCat(
      left, " events wait in ", options_.spool.folder, " and are sent after the next start",
      last.ok() ? "" : "; last: ", last.message(),
      told ? "" : "; there was no room to declare what is missing"));
}

EmitterCounters Emitter::counters() const {
  EmitterCounters out;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    out.emitted = emitted_;
    out.not_taken = not_taken_;
  }
  out.sender = sender_->counters();
  out.spool_events = spool_->depth();
  out.spool_bytes = spool_->bytes();
  const uint64_t now = options_.world.wall_us();
  if (out.sender.oldest_unsent_us > 0 && now > out.sender.oldest_unsent_us) {
    out.oldest_unsent_age_us = now - out.sender.oldest_unsent_us;
  }
  out.receipts_kept = store_->receipts();
  out.refused_kept = store_->refused();
  out.spool = sender_->stopped();
  return out;
}

}  // namespace auditledger
