#include "api/access/jwks_source.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint32_t kMaxDoublings = 16;

template <typename Duration>
uint64_t Micros(Duration duration) {
  return static_cast<uint64_t>(std::chrono::microseconds(duration).count());
}

}  // namespace

absl::StatusOr<std::unique_ptr<JwksSource>> JwksSource::Open(Options options, Clock& clock,
                                                             RpcLog& log) {
  std::unique_ptr<JwksSource> out(new JwksSource(std::move(options), clock, log));
  if (!out->options_.file.empty()) {
    const absl::Status read = out->LookAtFile();
    if (!read.ok()) return absl::InvalidArgumentError(read.message());
  }
  return out;
}

void JwksSource::Start() {
  thread_ = std::thread([this] {
    do {
      RunOnce();
    } while (!stopping_.WaitFor(kJwksTick));
  });
}

void JwksSource::Stop() {
  if (!thread_.joinable()) return;
  stopping_.Notify();
  thread_.join();
}

void JwksSource::RunOnce() {
  if (!options_.file.empty()) {
    Note(LookAtFile());
  } else if (UrlIsDue()) {
    Note(AskUrl());
  }
}

absl::Status JwksSource::LookAtFile() {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, file_.ReadIfChanged());
  // What was wrong with it stays wrong until it changes.
  if (text.has_value()) file_status_ = Take(*text);
  if (file_status_.ok()) Confirm();
  return file_status_;
}

bool JwksSource::UrlIsDue() {
  const uint64_t now = clock_.MonotonicMicros();
  MutexLock lock(mutex_);
  const bool for_unknown_key = wanted_ && now >= next_wanted_us_;
  if (now < due_us_ && !for_unknown_key) return false;
  wanted_ = false;
  asking_ = true;
  next_wanted_us_ = now + Micros(kJwksUnknownKeyInterval);
  return true;
}

absl::Status JwksSource::AskUrl() {
  if (http_ == nullptr) http_ = options_.http();
  ASSIGN_OR_RETURN(const HttpAnswer answer, http_->Get(options_.url, kMaxJwksBytes));
  if (answer.status != 200) {
    return absl::UnavailableError(absl::StrCat("the answer has status ", answer.status));
  }
  RETURN_IF_ERROR(Take(answer.body));
  Confirm();
  return absl::OkStatus();
}

absl::Status JwksSource::Take(const std::string& text) {
  if (text == text_) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::shared_ptr<const JwksKeys> fresh,
                   JwksKeys::Parse(text, options_.rsa_algorithm));
  // Only an operator who changes a file can mean it; a URL's answer may be an issuer's fault.
  const bool withdraws = !options_.file.empty() && !text_.empty();
  if (fresh->size() == 0 && !withdraws) return absl::InvalidArgumentError("holds no key");
  text_ = text;
  log_.Event("token_keys_read",
             {{"issuer", options_.issuer}, {"keys", absl::StrCat(fresh->size())}});
  MutexLock lock(mutex_);
  keys_ = std::move(fresh);
  return absl::OkStatus();
}

void JwksSource::Confirm() {
  const uint64_t now = clock_.MonotonicMicros();
  MutexLock lock(mutex_);
  read_us_ = now;
}

void JwksSource::Note(const absl::Status& status) {
  const std::string why(status.message());
  if (!status.ok() && why != logged_) {
    log_.Warning("token_keys_failed", {{"issuer", options_.issuer}, {"why", why}});
  }
  logged_ = why;
  const uint64_t now = clock_.MonotonicMicros();
  MutexLock lock(mutex_);
  uint64_t wait_us = Micros(kJwksRefresh);
  if (!status.ok()) {
    const uint32_t doublings = std::min(failures_in_row_, kMaxDoublings);
    wait_us = std::min(wait_us, Micros(kJwksFirstRetry) << doublings);
  }
  failures_in_row_ = status.ok() ? 0 : failures_in_row_ + 1;
  due_us_ = now + wait_us;
  asking_ = false;
}

std::shared_ptr<const JwksKeys> JwksSource::keys() const {
  const uint64_t now = clock_.MonotonicMicros();
  MutexLock lock(mutex_);
  // A file is the operator's word until it is another.
  if (!options_.url.empty() && now >= read_us_ + Micros(kJwksMaxAge)) return nullptr;
  return keys_;
}

bool JwksSource::WantKey() {
  if (options_.url.empty()) return false;
  const uint64_t now = clock_.MonotonicMicros();
  MutexLock lock(mutex_);
  // Asked for later all the same, should nothing else make it due before.
  wanted_ = true;
  return asking_ || now >= next_wanted_us_;
}

JwksSource::Report JwksSource::report() const {
  const uint64_t now = clock_.MonotonicMicros();
  MutexLock lock(mutex_);
  Report out;
  out.issuer = options_.issuer;
  out.keys = keys_ == nullptr ? 0 : keys_->size();
  if (keys_ != nullptr) out.age_s = static_cast<int64_t>((now - read_us_) / 1'000'000);
  out.failing = failures_in_row_ > 0;
  return out;
}

}  // namespace auditledger
