#include "api/call_tracker.h"

#include "api/status.h"
#include "ledger/errors.h"

namespace auditledger {

bool CallTracker::Enter() {
  MutexLock lock(mutex_);
  if (draining_) return false;
  ++in_flight_;
  return true;
}

void CallTracker::Leave() {
  MutexLock lock(mutex_);
  if (--in_flight_ == 0 && draining_) idle_.Notify();
}

void CallTracker::AddUnary(std::weak_ptr<TrackedCall> call, uint64_t deadline_us) {
  MutexLock lock(mutex_);
  // Finished calls at the front go at once, so that the queue holds little more than what is in
  // flight.
  while (!unary_.empty() && unary_.front().second.expired()) unary_.pop_front();
  unary_.emplace_back(deadline_us, std::move(call));
}

void CallTracker::AddStream(const TrackedCall* key, std::weak_ptr<TrackedCall> call) {
  bool draining = false;
  std::shared_ptr<TrackedCall> strong = call.lock();
  {
    MutexLock lock(mutex_);
    streams_[key] = std::move(call);
    draining = draining_;
  }
  if (draining && strong != nullptr) strong->BeginDrain();
}

void CallTracker::RemoveStream(const TrackedCall* key) {
  MutexLock lock(mutex_);
  streams_.erase(key);
}

std::vector<std::shared_ptr<TrackedCall>> CallTracker::Streams() const {
  std::vector<std::shared_ptr<TrackedCall>> out;
  MutexLock lock(mutex_);
  for (const auto& [key, weak] : streams_) {
    if (std::shared_ptr<TrackedCall> call = weak.lock()) out.push_back(std::move(call));
  }
  return out;
}

void CallTracker::Tick(uint64_t now_us) {
  std::vector<std::shared_ptr<TrackedCall>> late;
  {
    MutexLock lock(mutex_);
    while (!unary_.empty() && unary_.front().first <= now_us) {
      if (std::shared_ptr<TrackedCall> call = unary_.front().second.lock())
        late.push_back(std::move(call));
      unary_.pop_front();
    }
  }
  const absl::Status why =
      WithReason(absl::DeadlineExceededError(
                     "the server's own deadline passed; a write may still happen: send it again"),
                 kReasonDeadline);
  for (const auto& call : late) call->Abort(why);
  for (const auto& call : Streams()) call->Tick();
}

void CallTracker::BeginDrain() {
  {
    MutexLock lock(mutex_);
    draining_ = true;
    if (in_flight_ == 0) idle_.Notify();
  }
  for (const auto& call : Streams()) call->BeginDrain();
}

bool CallTracker::draining() const {
  MutexLock lock(mutex_);
  return draining_;
}

size_t CallTracker::in_flight() const {
  MutexLock lock(mutex_);
  return in_flight_;
}

void CallTracker::AbortAll(const absl::Status& why) {
  std::vector<std::shared_ptr<TrackedCall>> calls = Streams();
  {
    MutexLock lock(mutex_);
    for (const auto& [deadline, weak] : unary_) {
      if (std::shared_ptr<TrackedCall> call = weak.lock()) calls.push_back(std::move(call));
    }
    unary_.clear();
  }
  for (const auto& call : calls) call->Abort(why);
}

}  // namespace auditledger
