#include "ledger/background_check.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "merkle/tile.h"

namespace auditledger {
namespace {

LogCheckOptions OptionsFor(PayloadCheck& payloads) {
  LogCheckOptions options;
  options.keep_payloads = true;
  options.is_stopped = false;
  options.step_entries = kTileWidth;
  options.on_entry = [&payloads](const CheckedEntry& entry) { payloads.Check(entry); };
  return options;
}

// Of this process, which share its rate.
std::atomic<uint64_t> running_checks{0};

}  // namespace

BackgroundCheck::Round::Round(const BackgroundCheckParts& parts, const Head& signed_head)
    : head(signed_head),
      payloads(parts.origin, *parts.keys, *parts.engine, *parts.seeds, parts.max_conflicts,
               findings, parts.erasures),
      log(*parts.engine, head, OptionsFor(payloads), findings) {}

BackgroundCheck::~BackgroundCheck() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  --running_checks;
}

uint64_t BackgroundCheck::Step() {
  if (round_ == nullptr) round_ = std::make_unique<Round>(parts_, parts_.signed_head());
  const uint64_t before = round_->log.next();
  if (before < round_->head.size) {
    round_->log.Step();
    Publish(round_->log.next() - before, false);
    return round_->log.next() - before;
  }
  round_->log.Finish();
  round_->payloads.Finish();
  const absl::Status indexes = parts_.verify_indexes();
  if (!indexes.ok()) round_->findings.Add(FindingPart::kIdentityRun, indexes.message());
  Publish(0, true);
  round_.reset();
  return 0;
}

void BackgroundCheck::Publish(uint64_t checked, bool ended) {
  const Findings& now = round_->findings;
  const std::string first = now.kept().empty() ? "" : now.kept().front().what;
  if (ended) {
    last_findings_ = now.total();
    last_first_ = first;
  }
  const bool last_counts = last_findings_ > now.total();
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.checked_entries += checked;
  state_.rounds += ended ? 1 : 0;
  state_.findings = last_counts ? last_findings_ : now.total();
  state_.first_finding = last_counts ? last_first_ : first;
}

BackgroundCheckState BackgroundCheck::state() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return state_;
}

void BackgroundCheck::Start(uint64_t entries_per_second) {
  ++running_checks;
  thread_ = std::thread([this, entries_per_second] { Run(entries_per_second); });
}

void BackgroundCheck::Run(uint64_t entries_per_second) {
  // A round of a small ledger is not begun anew at once.
  const uint64_t least = std::max<uint64_t>(entries_per_second, kTileWidth);
  while (true) {
    const uint64_t checked = Step();
    const uint64_t entries = (checked == 0 ? least : checked) * running_checks.load();
    const uint64_t pause_ms = entries * 1000 / entries_per_second;
    std::unique_lock<std::mutex> lock(mutex_);
    if (stop_.wait_for(lock, std::chrono::milliseconds(pause_ms), [this] { return stopping_; })) {
      return;
    }
  }
}

}  // namespace auditledger
