#include "api/access/policy_keeper.h"

#include <future>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ledger/errors.h"
#include "ledger/posix_file.h"
#include "merkle/system_entries.h"

namespace auditledger {
namespace {

constexpr size_t kMaxMarkerBytes = 256;

std::string MarkerPath(const std::string& data_root, const std::string& id) {
  return absl::StrCat(data_root, "/", id, "/access-policy");
}

// What an entry says of a policy.
std::string Entry(const AccessRules& rules) {
  return absl::StrCat("access_policy sha256:", rules.digest().ToHex());
}

absl::Status Append(Ledger& ledger, const std::string& what) {
  std::promise<absl::Status> answer;
  ledger.AppendOperator({what}, [&answer](const absl::StatusOr<AppendOutcome>& outcome) {
    answer.set_value(outcome.status());
  });
  return answer.get_future().get();
}

// Whether nothing can ever be recorded there.
bool TakesNoMore(const absl::Status& status) {
  return absl::IsUnimplemented(status) || ReasonOf(status).reason == kReasonLedgerFrozen;
}

void Tell(RpcLog& log, const AccessRules& rules, uint64_t now_us) {
  log.Event("access_policy", {{"sha256", rules.digest().ToHex()},
                              {"grants", absl::StrCat(rules.size())},
                              {"in_force", absl::StrCat(rules.InForce(now_us))}});
}

bool Same(const absl::StatusOr<std::string>& a, const absl::StatusOr<std::string>& b) {
  return a.ok() && b.ok() ? *a == *b : a.status() == b.status();
}

}  // namespace

PolicyKeeper::PolicyKeeper(Authorizer& authorizer, LedgerSet& ledgers, AccessLog& access_log,
                           Clock& clock, RpcLog& log, Options options)
    : authorizer_(authorizer),
      ledgers_(ledgers),
      access_log_(access_log),
      clock_(clock),
      log_(log),
      options_(std::move(options)) {
  MutexLock lock(mutex_);
  report_.loads = 1;
}

void PolicyKeeper::Start() {
  Tell(log_, *authorizer_.rules(), clock_.WallMicros());
  thread_ = std::thread([this] {
    while (!stopping_.WaitFor(kPolicyPoll)) RunOnce();
  });
}

void PolicyKeeper::Stop() {
  if (!thread_.joinable()) return;
  stopping_.Notify();
  thread_.join();
}

void PolicyKeeper::RunOnce() {
  absl::StatusOr<std::string> text = AccessRules::ReadText(options_.file);
  bool is_new = false;
  {
    MutexLock lock(mutex_);
    is_new = Same(text, seen_) && !Same(text, tried_);
    seen_ = text;
    if (is_new) tried_ = text;
  }
  if (is_new) (void)Take(text);  // the log and the report say how it went
  RecordAll();
}

absl::Status PolicyKeeper::Reload() {
  absl::StatusOr<std::string> text = AccessRules::ReadText(options_.file);
  {
    MutexLock lock(mutex_);
    seen_ = text;
    tried_ = text;
  }
  return Take(text);
}

absl::Status PolicyKeeper::Take(const absl::StatusOr<std::string>& text) {
  absl::StatusOr<std::shared_ptr<const AccessRules>> rules =
      text.ok() ? AccessRules::Parse(*text, options_.file) : text.status();
  {
    MutexLock lock(mutex_);
    report_.failing = !rules.ok();
    if (!rules.ok()) ++report_.refusals;
  }
  if (!rules.ok()) {
    log_.Error("access_policy_refused", {{"why", std::string(rules.status().message())}});
    return rules.status();
  }
  if ((*rules)->digest() == authorizer_.rules()->digest()) return absl::OkStatus();
  Tell(log_, **rules, clock_.WallMicros());
  authorizer_.Use(*std::move(rules));
  MutexLock lock(mutex_);
  ++report_.loads;
  return absl::OkStatus();
}

void PolicyKeeper::RecordAll() {
  for (const LedgerSet::Slot& slot : ledgers_.List()) {
    if (slot.ledger != nullptr) Record(slot.id, *slot.ledger);
  }
}

void PolicyKeeper::Record(const std::string& id, Ledger& ledger) {
  MutexLock lock(recording_);
  const std::string what = Entry(*authorizer_.rules());
  const std::string marker = MarkerPath(options_.data_root, id);
  std::string& recorded = recorded_[id];
  if (recorded.empty()) recorded = ReadWholeFile(marker, kMaxMarkerBytes).value_or("");
  if (recorded == what) return;
  const bool is_change = !recorded.empty();
  absl::Status appended = Append(ledger, what);
  if (appended.ok() && is_change) appended = AppendEvent(ledger, what);
  if (appended.ok() || TakesNoMore(appended)) {
    recorded = what;
    // Lost, the next start records the policy once more.
    if (appended.ok()) (void)ReplaceFile(marker, what);
  } else if (told_[id] != what) {
    told_[id] = what;
    log_.Warning("access_policy_not_recorded",
                 {{"ledger", id}, {"why", std::string(appended.message())}});
  }
}

absl::Status PolicyKeeper::AppendEvent(Ledger& ledger, const std::string& what) {
  std::promise<absl::Status> answer;
  access_log_.RecordChange(ledger, {SecurityChange::kAccessPolicy, what, ""},
                           [&answer](const absl::Status& status) { answer.set_value(status); });
  return answer.get_future().get();
}

PolicyKeeper::Report PolicyKeeper::report() const {
  const std::shared_ptr<const AccessRules> rules = authorizer_.rules();
  const uint64_t now_us = clock_.WallMicros();
  MutexLock lock(mutex_);
  Report out = report_;
  out.in_force = rules->InForce(now_us);
  out.next_expiry_us = rules->NextExpiry(now_us);
  return out;
}

}  // namespace auditledger
