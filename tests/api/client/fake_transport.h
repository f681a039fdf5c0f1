// A ledger that a test writes the answers of: once for each event id, receipts, refusals, silence.
#ifndef AUDITLEDGER_TESTS_API_CLIENT_FAKE_TRANSPORT_H_
#define AUDITLEDGER_TESTS_API_CLIENT_FAKE_TRANSPORT_H_

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/client/emitter_transport.h"
#include "api/client/rpc_error.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace auditledger::testing {

// As the server says it.
inline absl::Status ServerError(absl::StatusCode code, const std::string& reason) {
  v1::Problem problem;
  problem.set_code(static_cast<int>(code));
  problem.set_message("the server says " + reason);
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("auditledger");
  details.add_details()->PackFrom(info);
  problem.set_status_details(details.SerializeAsString());
  return FromProblem(problem);
}

// Thread-safe; the functions are set before it is used.
class FakeTransport : public EmitterTransport {
 public:
  // What an event is answered with; OK: its receipt.
  std::function<absl::Status(const v1::AuditEvent&)> judge;
  // Asked before each attempt: answers are given for so many events; then the status, if not OK.
  std::function<std::pair<size_t, absl::Status>()> fate;
  std::function<absl::StatusOr<std::string>(const std::string&, const std::string&)> follow;
  std::function<absl::StatusOr<WitnessedHead>()> witnessed;
  bool loses_answers = false;  // records, and says nothing
  // What a call is refused with as a whole.
  std::function<absl::Status(absl::Span<const v1::AuditEvent>)> call;

  absl::Status Send(absl::Span<const v1::AuditEvent> events,
                    const LedgerClient::ResultCallback& on_result) override {
    const absl::Status taken = call ? call(events) : absl::OkStatus();
    if (!taken.ok()) return taken;
    const auto [answered, end] =
        fate ? fate() : std::pair<size_t, absl::Status>{events.size(), absl::OkStatus()};
    for (size_t i = 0; i < events.size() && i < answered; ++i) {
      absl::StatusOr<v1::Receipt> result = Record(events[i]);
      if (!loses_answers) on_result(i, result);
    }
    if (loses_answers) return absl::UnavailableError("the connection was cut");
    return end;
  }
  absl::StatusOr<std::string> Follow(const std::string& last, const std::string& note) override {
    return follow ? follow(last, note) : note;
  }
  absl::StatusOr<WitnessedHead> Witnessed() override {
    return witnessed ? witnessed() : absl::UnavailableError("no witness");
  }

  // What the ledger holds, in its order.
  std::vector<v1::AuditEvent> log() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return log_;
  }
  uint64_t repeats() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return repeats_;
  }

 private:
  absl::StatusOr<v1::Receipt> Record(const v1::AuditEvent& event) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (judge) {
      absl::Status verdict = judge(event);
      if (!verdict.ok()) return verdict;
    }
    const auto [at, is_new] = indices_.emplace(event.event_id(), log_.size());
    if (is_new) log_.push_back(event);
    if (!is_new && log_[at->second].SerializeAsString() != event.SerializeAsString()) {
      return ServerError(absl::StatusCode::kAlreadyExists, "EVENT_ID_CONFLICT");
    }
    repeats_ += is_new ? 0 : 1;
    v1::Receipt receipt;
    receipt.set_index(at->second);
    receipt.set_repeated_event(!is_new);
    receipt.mutable_checkpoint()->set_note(absl::StrCat("head of ", log_.size()));
    return receipt;
  }

  mutable std::mutex mutex_;
  std::vector<v1::AuditEvent> log_;
  std::map<std::string, uint64_t> indices_;
  uint64_t repeats_ = 0;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_CLIENT_FAKE_TRANSPORT_H_
