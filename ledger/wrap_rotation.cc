#include "ledger/wrap_rotation.h"

#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ledger/posix_file.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr char kFile[] = "/wrap-rotation";
constexpr absl::string_view kTitle = "auditledger-wrap-rotation/v1 ";
constexpr absl::string_view kKeep = "keep ";
constexpr absl::string_view kDestroy = "destroy ";
constexpr size_t kMaxFileBytes = 64;
// Between two segments: commits must not wait for the disk behind a rotation.
constexpr std::chrono::milliseconds kPause{250};
// After an error: a full disk takes a while.
constexpr std::chrono::seconds kPauseAfterError{60};

uint64_t SegmentsOf(uint64_t size) {
  return (size + kSeedSlotsPerSegment - 1) / kSeedSlotsPerSegment;
}

}  // namespace

std::string FormatWrapRotation(const WrapRotationPlan& plan) {
  return absl::StrCat(kTitle, plan.old_key == OldKey::kKeep ? kKeep : kDestroy, plan.new_id, "\n");
}

absl::StatusOr<WrapRotationPlan> ParseWrapRotation(absl::string_view text) {
  const absl::Status bad =
      absl::DataLossError("not \"auditledger-wrap-rotation/v1 keep|destroy N\"");
  absl::string_view rest = text;
  if (!absl::ConsumePrefix(&rest, kTitle) || !absl::ConsumeSuffix(&rest, "\n")) return bad;
  WrapRotationPlan plan;
  if (absl::ConsumePrefix(&rest, kDestroy)) {
    plan.old_key = OldKey::kDestroy;
  } else if (!absl::ConsumePrefix(&rest, kKeep)) {
    return bad;
  }
  uint32_t id = 0;
  if (!absl::SimpleAtoi(rest, &id) || id > UINT16_MAX) return bad;
  plan.new_id = static_cast<uint16_t>(id);
  // One text for one plan: no sign, space or leading zero.
  return FormatWrapRotation(plan) == text ? absl::StatusOr<WrapRotationPlan>(plan) : bad;
}

WrapRotation::~WrapRotation() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

absl::Status WrapRotation::Load() {
  const std::string path = parts_.key_dir + kFile;
  const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxFileBytes);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  RETURN_IF_ERROR(text.status());
  const absl::StatusOr<WrapRotationPlan> plan = ParseWrapRotation(*text);
  if (!plan.ok()) {
    return absl::DataLossError(absl::StrCat(path, ": ", plan.status().message()));
  }
  if (plan->new_id != parts_.keys->current_key_id()) {
    return absl::DataLossError(absl::StrCat(path, ": wrapping key ", plan->new_id,
                                            " was to follow, and the newest here is ",
                                            parts_.keys->current_key_id()));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  plan_ = *plan;
  return absl::OkStatus();
}

absl::StatusOr<uint16_t> WrapRotation::Begin(OldKey old_key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (plan_.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the rotation to wrapping key ", plan_->new_id, " is under way: wait until it is done"));
  }
  ASSIGN_OR_RETURN(AddedWrappingKey added,
                   AddWrappingKey(parts_.key_dir, parts_.origin, *parts_.random, parts_.master));
  const WrapRotationPlan plan{old_key, added.id};
  RETURN_IF_ERROR(ReplaceFile(parts_.key_dir + kFile, FormatWrapRotation(plan), 0600));
  parts_.keys->TakeOver(std::move(added));
  Log(absl::StrCat("rotate begun to=wrap-", plan.new_id,
                   " old=", old_key == OldKey::kKeep ? "keep" : "destroy"));
  plan_ = plan;
  done_ = 0;
  changed_.notify_all();
  return plan.new_id;
}

absl::StatusOr<bool> WrapRotation::Step() {
  std::optional<WrapRotationPlan> plan;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    plan = plan_;
  }
  if (!plan.has_value()) return false;
  const uint64_t needed = SegmentsOf(parts_.size());
  const absl::StatusOr<uint64_t> count = parts_.seeds->Rewrap(next_);
  if (count.ok()) {
    rewrapped_ += *count;
    ++next_;
  } else if (!absl::IsNotFound(count.status())) {
    return count.status();
  } else if (next_ < needed) {
    return absl::DataLossError(
        absl::StrCat("segment ", next_, " of the secrets is missing: is seed_dir mounted?"));
  } else {
    // The pass that ends here was of this key alone, or one more is to see that.
    const bool is_done = rewrapped_ == 0;
    next_ = 0;
    rewrapped_ = 0;
    if (is_done) RETURN_IF_ERROR(Finish(*plan));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  done_ = next_;
  return plan_.has_value();
}

absl::Status WrapRotation::Finish(const WrapRotationPlan& plan) {
  RETURN_IF_ERROR(RetireWrappingKeys(parts_.key_dir, plan.new_id, plan.old_key == OldKey::kKeep));
  RETURN_IF_ERROR(RemoveFile(parts_.key_dir + kFile));
  RETURN_IF_ERROR(SyncDirectory(parts_.key_dir));
  parts_.keys->DropBelow(plan.new_id);
  Log(absl::StrCat("rotate done to=wrap-", plan.new_id));
  const std::lock_guard<std::mutex> lock(mutex_);
  plan_.reset();
  return absl::OkStatus();
}

void WrapRotation::Log(const std::string& what) {
  if (parts_.log != nullptr) parts_.log->Add(what);
}

void WrapRotation::Start() {
  thread_ = std::thread([this] { Run(); });
}

void WrapRotation::Run() {
  while (true) {
    const absl::StatusOr<bool> more = Step();
    if (parts_.log != nullptr) parts_.log->CountIfDue();
    std::unique_lock<std::mutex> lock(mutex_);
    problem_ = more.ok() ? "" : std::string(more.status().message());
    const auto is_stopping = [this] { return stopping_; };
    if (!more.ok()) {
      changed_.wait_for(lock, kPauseAfterError, is_stopping);
    } else if (*more) {
      changed_.wait_for(lock, kPause, is_stopping);
    } else {
      changed_.wait_for(lock, kKeyUseInterval, [this] { return stopping_ || plan_.has_value(); });
    }
    if (stopping_) return;
  }
}

WrapRotationState WrapRotation::state() const {
  WrapRotationState out;
  out.key_id = parts_.keys->current_key_id();
  out.segments = SegmentsOf(parts_.size());
  const std::lock_guard<std::mutex> lock(mutex_);
  out.is_running = plan_.has_value();
  out.segments_done = done_;
  out.problem = problem_;
  return out;
}

}  // namespace auditledger
