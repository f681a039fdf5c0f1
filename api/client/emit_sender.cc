#include "api/client/emit_sender.h"

#include <algorithm>
#include <utility>

#include "api/client/rpc_error.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

// api/status.h, which an emitter does not link.
constexpr const char* kRefusals[] = {"MALFORMED_EVENT", "EVENT_TOO_LARGE", "EVENT_ID_CONFLICT"};
constexpr char kAhead[] = "EVENT_AHEAD";
constexpr char kErased[] = "EVENT_ERASED";
constexpr int64_t kMaxAheadSeconds = 24 * 3600;  // api/limits.h

bool IsFinal(const absl::Status& status) {
  const std::string reason = ErrorReason(status);
  return std::any_of(std::begin(kRefusals), std::end(kRefusals),
                     [&](const char* one) { return reason == one; });
}

bool IsErased(const absl::Status& status) { return ErrorReason(status) == kErased; }

// What the checks of this side say; the server's words come with a reason.
bool IsNotProven(const absl::Status& status) {
  if (!ErrorReason(status).empty()) return false;
  return absl::IsDataLoss(status) || absl::IsInvalidArgument(status) ||
         absl::IsFailedPrecondition(status) || absl::IsUnauthenticated(status);
}

uint64_t SeedOf(const SpoolWorld& world) {
  uint64_t seed = 0;
  for (const char c : world.random_bytes(sizeof(seed))) seed = seed << 8 | static_cast<uint8_t>(c);
  return seed;
}

}  // namespace

EmitSender::EmitSender(Spool& spool, SettledStore& store, EmitterTransport& transport,
                       EmitSenderOptions options)
    : spool_(spool),
      store_(store),
      transport_(transport),
      options_(std::move(options)),
      random_(SeedOf(spool.world())) {}

SenderCounters EmitSender::counters() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counters_;
}

std::chrono::microseconds EmitSender::BackOff(const absl::Status& status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  counters_.last_error = status;
  if (status.ok()) {
    failed_ = 0;
    return std::chrono::microseconds(0);
  }
  ++counters_.retries;
  return RetryDelay(options_.backoff, ++failed_, status, random_);
}

absl::Status EmitSender::stopped() const {
  RETURN_IF_ERROR(spool_.status());
  return store_.status();
}

EmitSender::Round EmitSender::Step() {
  Round round;
  absl::Status ready = spool_.Sync();
  const auto batch = spool_.Next(alone_ > 0 ? 1 : options_.batch_events, options_.batch_bytes);
  ready.Update(batch.status());
  round.stopped = stopped();
  if (!round.stopped.ok()) return round;
  if (!ready.ok()) {
    round.wait = BackOff(ready);
    return round;
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    counters_.oldest_unsent_us = batch->empty() ? 0 : batch->front().spooled_at_us;
  }
  absl::Status looked = LookForWitnesses();
  if (batch->empty()) {
    round.idle = true;
    const absl::Status noted = spool_.NoteState();
    if (!noted.ok()) looked.Update(noted);
    round.wait = store_.receipts() > 0 ? std::chrono::microseconds(options_.witness_interval)
                                       : std::chrono::microseconds::max();
    if (!looked.ok()) round.wait = std::max<std::chrono::microseconds>(round.wait, BackOff(looked));
  } else {
    round.wait = BackOff(SendBatch(*batch));
  }
  round.stopped = stopped();
  return round;
}

absl::Status EmitSender::SendBatch(const std::vector<SpooledEvent>& batch) {
  std::vector<v1::AuditEvent> events;
  events.reserve(batch.size());
  for (const SpooledEvent& spooled : batch) events.push_back(spooled.event);
  std::vector<Result> results(batch.size());
  absl::Status sent =
      transport_.Send(events, [&](size_t position, const absl::StatusOr<v1::Receipt>& result) {
        results[position] = result;
      });
  if (IsFinal(sent) && !results.front().has_value()) {
    if (batch.size() == 1) {
      results.front() = std::exchange(sent, absl::OkStatus());
    } else {
      alone_ = batch.size();
    }
  }
  const auto head = FollowAll(results);
  if (!head.ok()) {
    Note(head.status());
    return head.status();
  }
  const absl::Status settled = Settle(batch, results, *head);
  return settled.ok() ? sent : settled;
}

bool EmitSender::IsRefusal(const SpooledEvent& spooled, const absl::Status& status) const {
  if (ErrorReason(status) != kAhead) return IsFinal(status);
  const auto now = static_cast<int64_t>(spool_.world().wall_us() / 1'000'000);
  return spooled.event.recorded().at().seconds() > now + kMaxAheadSeconds;
}

void EmitSender::Note(const absl::Status& status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  counters_.not_proven += IsNotProven(status) ? 1 : 0;
}

absl::StatusOr<std::string> EmitSender::FollowAll(const std::vector<Result>& results) {
  std::string head = spool_.head();
  std::string last;
  for (const Result& result : results) {
    if (!result.has_value() || !result->ok()) continue;
    const std::string& note = (*result)->checkpoint().note();
    if (note == last) continue;
    ASSIGN_OR_RETURN(head, transport_.Follow(head, note));
    last = note;
  }
  return head;
}

absl::Status EmitSender::SettleOne(const SpooledEvent& spooled,
                                   const absl::StatusOr<v1::Receipt>& result) {
  if (result.ok()) return store_.Keep(spooled.event, *result);
  if (IsErased(result.status())) return store_.NoteErased(spooled.event, result.status());
  if (IsRefusal(spooled, result.status())) return store_.Refuse(spooled.event, result.status());
  Note(result.status());
  return result.status();
}

absl::Status EmitSender::Settle(const std::vector<SpooledEvent>& batch,
                                const std::vector<Result>& results, const std::string& head) {
  size_t settled = 0;
  absl::Status status;
  while (settled < batch.size() && results[settled].has_value()) {
    status = SettleOne(batch[settled], *results[settled]);
    if (!status.ok()) break;
    ++settled;
  }
  if (settled == 0) return status;
  alone_ -= std::min(alone_, settled);
  RETURN_IF_ERROR(store_.Sync());
  for (size_t i = 0; i < settled; ++i) Tell(batch[i], *results[i]);
  RETURN_IF_ERROR(spool_.Acknowledge(batch[settled - 1].sequence, head));
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    // Of what lies behind this batch the next round tells.
    counters_.oldest_unsent_us = settled < batch.size() ? batch[settled].spooled_at_us : 0;
  }
  failed_ = 0;  // it goes on: the next wait is short again
  return status;
}

void EmitSender::Tell(const SpooledEvent& spooled, const absl::StatusOr<v1::Receipt>& result) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++counters_.settled;
    if (result.ok()) {
      ++counters_.receipts;
      counters_.repeated += result->repeated_event() ? 1 : 0;
    } else {
      ++(IsErased(result.status()) ? counters_.erased : counters_.refused);
    }
  }
  if (result.ok() && options_.on_receipt) options_.on_receipt(spooled, *result);
  if (!result.ok() && options_.on_refused) options_.on_refused(spooled, result.status());
}

absl::Status EmitSender::LookForWitnesses() {
  const uint64_t now = spool_.world().monotonic_us();
  if (store_.receipts() == 0 || now < next_look_us_) return absl::OkStatus();
  next_look_us_ =
      now + static_cast<uint64_t>(std::chrono::microseconds(options_.witness_interval).count());
  ASSIGN_OR_RETURN(const WitnessedHead witnessed, transport_.Witnessed());
  const auto head = transport_.Follow(spool_.head(), witnessed.note);
  if (!head.ok()) {
    Note(head.status());
    return head.status();
  }
  RETURN_IF_ERROR(store_.Witnessed(witnessed.size));
  return spool_.Acknowledge(spool_.acknowledged(), *head);
}

}  // namespace auditledger
